//! Refusals, which are answers.

use alloc::{boxed::Box, string::String};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{StateKind, TaskId};

/// Why something asked was not done. Nothing changed because of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Rejection {
    /// The lease is not, or no longer, the newest of its task, or the task has ended.
    #[error("the lease is lost: its task has ended, or was granted to someone else")]
    LeaseLost,
    /// No task of this id is known, or it ended so long ago that it was forgotten.
    #[error("no such task is known")]
    NoSuchTask,
    /// The task has ended already.
    #[error("the task is {0} already")]
    Ended(StateKind),
    /// Only dead tasks are revived.
    #[error("the task is {0}, and only a dead task can be revived")]
    NotDead(StateKind),
    /// The pool holds as many tasks as it may.
    #[error("the pool is full: it holds at most {tasks_max} tasks")]
    PoolFull {
        /// The bound.
        tasks_max: u64,
    },
    /// A value is out of its bounds.
    #[error("{what} is {value}, and must be {min} to {max}")]
    OutOfBounds {
        /// Which value, with its unit.
        what: String,
        /// What it was.
        value: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// The pool knows nothing of this session: it was ended.
    #[error("the session has ended")]
    SessionEnded,
    /// There is no pool of this name, and the hub makes none on first use.
    #[error("no such pool: {0}")]
    NoSuchPool(String),
    /// The hub keeps free disk space back for what it has accepted.
    #[error("the hub's disk is nearly full: {free} bytes are free, {reserve} are kept in reserve")]
    DiskNearlyFull {
        /// Bytes that are free.
        free: u64,
        /// Bytes kept back.
        reserve: u64,
    },
    /// The pool is being restored from the store.
    #[error("the pool is not available just now: {reason}; try again in {retry_after:?}")]
    Unavailable {
        /// Why.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// This hub, or this pool, cannot do it.
    #[error("not supported here: {0}")]
    Unsupported(String),
    /// The pool holds as much as it may, and will hold less.
    #[error("the pool is full: {what}, at most {max}; try again in {retry_after:?}")]
    Full {
        /// Of what, with its unit. Boxed, or every answer would be longer by eight bytes.
        what: Box<str>,
        /// The most.
        max: u64,
        /// When to try again.
        retry_after: Duration,
    },
    /// A task is to wait for one that is not known.
    #[error("there is no task {0} in the pool to wait for; parents come first")]
    UnknownParent(TaskId),
    /// A task would wait for itself, directly or by others.
    #[error("it would wait for itself: {0} is in a ring")]
    Cycle(TaskId),
    /// Another task has the key.
    #[error("its key is that of {0} now")]
    KeyTaken(TaskId),
    /// There is no schedule of this name.
    #[error("no such schedule: {0}")]
    NoSuchSchedule(String),
    /// The pool has tasks that have not ended.
    #[error("the pool has {tasks} tasks that have not ended")]
    NotEmpty {
        /// So many.
        tasks: u64,
    },
    /// It contradicts itself, or is not what it should be; says what and how.
    #[error("{0}")]
    Invalid(String),
    /// Whoever asks may not; says what he would need.
    #[error("not allowed: {0}")]
    Denied(String),
}

impl Rejection {
    /// Not here, or not yet.
    pub(crate) fn unsupported(what: &str) -> Self {
        Self::Unsupported(what.into())
    }

    /// `value` of `what` is not within `min..=max`.
    pub(crate) fn out_of_bounds(what: &str, value: u64, min: u64, max: u64) -> Self {
        Self::OutOfBounds {
            what: what.into(),
            value,
            min,
            max,
        }
    }
}
