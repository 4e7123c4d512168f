//! The scenes.

mod clock;
mod disk;
mod freeze;
mod ground;
mod kill;
mod load;
mod network;
mod partition;
mod power_cut;
mod upgrade;

pub(crate) use clock::Clock;
pub(crate) use disk::Disk;
pub(crate) use freeze::Freeze;
pub(crate) use ground::{disk, power_cut};
pub(crate) use kill::Kill;
pub(crate) use load::Load;
pub(crate) use network::Network;
pub(crate) use partition::Partition;
pub(crate) use power_cut::PowerCut;
pub(crate) use upgrade::Upgrade;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 10] = [
    "kill",
    "freeze",
    "network",
    "partition",
    "disk",
    "power-cut",
    "power-cut-fjall",
    "clock",
    "load",
    "upgrade",
];
