//! One connection's life.

mod admission;
mod arrivals;
mod backup;
mod connection;
mod context;
mod downgrade;
mod entry;
mod gather;
mod guard;
mod handshake;
mod household;
mod io;
mod join;
mod leavers;
mod opening;
mod origin;
mod parted;
mod registry;
mod requests;
mod route;
mod sealed;
mod speech;
mod spread;
mod throttle;

use std::time::Duration;

use leasehold_wire::FromHub;
use tokio::time::Instant;

pub(crate) use self::{
    arrivals::{Arrival, Arrivals, Notice},
    backup::Backups,
    connection::Connection,
    context::SessionContext,
    io::run,
    leavers::Leavers,
    origin::Origin,
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

/// Tells a connection that there is no session for it, whatever it says. What it has said already is
/// read, for what is closed over unread words is reset, and may be before its last word has arrived.
pub(crate) async fn turn_away(context: SessionContext, connection: Connection, word: FromHub) {
    let door = &context.door;
    // It takes a handshake to be told so in TLS: not everybody can be.
    let leave = door.may_turn_away();
    if leave.is_none() && door.credentials().is_some() {
        return;
    }
    let until = Instant::now() + context.config.now().session.handshake_within;
    let Some(mut opened) = opening::open(connection, door, until).await else {
        return;
    };
    handshake::say_last(&mut opened.writer, &word).await;
    if let Some(_one_of_few) = context.arrivals.linger() {
        opening::linger(&mut opened.reader).await;
    }
}
