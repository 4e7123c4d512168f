//! What the front of a pool asks of a partition: tasks for those who wait there.

use std::{fmt, mem, time::Duration};

use leasehold_core::{Rejection, RequestId, SessionId, Timestamp};

use super::PoolMessage;
use crate::actor::ActorRef;

/// Tasks for one who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) session: SessionId,
    /// At most so many.
    pub(crate) tasks: u32,
    pub(crate) lease: Option<Duration>,
    pub(crate) of: For,
}

/// What the tasks are granted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Claim {
        request: RequestId,
        /// Its place in the line.
        ticket: u64,
        /// What the claim asked for.
        tasks_max: u32,
        until: Timestamp,
    },
    Credit,
}

/// Those who are first in the line. If it is dropped unread, the front is told that nothing was
/// granted.
pub(crate) struct Slip {
    front: ActorRef<PoolMessage>,
    wants: Vec<Want>,
    on_loss: Option<Box<dyn FnOnce() + Send>>,
}

impl Slip {
    pub(crate) fn new(
        front: ActorRef<PoolMessage>,
        wants: Vec<Want>,
        on_loss: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self {
            front,
            wants,
            on_loss: Some(Box::new(on_loss)),
        }
    }

    pub(super) fn wants(&self) -> &[Want] {
        &self.wants
    }

    /// How many tasks each was granted.
    pub(super) fn answer(mut self, outcomes: Vec<Result<u32, Rejection>>) {
        self.on_loss = None;
        self.say(outcomes);
    }

    fn say(&mut self, outcomes: Vec<Result<u32, Rejection>>) {
        let wants = mem::take(&mut self.wants);
        let outcomes = wants.into_iter().zip(outcomes).collect();
        // A front that has ended has told its sessions.
        _ = self.front.cast(PoolMessage::Served(outcomes));
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        if let Some(on_loss) = self.on_loss.take() {
            on_loss();
            self.say(vec![Ok(0); self.wants.len()]);
        }
    }
}

impl fmt::Debug for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slip")
            .field("wants", &self.wants)
            .finish_non_exhaustive()
    }
}
