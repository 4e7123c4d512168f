//! The scenes.

mod kill;
mod network;
mod partition;

pub(crate) use kill::Kill;
pub(crate) use network::Network;
pub(crate) use partition::Partition;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 3] = ["kill", "network", "partition"];
