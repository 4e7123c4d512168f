//! The scenes.

mod freeze;
mod kill;
mod load;
mod network;
mod partition;

pub(crate) use freeze::Freeze;
pub(crate) use kill::Kill;
pub(crate) use load::Load;
pub(crate) use network::Network;
pub(crate) use partition::Partition;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 5] = ["kill", "freeze", "load", "network", "partition"];
