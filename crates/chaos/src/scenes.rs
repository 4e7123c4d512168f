//! The scenes.

mod clock;
mod disk;
mod freeze;
mod ground;
mod kill;
mod load;
mod power_cut;
mod upgrade;

pub(crate) use clock::Clock;
pub(crate) use disk::Disk;
pub(crate) use freeze::Freeze;
pub(crate) use ground::{disk, power_cut};
pub(crate) use kill::Kill;
pub(crate) use load::Load;
pub(crate) use power_cut::PowerCut;
pub(crate) use upgrade::Upgrade;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 8] = [
    "kill",
    "freeze",
    "disk",
    "power-cut",
    "power-cut-fjall",
    "clock",
    "load",
    "upgrade",
];
