//! All that may be asked of a pool.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use serde::{Deserialize, Serialize};

use crate::{Death, Govern, LeaseRef, Node, Plan, ScheduleAsk, StateKind, TaskId, Timestamp, Wish};

/// What a session asks of a pool. Batches are answered item by item, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The session begins. Without it every other command is refused. No answer.
    Open(Node),
    /// The session ends. Nothing of it is heard after this. No answer.
    End(Ending),
    /// Put tasks in.
    Enqueue(Vec<NewTask>),
    /// Be granted tasks, now or within a while.
    Claim(Claim),
    /// Grant tasks as they come, one for each unit of credit.
    Credit(Credit),
    /// Push deadlines out, to so long from now; `None` repeats what the grant said.
    Extend(Vec<LeaseRef>, Option<Duration>),
    /// Finish with success.
    Complete(Vec<Completion>),
    /// Finish with failure.
    Fail(Vec<Failure>),
    /// Give back unfinished, without counting the attempt.
    Release(Vec<LeaseRef>),
    /// Go on under leases of an earlier session of the same node: *all* that the node still holds
    /// in this pool. What the hub granted to that node and is not named never arrived, and is
    /// requeued uncounted.
    Resume(Vec<LeaseRef>),
    /// Call tasks off. A task that was called off before stays so, and the answer is the same.
    Cancel(Vec<TaskId>),
    /// Bring dead tasks back.
    Revive(Revive),
    /// Be told when a task ends.
    Await(Await),
    /// Call tasks off: those that wait at once, those on lease after so long, of which their
    /// holders are told; none leaves it to the pool.
    CancelWithin(Vec<TaskId>, Option<Duration>),
    /// Say how far tasks have come, which extends their leases.
    Progress(Vec<Told>),
    /// Bring dead tasks back, changed.
    ReviveWith(Box<ReviveWith>),
    /// Forget ended tasks for which all this holds, at most so many.
    Purge(Vec<Where>, u32),
    /// Keep, drop or pause a schedule.
    Schedule(ScheduleAsk),
    /// What is due of a schedule: the owner's own word, of no session and without an answer.
    Plan(Box<Plan>),
    /// The pool's policy from here on; the owner says it without a session, too.
    Govern(Box<Govern>),
}

/// A task to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Drawn by the producer; sent again after a lost answer, it makes no second task.
    pub id: TaskId,
    /// 0 is the most urgent.
    pub priority: u32,
    /// Instead of the pool's own.
    pub attempts_max: Option<u32>,
    /// How long from now it is not to run.
    pub delay: Duration,
    /// Opaque bytes.
    pub payload: Bytes,
    /// What else there is to it.
    pub wishes: Vec<Wish>,
}

/// A claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// At most so many tasks, and fewer if together they weigh more than the longest payload of the
    /// pool: an answer is one frame.
    pub tasks_max: u32,
    /// How long to wait for the first one.
    pub wait: Duration,
    /// Instead of the pool's own lease.
    pub lease: Option<Duration>,
}

/// Credit for deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// So many more.
    pub tasks: u32,
    /// Instead of the pool's own lease; holds for all credit of this session. Zero tasks without a
    /// lease ask how much credit there is, and change nothing.
    pub lease: Option<Duration>,
}

/// A success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What was finished.
    pub proof: LeaseRef,
    /// What came of it.
    pub result: Option<Bytes>,
    /// What to enqueue with it: both or neither.
    pub then: Vec<NewTask>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub proof: LeaseRef,
    /// How; cut to [`crate::limits::REASON_BYTES_MAX`].
    pub reason: String,
    /// What is to become of the task.
    pub then: AfterFailure,
}

/// What is to become of a failed task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AfterFailure {
    /// What its policy says.
    #[default]
    ByPolicy,
    /// It waits so long, if it has an attempt left.
    Wait(Duration),
    /// It is hopeless: dead at once.
    Never,
}

/// Which dead tasks to bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revive {
    /// All; the answer has one item for each of up to [`crate::limits::BATCH_MAX`] tasks, so an
    /// empty answer says that none is left.
    All,
    /// These.
    Tasks(Vec<TaskId>),
}

/// How far a task has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub proof: LeaseRef,
    /// Of 10,000.
    pub fraction: u16,
    /// Cut to [`crate::limits::NOTE_BYTES_MAX`].
    pub note: String,
}

/// Which tasks, by whatever is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// All that the verb is for.
    All,
    /// These.
    Tasks(Vec<TaskId>),
    /// Those for which all this holds, at most [`crate::limits::WHERE_MAX`] conditions.
    Where(Vec<Where>),
}

/// A condition on a task. New ones are appended, and none is ever changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Where {
    /// It is in this state.
    State(StateKind),
    /// It is dead of this.
    Cause(Death),
    /// What was last said of its going wrong has this in it.
    Reason(String),
    /// It ended before this moment.
    EndedBefore(Timestamp),
    /// It is counted to this key.
    Group(String),
    /// It has this key.
    Key(String),
}

/// Which dead tasks to bring back, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviveWith {
    /// Which.
    pub which: Which,
    /// What is changed about each of them.
    pub edits: Vec<Edit>,
}

/// A change to a task that is brought back. New ones are appended, and none is ever changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// Another payload.
    Payload(Bytes),
    /// Another priority.
    Priority(u32),
    /// Another number of attempts.
    AttemptsMax(u32),
    /// Another time to wait, in milliseconds; none: for ever.
    ExpiresAfter(Option<u64>),
}

/// A wait for an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Await {
    /// The task.
    pub task: TaskId,
    /// For how long.
    pub wait: Duration,
}

/// How a session ended, which decides when its leases do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Said so: leases end at once and do not count.
    Bye,
    /// The socket closed or was reset: leases end after `cut_grace`, unless resumed.
    Cut,
    /// Nothing was heard for `silence_after`: leases end at once.
    Silence,
    /// The hub's own doing: leases end after `restart_grace`, unless resumed, and do not count.
    Dismissed,
}
