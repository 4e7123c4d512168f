//! Answers for people who look: tasks, pools, sessions, the store, the hub.

use bytes::Bytes;
use leasehold_core::{AttemptEnding, LeaseId, NodeName, PoolName, StateKind, TaskId};
use serde::{Deserialize, Serialize};

/// A task in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// Its id.
    pub id: TaskId,
    /// Its state.
    pub state: StateKind,
    /// 0 is the most urgent.
    pub priority: u32,
    /// Attempts begun that count.
    pub attempt: u32,
    /// With this many it is dead.
    pub attempts_max: u32,
    /// Who holds it, or ended it.
    pub node: Option<NodeName>,
    /// When it was accepted: milliseconds since 1970 by the hub's clock.
    pub enqueued_at_ms: u64,
    /// When it is due, if scheduled; when its lease ends, if claimed; when it ended, if ended.
    pub at_ms: Option<u64>,
    /// Why it is dead, or how its last attempt went wrong; empty if nothing did.
    pub reason: String,
    /// Length of its payload in bytes.
    pub payload_bytes: u32,
}

/// Everything known of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDetail {
    /// Where it is.
    pub pool: PoolName,
    /// As in a list.
    pub summary: TaskSummary,
    /// Its newest lease, if the holder may still answer.
    pub lease: Option<LeaseId>,
    /// Leases that ended without counting.
    pub interruptions: u32,
    /// Attempts in a row that ended with their node.
    pub losses_in_a_row: u32,
    /// When it was first ready: milliseconds since 1970 by the hub's clock.
    pub ready_at_ms: u64,
    /// The last attempts that ended, oldest first.
    pub history: Vec<AttemptDetail>,
    /// Opaque bytes; none if they are gone, as they are once the task has completed.
    pub payload: Option<Bytes>,
    /// What came of it, if it completed with a result.
    pub result: Option<Bytes>,
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptDetail {
    /// Its number, from 1.
    pub attempt: u32,
    /// The lease it ran under.
    pub lease: LeaseId,
    /// The node it ran on.
    pub node: NodeName,
    /// When it was granted: milliseconds since 1970 by the hub's clock.
    pub started_at_ms: u64,
    /// When it ended.
    pub ended_at_ms: u64,
    /// How.
    pub ending: AttemptEnding,
    /// What the node said of it.
    pub reason: String,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Each pool, by name.
    pub pools: Vec<PoolStatus>,
    /// Each open session, by id; at most `batch_max`.
    pub sessions: Vec<SessionStatus>,
    /// Open sessions in all.
    pub sessions_open: u64,
    /// The store.
    pub store: StoreStatus,
    /// The hub.
    pub hub: HubStatus,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Its name.
    pub name: PoolName,
    /// Tasks ready.
    pub ready: u64,
    /// Tasks scheduled.
    pub scheduled: u64,
    /// Tasks on lease.
    pub claimed: u64,
    /// Completed tasks that are remembered.
    pub completed: u64,
    /// Cancelled tasks that are remembered.
    pub cancelled: u64,
    /// Dead tasks that are remembered.
    pub dead: u64,
    /// Claims and credit of sessions that wait for a task.
    pub waiting: u64,
    /// How long the oldest ready task has been ready, in milliseconds.
    pub oldest_ready_ms: Option<u64>,
    /// Answers refused since the pool was loaded because their lease was lost.
    pub lease_lost: u64,
    /// How often the pool was loaded from its store.
    pub epoch: u32,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Its id.
    pub session: u64,
    /// Whose it is.
    pub node: NodeName,
    /// Where from.
    pub address: String,
    /// For how long, in milliseconds.
    pub open_for_ms: u64,
    /// Tasks it holds.
    pub claimed: u64,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Which engine.
    pub engine: String,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes of what is live.
    pub live_bytes: u64,
    /// Bytes free on that disk, where known.
    pub free_bytes: Option<u64>,
    /// Commits since the hub started.
    pub commits: u64,
    /// Changes in them.
    pub changes: u64,
}

/// The hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubStatus {
    /// Its software's version.
    pub version: String,
    /// For how long it has run, in milliseconds.
    pub up_for_ms: u64,
    /// Whether it is draining.
    pub draining: bool,
}
