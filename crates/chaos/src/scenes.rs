//! The scenes.

mod disk;
mod freeze;
mod ground;
mod kill;
mod load;
mod power_cut;

pub(crate) use disk::Disk;
pub(crate) use freeze::Freeze;
pub(crate) use ground::{disk, power_cut};
pub(crate) use kill::Kill;
pub(crate) use load::Load;
pub(crate) use power_cut::PowerCut;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 6] = [
    "kill",
    "freeze",
    "load",
    "disk",
    "power-cut",
    "power-cut-fjall",
];
