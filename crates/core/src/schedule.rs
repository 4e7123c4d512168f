//! Schedules: tasks that are enqueued again and again.

use alloc::{boxed::Box, string::String, vec::Vec};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{ScheduleName, TaskId, Timestamp, Wish};

/// A schedule, exactly as it is stored. The pool knows no calendar: its owner says which instants
/// are due ([`Plan`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What it is called in its pool.
    pub name: ScheduleName,
    /// Drawn by whoever makes it; with the instant it makes the id of each task fired.
    pub seed: TaskId,
    /// At which instants.
    pub when: When,
    /// What becomes of instants that passed while the hub was down.
    pub misfire: Misfire,
    /// Of its tasks; 0 is the most urgent.
    pub priority: u32,
    /// Of its tasks, instead of the pool's own.
    pub attempts_max: Option<u32>,
    /// Of its tasks; no [`Wish::After`], no [`Wish::RunAt`], no [`Wish::Trace`].
    pub wishes: Vec<Wish>,
    /// Of its tasks; at most [`crate::limits::SCHEDULE_PAYLOAD_BYTES_MAX`].
    pub payload: Bytes,
    /// Whether its instants pass without a task.
    pub paused: bool,
    /// All instants up to this one are dealt with.
    pub done_until: Timestamp,
    /// Tasks enqueued so far.
    pub fired: u64,
    /// Instants passed over so far.
    pub skipped: u64,
    /// The task fired last.
    pub last: Option<TaskId>,
}

/// At which instants a schedule fires. Stored and sent: new ones are appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// By the calendar.
    Cron {
        /// Five fields, or six with seconds; at most 256 bytes.
        expr: String,
        /// An IANA time zone; at most 64 bytes.
        zone: String,
    },
    /// At equal intervals.
    Every {
        /// From one to the next, in milliseconds: a second to ten years.
        ms: u64,
        /// The first; zero in a new one: one interval after it is put.
        from: Timestamp,
    },
}

/// What becomes of instants that passed while the hub was down. Stored and sent: new ones are
/// appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Misfire {
    /// None of them fires.
    Skip,
    /// The newest of them fires.
    Once,
    /// Each fires, but for those before the newest [`crate::limits::CATCH_UP_MAX`].
    All,
}

/// What may be asked of a pool's schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleAsk {
    /// Keep this one, in place of one of the same name.
    Put(Box<Schedule>),
    /// Drop it; what it fired stays.
    Remove(ScheduleName),
    /// Let its instants pass without a task, or no longer.
    Pause(ScheduleName, bool),
}

/// The instants of a schedule that are due, by the pool's owner, in the time by which the schedule
/// goes ([`crate::Pool::schedule_now`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which schedule.
    pub name: ScheduleName,
    /// Those after `done_until` and up to now, ascending: the newest
    /// [`crate::limits::CATCH_UP_MAX`].
    pub due: Vec<Timestamp>,
    /// Whether there were older ones.
    pub more: bool,
    /// The first after now, if there is any.
    pub next: Option<Timestamp>,
}
