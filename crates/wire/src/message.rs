//! The messages. Append-only: a variant or field keeps its place for ever, new ones come last and
//! with a new protocol version.

use bytes::Bytes;
use leasehold_core::{
    AttemptEnding, Incarnation, LeaseId, LeaseRef, NodeName, PoolName, Rejection, Revocation,
    StateKind, TaskId,
};
use serde::{Deserialize, Serialize};

/// All that a node may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromNode {
    /// First, and only first.
    Hello(Hello),
    /// A request; its response carries the same id. Any number may be under way.
    Request {
        /// Chosen by the node; not reused while its response is due.
        id: u64,
        /// What is asked.
        body: Request,
    },
    /// Still here. Sent when nothing else was for one heartbeat.
    Ping,
    /// The session ends by the node's wish: its leases end at once, uncounted.
    Bye,
}

/// All that a hub may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromHub {
    /// The answer to the hello: the session is open.
    Welcome(Welcome),
    /// The session ends by the node's fault, or never began. The connection closes after it.
    Refused(Refusal),
    /// The answer to a request.
    Response {
        /// The request's id.
        id: u64,
        /// The answer.
        body: Response,
    },
    /// Tasks granted against credit.
    Deliver {
        /// The pool.
        pool: PoolName,
        /// The tasks.
        tasks: Vec<Delivery>,
    },
    /// A lease of this session ended without its doing.
    Revoked {
        /// The lease.
        proof: LeaseRef,
        /// Why.
        why: Revocation,
    },
    /// Still here.
    Ping,
    /// The session ends by the hub's wish; leases stay good for a resume within `leases_kept_ms`.
    Bye {
        /// For people.
        reason: String,
        /// When to come back.
        retry_after_ms: u64,
        /// How long the leases stay good.
        leases_kept_ms: u64,
    },
}

/// How a node introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::MAGIC`]
    pub magic: [u8; 8],
    /// The oldest protocol version that the node speaks.
    pub version_min: u16,
    /// The newest.
    pub version_max: u16,
    /// The node's name.
    pub node: NodeName,
    /// Drawn at random when the node's process started.
    pub incarnation: Incarnation,
    /// The heartbeat that the node would like, in milliseconds; 0 leaves it to the hub.
    pub heartbeat_ms: u64,
}

/// The parameters of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that both speak from here on.
    pub version: u16,
    /// The session's id, for logs.
    pub session: u64,
    /// The hub's software, for people.
    pub hub: String,
    /// Each side sends at least a ping in this time.
    pub heartbeat_ms: u64,
    /// The hub ends the session when it heard nothing for so long; a node should do the same.
    pub silence_after_ms: u64,
    /// The longest frame that either side may send, in bytes, without the length prefix.
    pub frame_bytes_max: u32,
    /// The longest payload, in bytes.
    pub payload_bytes_max: u32,
    /// The longest result, in bytes.
    pub result_bytes_max: u32,
    /// The most items in one batch.
    pub batch_max: u32,
    /// Requests under way past which the hub stops reading from this session.
    pub requests_max: u32,
}

/// Why a hub ends a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people: what was wrong and what is allowed.
    pub reason: String,
}

/// Why a hub ends a session, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefusalCode {
    /// Not a Leasehold handshake, or a frame that is no message.
    Malformed,
    /// No common protocol version.
    Version,
    /// A frame longer than allowed.
    FrameTooLong,
    /// No hello in time.
    HandshakeTimeout,
    /// As many sessions as the hub holds. Come back later.
    SessionsMax,
    /// Nothing was heard for `silence_after`. Come back at once.
    Silence,
    /// A newer session of the same node took over.
    Superseded,
}

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

/// An answer; items stand in the order of the request's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// To an enqueue.
    Enqueued(Vec<Result<EnqueuedItem, Rejection>>),
    /// To a claim; empty if nothing came in time.
    Claimed(Vec<Delivery>),
    /// To credit: what the session has in that pool now.
    Credited(u32),
    /// To an extension or a resume: how long each lease runs from now, in milliseconds.
    Extended(Vec<Result<u64, Rejection>>),
    /// To complete, fail, release, cancel.
    Done(Vec<Result<(), Rejection>>),
    /// To a revival.
    Revived(Vec<(TaskId, Result<(), Rejection>)>),
    /// To an await and to a look at one task.
    Task(Box<TaskDetail>),
    /// To a listing.
    Tasks(Vec<TaskSummary>),
    /// To a status.
    Status(Box<Status>),
    /// To any request that was refused as a whole.
    Refused(Rejection),
}

/// An enqueue was accepted and is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnqueuedItem {
    /// The task.
    pub id: TaskId,
    /// If the id was known already: the state of the task that stands.
    pub known_as: Option<StateKind>,
}

/// A task on lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Shown with every answer.
    pub proof: LeaseRef,
    /// Its number, from 1.
    pub attempt: u32,
    /// How long the lease runs from the grant, in milliseconds.
    pub lease_ms: u64,
    /// The task's priority.
    pub priority: u32,
    /// When the task was accepted: milliseconds since 1970 by the hub's clock.
    pub enqueued_at_ms: u64,
    /// Opaque bytes.
    pub payload: Bytes,
}

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
    /// Opaque bytes; none if they are gone.
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
