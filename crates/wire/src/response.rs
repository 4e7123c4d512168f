//! What a hub answers.

use bytes::Bytes;
use leasehold_core::{LeaseRef, Rejection, StateKind, TaskId};
use serde::{Deserialize, Serialize};

use crate::{
    BackupPart, DeliveryMore, Fact, Identity, PoolView, ScheduleView, Secret, Status, TaskDetail,
    TaskSummary, TokenView,
};

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
    /// To a claim, where a task has more than a plain one. Since version 2.
    ClaimedMore(Vec<DeliveryMore>),
    /// To an await and to a look at one task, where it has more than a plain one. Since version 2.
    TaskMore {
        /// As of any task.
        detail: Box<TaskDetail>,
        /// What else is known of it.
        facts: Vec<Fact>,
    },
    /// To a purge: how many tasks were forgotten. Since version 2.
    Purged(u64),
    /// To whatever is asked of a pool: how it is now. Since version 2.
    Pool(Box<PoolView>),
    /// To whatever is asked of schedules: those that the pool has now. Since version 2.
    Schedules(Vec<ScheduleView>),
    /// To an authentication: who that is. Since version 3.
    Authenticated(Identity),
    /// To whatever is asked of tokens: those that there are now. Since version 3.
    Tokens(Vec<TokenView>),
    /// To the making of a token. Since version 3.
    TokenMade {
        /// Shown this once.
        token: Secret,
        /// What it is good for.
        view: Box<TokenView>,
    },
    /// To a backup. Since version 3.
    Backup(BackupPart),
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
