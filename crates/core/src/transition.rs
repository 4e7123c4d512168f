//! What comes of a command: changes to be made durable, replies to leave after them.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use crate::{
    Extras, LeaseId, LeaseRef, Note, NoteName, Rejection, RequestId, SessionId, StateKind, Task,
    TaskId, Timestamp,
};

/// The outcome of one call of the core, in order.
#[derive(Debug, Default)]
pub struct Transition {
    /// What changed. The store writes the durable ones.
    pub changes: Vec<Change>,
    /// What to say, once every change before it is durable.
    pub replies: Vec<Reply>,
}

/// The one currency: stored, counted, logged, streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The task is now as given.
    Put {
        /// The whole new stored state.
        task: Box<Task>,
        /// What made it so.
        cause: Cause,
        /// Bytes that came with the change and are to be kept with the task: the payload of
        /// [`Cause::Enqueued`], the result of [`Cause::Completed`].
        blob: Option<Bytes>,
    },
    /// The task is remembered no longer, nor are its payload and result.
    Forget(TaskId),
    /// What is kept of the pool beside its tasks is now as given, or gone.
    Note {
        /// Which note.
        name: NoteName,
        /// What it says now; none: it is gone.
        body: Option<Box<Note>>,
    },
}

impl Change {
    /// A task as it is now, without bytes to be kept.
    pub(crate) const fn put(task: Box<Task>, cause: Cause) -> Self {
        let blob = None;
        Self::Put { task, cause, blob }
    }

    /// The task that changed, if it is one.
    #[must_use]
    pub fn task_id(&self) -> Option<TaskId> {
        match self {
            Self::Put { task, .. } => Some(task.id),
            Self::Forget(id) => Some(*id),
            Self::Note { .. } => None,
        }
    }

    /// Whether a restart must know of it. What is not durable is made anew by a restore: a lease's
    /// deadline becomes `restart_grace`, a scheduled task whose time has come becomes ready.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        match self {
            Self::Put { cause, .. } => cause.is_durable(),
            Self::Forget(_) | Self::Note { .. } => true,
        }
    }
}

/// Why a task changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// It was put in.
    Enqueued,
    /// It was granted to a node.
    Claimed,
    /// Its lease's deadline was pushed out, or taken over by another session of the same node.
    Extended,
    /// Its holder came back after the lease had run out and before anybody else had it.
    Resumed,
    /// It completed.
    Completed,
    /// Its attempt ended, and it waits or is dead.
    Requeued(crate::AttemptEnding),
    /// Its time came.
    Due,
    /// It was called off.
    Cancelled,
    /// It was brought back from the dead.
    Revived,
    /// Its holder was asked to end it.
    StopAsked,
    /// Its holder said how far it is.
    Progressed,
    /// It waits for one task less, or for none any more.
    Freed,
    /// It waited longer than it may.
    Expired,
    /// What it waited for was called off, or is known no longer.
    ParentGone,
}

impl Cause {
    /// See [`Change::is_durable`].
    #[must_use]
    pub const fn is_durable(self) -> bool {
        !matches!(self, Self::Extended | Self::Due)
    }
}

/// Something to say to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The answer to one request.
    Answer(SessionId, RequestId, Answer),
    /// Tasks granted against credit.
    Deliver(SessionId, Vec<Grant>),
    /// A lease that this session held ended without its doing.
    Revoke(SessionId, LeaseRef, Revocation),
    /// The task of a lease that this session holds is to end, within so long.
    AskStop(SessionId, LeaseRef, Duration),
}

impl Reply {
    /// Whom it is for.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        match self {
            Self::Answer(session, ..)
            | Self::Deliver(session, _)
            | Self::Revoke(session, ..)
            | Self::AskStop(session, ..) => *session,
        }
    }
}

/// Why a lease ended under its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Revocation {
    /// The task was called off.
    Cancelled,
    /// The lease ran out, and the task was granted to someone else or is dead.
    Lost,
    /// It ran longer than it may.
    Overran,
}

/// The answer to a command; one item for each of a batch, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To an enqueue.
    Enqueued(Vec<Result<Accepted, Rejection>>),
    /// To a claim; empty if nothing came within its wait.
    Claimed(Vec<Grant>),
    /// To credit: all that the session has in this pool now.
    Credited(u32),
    /// To an extension, a resume or a word on progress: how long the lease runs from now.
    Extended(Vec<Result<Duration, Rejection>>),
    /// To complete, fail, release, cancel; to what is asked of schedules and policies.
    Done(Vec<Result<(), Rejection>>),
    /// To a revival: those that were asked for, or found.
    Revived(Vec<(TaskId, Result<(), Rejection>)>),
    /// To an await: the task as it was when it ended or the wait was over.
    Awaited(Box<Task>),
    /// To any command that was refused as a whole.
    Refused(Rejection),
    /// To a purge: how many tasks were forgotten.
    Purged(u64),
}

/// An enqueue was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The task.
    pub id: TaskId,
    /// Whether the id was new; if not, the first task of this id stands, and this is its state.
    pub known_as: Option<StateKind>,
}

/// A lease granted. The payload comes from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The task.
    pub task: TaskId,
    /// The lease.
    pub lease: LeaseId,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// How long the lease runs, from the grant.
    pub lease_for: Duration,
    /// The task's priority.
    pub priority: u32,
    /// When the task was accepted.
    pub enqueued_at: Timestamp,
    /// How long its payload is, in bytes.
    pub payload_len: u32,
    /// What its task has beyond a plain one.
    pub extras: Option<Arc<Extras>>,
}
