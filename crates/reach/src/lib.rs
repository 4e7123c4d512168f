//! How a command reaches a hub: by TLS or plainly, and with which token.
//!
//! The flags and variables are the same for every command that connects ([`WayArgs`]), those that
//! speak the protocol by themselves included: what they come to is a [`Door`], which has what a node
//! of `leasehold-node` wants, and opens sessions for whoever does without one. What is handed to a
//! process that such a command starts goes by its environment ([`WayArgs::hand_on`]): arguments
//! stand in lists of processes.

mod door;
mod knock;
mod tls;
mod token;
mod way;

pub use door::{Door, Entry, Frames};
pub use leasehold_node::{RequestError, Secret, Stream};
pub use way::{WayArgs, WayError, address};
