//! The scenes.

mod kill;
mod network;

pub(crate) use kill::Kill;
pub(crate) use network::Network;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 2] = ["kill", "network"];
