//! One connection's life.

mod admission;
mod connection;
mod context;
mod downgrade;
mod gather;
mod guard;
mod handshake;
mod io;
mod join;
mod leavers;
mod parted;
mod registry;
mod requests;
mod route;
mod speech;
mod spread;

use std::time::Duration;

pub(crate) use self::{
    connection::Connection,
    context::SessionContext,
    io::run,
    leavers::Leavers,
    registry::{Registry, SessionRecord},
};

/// How the hub ends a session that did nothing wrong.
#[derive(Debug, Clone)]
pub(crate) struct Dismissal {
    /// For people.
    pub(crate) reason: String,
    /// When the node should come back.
    pub(crate) retry_after: Duration,
}

/// Tells a connection that there is no session for it, whatever it says.
pub(crate) async fn turn_away(mut connection: Connection, word: leasehold_wire::FromHub) {
    handshake::say_last(&mut connection.writer, &word).await;
}
