//! What a node may ask.

use bytes::Bytes;
use leasehold_core::{LeaseRef, PoolName, StateKind, TaskId};
use serde::{Deserialize, Serialize};

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
