//! What a session asks of a pool.

use std::sync::Arc;

use leasehold_core::{Command, LeaseRef, SessionId, TaskId, Where};
use leasehold_wire::{PoolVerb, ScheduleVerb};

/// What a session asks of a pool.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Command(Command),
    Query(Query),
    /// Of its schedules.
    Schedule(ScheduleVerb),
    /// Of its policy.
    Pool(PoolVerb),
    /// To be told of leases that it holds, for which there was no room on the way.
    Hand(Vec<LeaseRef>),
}

impl Ask {
    /// Whether the session may hold leases or credit in the pool after it.
    pub(crate) const fn may_hold(&self) -> bool {
        match self {
            Self::Command(
                Command::Claim(_)
                | Command::Credit(_)
                | Command::Complete(_)
                | Command::Fail(_)
                | Command::Progress(_),
            )
            | Self::Hand(_) => true,
            Self::Command(
                Command::Extend(leases, _) | Command::Release(leases) | Command::Resume(leases),
            ) => !leases.is_empty(),
            Self::Command(
                Command::Open(_)
                | Command::End(_)
                | Command::Enqueue(_)
                | Command::Cancel(_)
                | Command::Revive(_)
                | Command::Await(_)
                | Command::CancelWithin(..)
                | Command::ReviveWith(_)
                | Command::Purge(..)
                | Command::Schedule(_)
                | Command::Plan(_)
                | Command::Govern(_),
            )
            | Self::Query(_)
            | Self::Schedule(_)
            | Self::Pool(_) => false,
        }
    }
}

/// Looking without touching.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    /// With how much each of these sessions holds.
    Status(Arc<[SessionId]>),
    /// Those for which all this holds.
    Tasks {
        which: Vec<Where>,
        after: Option<TaskId>,
        tasks_max: usize,
    },
    Task(TaskId),
    /// Answered behind every answer to what was asked before it.
    Fence,
}
