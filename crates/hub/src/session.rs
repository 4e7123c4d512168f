//! One connection's life.

mod arrivals;
mod connection;
mod context;
mod downgrade;
mod gather;
mod guard;
mod handshake;
mod io;
mod join;
mod leavers;
mod origin;
mod parted;
mod registry;
mod requests;
mod route;
mod speech;
mod spread;
mod throttle;

use std::time::Duration;

use leasehold_wire::FromHub;
use tokio::{
    io::{AsyncReadExt, copy, sink},
    time::timeout,
};

pub(crate) use self::{
    arrivals::{Arrival, Arrivals, Notice},
    connection::Connection,
    context::SessionContext,
    io::run,
    leavers::Leavers,
    origin::Origin,
    registry::{Registry, SessionRecord},
};

/// How long a connection that was turned away may take to close.
const HEARD_OUT_WITHIN: Duration = Duration::from_secs(1);

/// How much of it is read meanwhile.
const HEARD_OUT_BYTES_MAX: u64 = 64 * 1024;

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
pub(crate) async fn turn_away(mut connection: Connection, word: FromHub, arrivals: Arrivals) {
    handshake::say_last(&mut connection.writer, &word).await;
    let Some(_one_of_few) = arrivals.linger() else {
        return;
    };
    let mut rest = connection.reader.take(HEARD_OUT_BYTES_MAX);
    // It goes, or is gone.
    _ = timeout(HEARD_OUT_WITHIN, copy(&mut rest, &mut sink())).await;
}
