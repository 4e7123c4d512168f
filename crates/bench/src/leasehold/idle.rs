//! Sessions that only wait, and one that claims a single task.

use std::time::Duration;

use leasehold_core::{PoolName, Rejection};
use leasehold_reach::Door;
use leasehold_wire::{FromHub, FromNode, NodeCodec, Request, Response, Status};
use tokio::{
    sync::watch,
    time::{Instant, interval_at, sleep},
};

use super::{NAME, session};
use crate::{BenchError, Connection};

/// How long a claim waits, in milliseconds; the tasks are there.
const CLAIM_WAIT_MS: u64 = 5_000;

/// Longer than any phase holds a task, in milliseconds.
const LEASE_MS: u64 = 3_600_000;

/// A session that says only that it is still here.
pub(crate) struct Idle {
    connection: Connection,
    codec: NodeCodec,
    pool: PoolName,
    /// How often it says so: a little more often than it promised, as a node of `leasehold-node`
    /// does, so that the hub takes the occasion.
    beat: Duration,
}

impl Idle {
    /// Opens it.
    pub(super) async fn open(door: Door, pool: PoolName) -> Result<Self, BenchError> {
        let mut connection = Connection::enter_small(&door).await?;
        let mut codec = NodeCodec::new();
        let welcome = session::open(&mut connection, &mut codec, &door).await?;
        Ok(Self {
            connection,
            codec,
            pool,
            beat: Duration::from_millis(welcome.heartbeat_ms.max(1)) * 7 / 8,
        })
    }

    /// The time from one heartbeat to the next.
    pub(crate) const fn beat(&self) -> Duration {
        self.beat
    }

    /// Keeps it open until it fails; when it is told to go, it waits for a task.
    pub(crate) async fn run(mut self, mut go: watch::Receiver<bool>) -> Result<Self, BenchError> {
        let mut heart = interval_at(Instant::now() + self.beat, self.beat);
        let mut waits = false;
        loop {
            tokio::select! {
                read = self.connection.receive() => {
                    read?;
                    while self.hear()?.is_some() {}
                }
                _ = heart.tick() => self.say(&FromNode::Ping).await?,
                changed = go.changed(), if !waits => {
                    // Whoever might have told it is gone: it is over.
                    if changed.is_err() {
                        return Ok(self);
                    }
                    waits = true;
                    self.grant().await?;
                }
            }
        }
    }

    fn hear(&mut self) -> Result<Option<FromHub>, BenchError> {
        session::next(&mut self.codec, &mut self.connection.input)
    }

    async fn say(&mut self, message: &FromNode) -> Result<(), BenchError> {
        session::put(&mut self.codec, message, &mut self.connection.output)?;
        self.connection.send().await
    }

    async fn grant(&mut self) -> Result<(), BenchError> {
        let body = Request::Credit {
            pool: self.pool.clone(),
            tasks: 1,
            lease_ms: None,
        };
        self.say(&FromNode::Request { id: 0, body }).await
    }

    /// The next thing that the hub says.
    async fn heard(&mut self) -> Result<FromHub, BenchError> {
        loop {
            if let Some(message) = self.hear()? {
                return Ok(message);
            }
            self.connection.receive().await?;
        }
    }

    /// Claims one task, however often the hub says that the pool is not there yet.
    pub(super) async fn claim_one(mut self) -> Result<(), BenchError> {
        self.grant().await?;
        loop {
            match self.heard().await? {
                FromHub::Deliver { .. } => return Ok(()),
                FromHub::Response {
                    body: Response::Refused(Rejection::Unavailable { retry_after, .. }),
                    ..
                } => {
                    // Sooner than it says: it is measured how soon it can be.
                    sleep(retry_after.min(Duration::from_millis(1))).await;
                    self.grant().await?;
                }
                FromHub::Response { .. } | FromHub::Ping => {}
                message @ (FromHub::DeliverMore { .. }
                | FromHub::StopAsked { .. }
                | FromHub::Welcome(_)
                | FromHub::Refused(_)
                | FromHub::Revoked { .. }
                | FromHub::Bye { .. }) => return Err(session::unexpected(&message)),
            }
        }
    }

    /// Claims so many tasks, and holds them.
    pub(crate) async fn claim(mut self, tasks: u32) -> Result<Self, BenchError> {
        let mut held = 0;
        while held < tasks {
            let body = Request::Claim {
                pool: self.pool.clone(),
                tasks_max: tasks - held,
                wait_ms: CLAIM_WAIT_MS,
                lease_ms: Some(LEASE_MS),
            };
            self.say(&FromNode::Request { id: 0, body }).await?;
            held += self.claimed().await?;
        }
        Ok(self)
    }

    async fn claimed(&mut self) -> Result<u32, BenchError> {
        loop {
            let FromHub::Response { body, .. } = self.heard().await? else {
                continue;
            };
            let Response::Claimed(tasks) = body else {
                return Err(BenchError::unexpected(NAME, format_args!("{body:?}")));
            };
            if tasks.is_empty() {
                return Err(BenchError::unexpected(NAME, "there is no task"));
            }
            return Ok(u32::try_from(tasks.len()).unwrap_or(u32::MAX));
        }
    }

    /// How things stand with the hub.
    pub(super) async fn status(mut self) -> Result<Status, BenchError> {
        let body = Request::Status { pool: None };
        self.say(&FromNode::Request { id: 0, body }).await?;
        loop {
            if let FromHub::Response { body, .. } = self.heard().await? {
                let Response::Status(status) = body else {
                    return Err(BenchError::unexpected(NAME, format_args!("{body:?}")));
                };
                return Ok(*status);
            }
        }
    }
}
