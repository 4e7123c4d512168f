//! What a node may ask.

use bytes::Bytes;
use leasehold_core::{Edit, LeaseRef, PoolName, StateKind, TaskId, Where, Which};
use serde::{Deserialize, Serialize};

use crate::{
    BackupVerb, CompleteMoreItem, EnqueueMoreItem, FailMoreItem, PoolVerb, ProgressItem,
    ScheduleVerb, Secret, TokenVerb,
};

/// What may be asked. Durations are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Put tasks in.
    Enqueue {
        /// Where.
        pool: PoolName,
        /// What.
        tasks: Vec<EnqueueItem>,
    },
    /// Be granted tasks.
    Claim {
        /// Where from.
        pool: PoolName,
        /// At most so many.
        tasks_max: u32,
        /// How long to wait for the first one.
        wait_ms: u64,
        /// Instead of the pool's own lease.
        lease_ms: Option<u64>,
    },
    /// Grant tasks as they come, one for each unit of credit.
    Credit {
        /// Where from.
        pool: PoolName,
        /// So many more.
        tasks: u32,
        /// Instead of the pool's own lease.
        lease_ms: Option<u64>,
    },
    /// Push deadlines out.
    Extend {
        /// Of these.
        leases: Vec<LeaseRef>,
        /// To so long from now; none repeats what the grant said.
        lease_ms: Option<u64>,
    },
    /// Finish with success.
    Complete {
        /// These.
        items: Vec<CompleteItem>,
    },
    /// Finish with failure.
    Fail {
        /// These.
        items: Vec<FailItem>,
    },
    /// Give back uncounted.
    Release {
        /// These.
        leases: Vec<LeaseRef>,
    },
    /// Go on under leases of an earlier session of this node and incarnation: all that it holds.
    Resume {
        /// These, of any number of pools.
        leases: Vec<LeaseRef>,
    },
    /// Call tasks off, in whatever pool they are.
    Cancel {
        /// These.
        tasks: Vec<TaskId>,
    },
    /// Bring dead tasks back.
    Revive {
        /// Where.
        pool: PoolName,
        /// These; none means all dead ones, up to `batch_max` a request.
        tasks: Option<Vec<TaskId>>,
    },
    /// Be told when a task ends.
    Await {
        /// Where it is.
        pool: PoolName,
        /// Which.
        task: TaskId,
        /// How long to wait.
        wait_ms: u64,
    },
    /// Counts of pools, nodes, the store.
    Status {
        /// Only this pool.
        pool: Option<PoolName>,
    },
    /// List tasks by id.
    Tasks {
        /// Where.
        pool: PoolName,
        /// Only in this state.
        state: Option<StateKind>,
        /// After this one: for the next page.
        after: Option<TaskId>,
        /// At most so many, at most `batch_max`.
        tasks_max: u32,
    },
    /// Everything known of one task, in whatever pool it is.
    Task {
        /// Which.
        task: TaskId,
    },
    /// Put tasks in, some with more than a plain one has. Since version 2.
    EnqueueMore {
        /// Where.
        pool: PoolName,
        /// What.
        tasks: Vec<EnqueueMoreItem>,
    },
    /// Finish with success, and enqueue others with it. Since version 2.
    CompleteMore {
        /// These.
        items: Vec<CompleteMoreItem>,
    },
    /// Finish with failure, and say what is to become of the task. Since version 2.
    FailMore {
        /// These.
        items: Vec<FailMoreItem>,
    },
    /// Call tasks off: those that wait at once, those on lease after a while. Since version 2.
    CancelWithin {
        /// These.
        tasks: Vec<TaskId>,
        /// How long their holders have; none leaves it to the pool.
        grace_ms: Option<u64>,
    },
    /// Say how far tasks have come, which extends their leases. Since version 2.
    Progress {
        /// These.
        items: Vec<ProgressItem>,
    },
    /// List tasks by id, for which all this holds. Since version 2.
    TasksWhere {
        /// Where.
        pool: PoolName,
        /// What holds.
        which: Vec<Where>,
        /// After this one: for the next page.
        after: Option<TaskId>,
        /// At most so many, at most `batch_max`.
        tasks_max: u32,
    },
    /// Bring dead tasks back, changed. Since version 2.
    ReviveWhere {
        /// Where.
        pool: PoolName,
        /// Which, up to `batch_max` a request.
        which: Which,
        /// What is changed about each.
        edits: Vec<Edit>,
    },
    /// Forget ended tasks for which all this holds. Since version 2.
    Purge {
        /// Where.
        pool: PoolName,
        /// What holds.
        which: Vec<Where>,
        /// At most so many, at most `batch_max`.
        tasks_max: u32,
    },
    /// Make, look at, change or delete a pool. Since version 2.
    Pool {
        /// Which.
        pool: PoolName,
        /// What.
        verb: PoolVerb,
    },
    /// Look at, keep, drop or pause schedules. Since version 2.
    Schedule {
        /// Of which pool.
        pool: PoolName,
        /// What.
        verb: ScheduleVerb,
    },
    /// Say who one is; before all other requests of a session. Since version 3.
    Authenticate {
        /// As it was shown when the token was made.
        token: Secret,
    },
    /// Make, look at or revoke tokens. Since version 3.
    Tokens {
        /// What.
        verb: TokenVerb,
    },
    /// Take a copy of all that the hub keeps. Since version 3.
    Backup {
        /// What.
        verb: BackupVerb,
    },
}

/// A task to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnqueueItem {
    /// Drawn by the producer.
    pub id: TaskId,
    /// 0 is the most urgent.
    pub priority: u32,
    /// Instead of the pool's own.
    pub attempts_max: Option<u32>,
    /// How long from now it is not to run, in milliseconds.
    pub delay_ms: u64,
    /// Opaque bytes.
    pub payload: Bytes,
}

/// A success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteItem {
    /// What was finished.
    pub proof: LeaseRef,
    /// What came of it.
    pub result: Option<Bytes>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailItem {
    /// What went wrong.
    pub proof: LeaseRef,
    /// How.
    pub reason: String,
}
