//! The scenes.

mod disk;
mod ground;
mod kill;
mod power_cut;

pub(crate) use disk::Disk;
pub(crate) use ground::{disk, power_cut};
pub(crate) use kill::Kill;
pub(crate) use power_cut::PowerCut;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 4] = ["kill", "disk", "power-cut", "power-cut-fjall"];
