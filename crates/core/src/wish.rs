//! What a producer asks for beyond a plain task.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{TaskId, Timestamp};

/// One wish; a task has at most one of each kind. Goes over the wire as it stands here: new ones
/// are appended, and none is ever changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Not before this moment by the hub's clock, at most [`crate::limits::DELAY_MAX`] from now; a
    /// past one means at once. Excludes a delay.
    RunAt(Timestamp),
    /// How many milliseconds it may wait to be claimed, up to [`crate::limits::EXPIRES_MAX`]; then
    /// it is dead.
    ExpiresAfter(u64),
    /// How many milliseconds an attempt may run, however often its lease is extended:
    /// [`crate::limits::LEASE_MIN`] to [`crate::limits::RUNTIME_MAX`].
    MaxRuntime(u64),
    /// Instead of the pool's whole [`crate::BackOff`].
    BackOff {
        /// The longest wait after the first failure, in milliseconds.
        base_ms: u64,
        /// The longest wait of all, in milliseconds.
        cap_ms: u64,
        /// What each further failure multiplies it by, in percent: 100 to 1000.
        factor_percent: u32,
        /// How much of it is drawn, in percent: 0 to 100.
        jitter_percent: u32,
    },
    /// Losses after which it is dead, instead of the pool's own: 1 to 1000.
    LossesMax(u32),
    /// Interruptions after which it is dead, instead of the pool's own: 1 to 1,000,000.
    InterruptionsMax(u32),
    /// One task at a time for this key: the second enqueue is answered with the first's id.
    Key {
        /// 1 to [`crate::limits::KEY_BYTES_MAX`] bytes.
        key: String,
        /// For so many milliseconds from its enqueue, ended or not; none: while it has not ended.
        window_ms: Option<u64>,
    },
    /// Whom limits by key and fair shares count it to: 1 to [`crate::limits::KEY_BYTES_MAX`] bytes.
    Group(String),
    /// Not before these have ended.
    After {
        /// 1 to [`crate::limits::AFTER_MAX`] of them.
        tasks: Vec<TaskId>,
        /// Whether any end will do; else they must have completed.
        any_end: bool,
    },
    /// The trace that it belongs to: a W3C `traceparent`, 55 to
    /// [`crate::limits::TRACE_BYTES_MAX`] bytes.
    Trace(String),
}

/// The part of a W3C `traceparent` that is the same for all of its trace: 32 hex digits.
#[must_use]
pub fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}
