//! One connection's life.

mod connection;
mod context;
mod downgrade;
mod gather;
mod guard;
mod handshake;
mod io;
mod join;
mod leavers;
mod opening;
mod parted;
mod registry;
mod requests;
mod route;
mod sealed;
mod speech;
mod spread;

use std::time::Duration;

use tokio::time::Instant;

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
pub(crate) async fn turn_away(
    context: SessionContext,
    connection: Connection,
    word: leasehold_wire::FromHub,
) {
    let door = &context.door;
    // It takes a handshake to be told so in TLS: not everybody can be.
    let leave = door.may_turn_away();
    if leave.is_none() && door.credentials().is_some() {
        return;
    }
    let until = Instant::now() + context.config.now().session.handshake_within;
    if let Some(mut opened) = opening::open(connection, door, until).await {
        handshake::say_last(&mut opened.writer, &word).await;
    }
}
