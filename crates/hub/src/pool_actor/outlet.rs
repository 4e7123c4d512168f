//! What a pool says to a session's I/O task.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{
    Grant, LeaseRef, PoolId, PoolName, RequestId, Revocation, SessionId, Task, Timestamp,
};
use leasehold_wire::{Delivery, DeliveryMore, Fact, PoolStatus, Response};
use tokio::sync::mpsc::UnboundedSender;

use super::Ask;
use crate::{
    freight::{Freight, Way},
    session::Dismissal,
};

/// To the I/O task of a session.
#[derive(Debug)]
pub(crate) enum Out {
    /// The answer of one pool to a request.
    Answer(RequestId, PoolId, Part, Freight),
    /// Tasks granted against credit.
    Deliver(PoolName, Vec<Delivery>, Freight),
    /// The same, where one of them has more to it than any.
    DeliverMore(PoolName, Vec<DeliveryMore>, Freight),
    /// There was no room for what this brings: it is for the session to ask it of this pool again.
    Later(PoolName, RequestId, Ask),
    /// A lease ended without the session's doing.
    Revoke(LeaseRef, Revocation),
    /// A task is to end within so long.
    AskStop(LeaseRef, Duration),
    /// A pool that knows the session has failed.
    PoolDown(PoolName),
    /// The node has opened a newer session.
    Superseded,
    /// The hub ends the session.
    Dismiss(Dismissal),
    /// The session may do nothing any more, and why.
    Denied(String),
}

/// A pool's part of a response: all of it, or one pool's share of a status.
#[derive(Debug)]
pub(crate) enum Part {
    Whole(Response),
    Status(Box<PoolStatus>, Vec<(SessionId, u64)>),
    Fence,
}

/// Something to say that waits in the outbox, before blobs are filled in.
#[derive(Debug)]
pub(super) enum Said {
    Part(RequestId, Part),
    Claimed(RequestId, Laden),
    Task {
        request: RequestId,
        task: Box<Task>,
        moment: Option<Timestamp>,
        facts: Vec<Fact>,
        freight: Freight,
    },
    Deliver(Laden),
    Later(RequestId, Ask),
    Revoke(LeaseRef, Revocation),
    AskStop(LeaseRef, Duration),
}

/// Grants, with the payloads of those that were in memory.
#[derive(Debug)]
pub(super) struct Laden {
    pub(super) grants: Vec<(Grant, Option<Bytes>)>,
    pub(super) freight: Freight,
}

/// The way back to a session. If it is dropped before the session has gone, the pool has failed.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(super) pool: PoolName,
    pub(super) way: Way,
    back: Option<UnboundedSender<Out>>,
}

impl Outlet {
    pub(crate) const fn new(pool: PoolName, way: Way, back: UnboundedSender<Out>) -> Self {
        Self {
            pool,
            way,
            back: Some(back),
        }
    }

    /// Says it; a session that has ended meanwhile needs no answer.
    pub(crate) fn say(&self, out: Out) {
        if let Some(back) = &self.back {
            _ = back.send(out);
        }
    }

    /// The session has gone: it need not be told when the pool does.
    pub(crate) fn close(mut self) {
        self.back = None;
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.say(Out::PoolDown(self.pool.clone()));
    }
}
