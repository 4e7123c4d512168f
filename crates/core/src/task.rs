//! A task, exactly as it is stored.
//!
//! To change a field: give the store's record a new version (`leasehold-store`, `record.rs`), keep
//! reading the old one, and add a golden file.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Extras, LeaseId, LeaseRef, Node, TaskId, Timestamp};

/// A task without its payload and result, which the store keeps and gives back on demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The id that its producer drew.
    pub id: TaskId,
    /// Its place among the tasks of its pool: counts enqueues, and breaks ties of age.
    pub place: u64,
    /// 0 is the most urgent.
    pub priority: u32,
    /// With this many failures it is dead: attempts that failed, expired or ran too long.
    pub attempts_max: u32,
    /// When it was accepted.
    pub enqueued_at: Timestamp,
    /// What its age is counted from: when it was first ready, which a requeue does not renew. A
    /// revived task is first ready at its revival; a suspect of killing its nodes loses its place,
    /// and counts from when it is ready after its back-off.
    pub ready_at: Timestamp,
    /// Attempts begun that count: the running one is number `attempt`, from 1.
    pub attempt: u32,
    /// Leases that ended without counting: released, or the hub's doing.
    pub interruptions: u32,
    /// Attempts in a row that ended with their node: it may be this task that kills them.
    pub losses_in_a_row: u32,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// Length of the result in bytes, if it completed with one.
    pub result_len: Option<u32>,
    /// Where it is in its life.
    pub state: State,
    /// The newest lease while its holder may still answer; none once the holder gave it up.
    pub lease: Option<Lease>,
    /// The last attempts that ended, oldest first; at most [`crate::limits::HISTORY_MAX`].
    pub history: Vec<Attempt>,
    /// What it has beyond a plain task, which is stored after it.
    #[serde(skip)]
    pub extras: Option<Arc<Extras>>,
}

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Not before this time: by its producer's wish, or backing off.
    Scheduled {
        /// When it is ready.
        run_at: Timestamp,
    },
    /// May be claimed.
    Ready,
    /// On lease.
    Claimed,
    /// Done.
    Completed {
        /// When.
        at: Timestamp,
    },
    /// Called off.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// Given up; it can be revived.
    Dead {
        /// When.
        at: Timestamp,
        /// Why.
        cause: Death,
    },
}

impl State {
    /// Which of the six.
    #[must_use]
    pub const fn kind(&self) -> StateKind {
        match self {
            Self::Scheduled { .. } => StateKind::Scheduled,
            Self::Ready => StateKind::Ready,
            Self::Claimed => StateKind::Claimed,
            Self::Completed { .. } => StateKind::Completed,
            Self::Cancelled { .. } => StateKind::Cancelled,
            Self::Dead { .. } => StateKind::Dead,
        }
    }
}

/// A state by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StateKind {
    /// Waits for its time.
    Scheduled,
    /// May be claimed.
    Ready,
    /// On lease.
    Claimed,
    /// Done.
    Completed,
    /// Called off.
    Cancelled,
    /// Given up.
    Dead,
}

impl StateKind {
    /// All six, in the order of a task's life.
    pub const ALL: [Self; 6] = [
        Self::Ready,
        Self::Scheduled,
        Self::Claimed,
        Self::Completed,
        Self::Cancelled,
        Self::Dead,
    ];

    /// Whether the task has ended.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Dead)
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Claimed => "claimed",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a task is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Death {
    /// As many attempts failed as it had.
    AttemptsSpent,
    /// Lost with its node as often as it may be.
    LostTooOften,
    /// Released or interrupted more often than a pool allows.
    InterruptedTooOften,
    /// It waited longer than it may.
    Expired,
    /// Its holder said that no attempt will do.
    Hopeless,
    /// What it waited for was called off, or is known no longer.
    ParentGone,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AttemptsSpent => "attempts spent",
            Self::LostTooOften => "lost with its node too often",
            Self::InterruptedTooOften => "interrupted too often",
            Self::Expired => "expired",
            Self::Hopeless => "hopeless",
            Self::ParentGone => "what it waited for is gone",
        })
    }
}

/// A lease, as stored with its task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Who holds it.
    pub node: Node,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// For how long the holder asked, in milliseconds: what an extension without a wish renews.
    pub lease_ms: u64,
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1; attempts that do not count share the number of the next.
    pub attempt: u32,
    /// The lease it ran under.
    pub lease: LeaseId,
    /// The node it ran on.
    pub node: Node,
    /// When it was granted.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How.
    pub ending: AttemptEnding,
    /// What the node said of it; empty if it said nothing.
    pub reason: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AttemptEnding {
    /// With success.
    Completed,
    /// The node said so.
    Failed,
    /// Its deadline passed.
    Expired,
    /// Its session was cut and did not come back in time.
    Cut,
    /// Nothing was heard of its node.
    Silence,
    /// The node gave it back, or ended its session with a bye.
    Released,
    /// The hub restarted, or ended the session, and the node did not resume.
    Interrupted,
    /// The task was called off.
    Cancelled,
    /// It ran longer than it may.
    Overran,
}

impl AttemptEnding {
    /// Whether it is an attempt of the task, a failure or a loss; each of these has a bound of its
    /// own. Interruptions are no attempts, and have theirs.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Expired | Self::Cut | Self::Silence | Self::Overran
        )
    }

    /// Whether the attempt ended together with its node.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        matches!(self, Self::Cut | Self::Silence)
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cut => "cut",
            Self::Silence => "silence",
            Self::Released => "released",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Overran => "overran",
        }
    }
}

impl fmt::Display for AttemptEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Task {
    /// Whether `proof` names the newest lease of this task and its holder may still answer.
    #[must_use]
    pub fn is_held_under(&self, proof: LeaseRef) -> bool {
        self.id == proof.task
            && self
                .lease
                .as_ref()
                .is_some_and(|lease| lease.id == proof.lease)
    }

    /// The node that holds it, that ended it, or with which it died; none while it waits, and none
    /// if it was called off while it waited.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        match self.state {
            State::Claimed => self.lease.as_ref().map(|lease| &lease.node),
            State::Scheduled { .. } | State::Ready => None,
            State::Completed { .. } | State::Cancelled { .. } => {
                use AttemptEnding::{Cancelled, Completed};
                let last = self.history.last();
                last.filter(|of| matches!(of.ending, Completed | Cancelled))
                    .map(|attempt| &attempt.node)
            }
            State::Dead { .. } => self.history.last().map(|attempt| &attempt.node),
        }
    }

    /// What was last said of its going wrong, empty if nothing was.
    #[must_use]
    pub fn last_reason(&self) -> &str {
        self.history
            .iter()
            .rev()
            .find(|attempt| attempt.ending.counts())
            .map_or("", |attempt| &attempt.reason)
    }
}
