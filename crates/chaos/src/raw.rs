//! A session by hand, for those who behave badly.

use std::{fmt, io, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use leasehold_node::{Incarnation, LeaseRef, NodeName, PoolName, Refusal, Rejection};
use leasehold_reach::{Door, Entry, Frames};
use leasehold_wire::{CompleteItem, Delivery, FromHub, FromNode, Hello, Request, Response};
use tokio::time::timeout;

/// How long the hub may take for a word, on a machine that has much else to do.
const WORD_WITHIN: Duration = Duration::from_secs(60);

/// How long it may take until it has let somebody in: a connection, a hello and a token.
const ENTERED_WITHIN: Duration = Duration::from_secs(120);

/// A session that does only what it is told; it does not even ping.
#[derive(Debug)]
pub(crate) struct Raw {
    frames: Frames,
    last_id: u64,
}

/// How the hub received it.
#[derive(Debug)]
pub(crate) enum Reception {
    Welcomed(Box<Raw>),
    Refused(Refusal),
}

impl Raw {
    /// Opens a session.
    pub(crate) async fn open(hub: &Door, name: &str, incarnation: u64) -> io::Result<Reception> {
        let name = NodeName::new(name).map_err(io::Error::other)?;
        let hello = Hello::new(name, Incarnation(incarnation));
        Ok(match timeout(ENTERED_WITHIN, hub.enter(hello)).await?? {
            Entry::Refused(refusal) => Reception::Refused(refusal),
            Entry::Welcomed(session) => {
                let (frames, _) = *session;
                Reception::Welcomed(Box::new(Self { frames, last_id: 0 }))
            }
        })
    }

    /// The same, where a refusal is an error.
    pub(crate) async fn welcomed(hub: &Door, name: &str, incarnation: u64) -> io::Result<Self> {
        match Self::open(hub, name, incarnation).await? {
            Reception::Welcomed(raw) => Ok(*raw),
            Reception::Refused(refusal) => Err(io::Error::other(refusal.reason)),
        }
    }

    /// The connection itself.
    pub(crate) fn into_frames(self) -> Frames {
        self.frames
    }

    /// Sends a request, and does not wait.
    pub(crate) async fn begin(&mut self, body: Request) -> io::Result<u64> {
        self.last_id += 1;
        let id = self.last_id;
        send(&mut self.frames, FromNode::Request { id, body }).await?;
        Ok(id)
    }

    /// Sends a request and waits for its response; what else comes is passed over.
    pub(crate) async fn ask(&mut self, body: Request) -> io::Result<Response> {
        let asked = self.begin(body).await?;
        loop {
            match self.next().await? {
                FromHub::Response { id, body } if id == asked => return Ok(body),
                FromHub::Refused(refusal) => return Err(io::Error::other(refusal.reason)),
                FromHub::Bye { reason, .. } => return Err(io::Error::other(reason)),
                FromHub::Welcome(_)
                | FromHub::Response { .. }
                | FromHub::Deliver { .. }
                | FromHub::DeliverMore { .. }
                | FromHub::Revoked { .. }
                | FromHub::StopAsked { .. }
                | FromHub::Ping => {}
            }
        }
    }

    /// Says that it is still there.
    pub(crate) async fn ping(&mut self) -> io::Result<()> {
        send(&mut self.frames, FromNode::Ping).await
    }

    /// The next word of the hub.
    pub(crate) async fn next(&mut self) -> io::Result<FromHub> {
        next(&mut self.frames).await
    }

    /// Claims up to so many tasks, and waits so long for the first.
    pub(crate) async fn claim(
        &mut self,
        pool: &PoolName,
        tasks_max: u32,
        wait: Duration,
    ) -> io::Result<Vec<Delivery>> {
        let request = Request::Claim {
            pool: pool.clone(),
            tasks_max,
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            lease_ms: None,
        };
        let answer = self.ask(request).await?;
        if let Response::Claimed(tasks) = answer {
            return Ok(tasks);
        }
        let Response::ClaimedMore(tasks) = answer else {
            return Err(unexpected("a claim", &answer));
        };
        Ok(tasks.into_iter().map(|task| task.delivery).collect())
    }

    /// Completes a task; what the hub says to it.
    pub(crate) async fn complete(
        &mut self,
        proof: LeaseRef,
        result: String,
    ) -> io::Result<Result<(), Rejection>> {
        let result = Some(Bytes::from(result));
        let items = vec![CompleteItem { proof, result }];
        let answer = self.ask(Request::Complete { items }).await?;
        if let Response::Refused(rejection) = answer {
            return Ok(Err(rejection));
        }
        let Response::Done(items) = answer else {
            return Err(unexpected("a completion", &answer));
        };
        let first = items.into_iter().next();
        first.ok_or_else(|| io::Error::other("no answer to the one item"))
    }
}

fn unexpected(asked: &str, answer: &dyn fmt::Debug) -> io::Error {
    io::Error::other(format!("{asked} was answered by {answer:?}"))
}

async fn send(frames: &mut Frames, message: FromNode) -> io::Result<()> {
    timeout(WORD_WITHIN, frames.send(message))
        .await?
        .map_err(io::Error::other)
}

async fn next(frames: &mut Frames) -> io::Result<FromHub> {
    let next = timeout(WORD_WITHIN, frames.next()).await?;
    next.ok_or(io::ErrorKind::UnexpectedEof)?
        .map_err(io::Error::other)
}
