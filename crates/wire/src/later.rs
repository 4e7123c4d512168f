//! What came with version 2. What is optional travels as a list of things that say what they are, so
//! that more can be appended.

use bytes::Bytes;
use leasehold_core::{
    Death, LeaseRef, Misfire, NodeName, PoolName, ScheduleName, TaskId, When, Wish,
};
use serde::{Deserialize, Serialize};

use crate::{CompleteItem, Delivery, EnqueueItem, FailItem, Request};

/// A task to be, and what else there is to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnqueueMoreItem {
    /// As of any task.
    pub item: EnqueueItem,
    /// At most one of each kind.
    pub wishes: Vec<Wish>,
}

/// A success, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteMoreItem {
    /// As of any success.
    pub item: CompleteItem,
    /// What to enqueue with it, into the same pool: both or neither.
    pub then: Vec<EnqueueMoreItem>,
}

/// A failure, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailMoreItem {
    /// As of any failure.
    pub item: FailItem,
    /// What is to become of the task.
    pub then: FailThen,
}

/// What is to become of a failed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailThen {
    /// What its policy says.
    ByPolicy,
    /// It waits so many milliseconds, if it has an attempt left.
    Wait(u64),
    /// It is hopeless: dead at once.
    Never,
}

/// How far a task has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressItem {
    /// Which.
    pub proof: LeaseRef,
    /// Of 10,000.
    pub fraction: u16,
    /// For people.
    pub note: String,
}

/// What may be asked of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolVerb {
    /// How it is.
    Show,
    /// Make it, with these settings.
    Create(Vec<Setting>),
    /// Change these settings.
    Set(Vec<Setting>),
    /// Grant nothing; with a note for people.
    Pause(String),
    /// Grant again.
    Resume,
    /// Drop it and all that is in it.
    Delete {
        /// Whether tasks that have not ended are called off; else they stand in the way.
        force: bool,
    },
}

/// A setting of a pool, as a file would say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Which.
    pub key: String,
    /// Its value; none: back to what the hub's own settings say.
    pub value: Option<String>,
}

/// What may be asked of schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleVerb {
    /// All of the pool.
    List,
    /// Keep this one, in place of one of the same name.
    Put(Box<ScheduleSpec>),
    /// Drop it.
    Remove(ScheduleName),
    /// Let its instants pass without a task.
    Pause(ScheduleName),
    /// No longer so.
    Resume(ScheduleName),
}

/// A schedule to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
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
    /// Of its tasks.
    pub wishes: Vec<Wish>,
    /// Of its tasks.
    pub payload: Bytes,
    /// Whether its instants pass without a task.
    pub paused: bool,
}

/// A schedule as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleView {
    /// As it was put.
    pub spec: ScheduleSpec,
    /// All instants up to this one are dealt with: milliseconds since 1970 by the hub's clock.
    pub done_until_ms: u64,
    /// Tasks enqueued so far.
    pub fired: u64,
    /// Instants passed over so far.
    pub skipped: u64,
    /// The task fired last.
    pub last: Option<TaskId>,
    /// The next instants, at most five.
    pub next_ms: Vec<u64>,
}

/// A task on lease, and what else there is to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryMore {
    /// As of any task.
    pub delivery: Delivery,
    /// What else is known of it.
    pub facts: Vec<Fact>,
}

/// Something known of a task that not every task has. Moments are milliseconds since 1970 by the
/// hub's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// If it waits until then, it is dead.
    ExpiresAt(u64),
    /// The running attempt ends then at the latest.
    RunsUntil(u64),
    /// How many milliseconds an attempt may run.
    MaxRuntime(u64),
    /// Failures so far, and how many it may have.
    Failures(u32, u32),
    /// Losses so far, and how many it may have.
    Losses(u32, u32),
    /// Interruptions so far, and how many it may have.
    Interruptions(u32, u32),
    /// How far its newest attempt has come.
    Progress {
        /// When its holder said so.
        at_ms: u64,
        /// Of 10,000.
        fraction: u16,
        /// For people.
        note: String,
    },
    /// What no other task may have meanwhile.
    Key(String),
    /// Whom limits and shares count it to.
    Group(String),
    /// What it waits for.
    After {
        /// Those that it still waits for.
        left: Vec<TaskId>,
        /// Whether any end of theirs will do.
        any_end: bool,
        /// For people.
        explained: String,
    },
    /// The trace that it belongs to: a W3C `traceparent`.
    Trace(String),
    /// The schedule that fired it.
    Schedule(String),
    /// It is called off, and its holder has until then.
    StopUntil(u64),
    /// How often a revival replaced its payload.
    Edited(u32),
    /// Why it is dead.
    Died(Death),
}

/// A pool as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolView {
    /// Its name.
    pub name: PoolName,
    /// Every setting.
    pub settings: Vec<SettingView>,
    /// Nothing is granted, and what whoever paused it said of it.
    pub paused: Option<String>,
    /// The last changes, oldest first.
    pub history: Vec<PolicyChangeView>,
    /// What keeps ready tasks from being granted, for people.
    pub blocked_by: Vec<String>,
}

/// A setting of a pool as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// Which.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where that was said, for people.
    pub source: String,
}

/// A change of a pool's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyChangeView {
    /// When.
    pub at_ms: u64,
    /// By whom.
    pub by: NodeName,
    /// What was changed, for people.
    pub what: String,
}

impl Request {
    /// The first version of the protocol that has it.
    #[must_use]
    pub const fn since(&self) -> u16 {
        match self {
            Self::Enqueue { .. }
            | Self::Claim { .. }
            | Self::Credit { .. }
            | Self::Extend { .. }
            | Self::Complete { .. }
            | Self::Fail { .. }
            | Self::Release { .. }
            | Self::Resume { .. }
            | Self::Cancel { .. }
            | Self::Revive { .. }
            | Self::Await { .. }
            | Self::Status { .. }
            | Self::Tasks { .. }
            | Self::Task { .. } => 1,
            Self::EnqueueMore { .. }
            | Self::CompleteMore { .. }
            | Self::FailMore { .. }
            | Self::CancelWithin { .. }
            | Self::Progress { .. }
            | Self::TasksWhere { .. }
            | Self::ReviveWhere { .. }
            | Self::Purge { .. }
            | Self::Pool { .. }
            | Self::Schedule { .. } => 2,
            Self::Authenticate { .. } | Self::Tokens { .. } | Self::Backup { .. } => 3,
        }
    }
}
