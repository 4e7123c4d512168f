//! Refusals, which are answers.

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::StateKind;

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
}

impl Rejection {
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
