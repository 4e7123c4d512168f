//! Looking without touching.

use core::time::Duration;

use super::{Pool, tasks::Counts};
use crate::{Epoch, PoolId, PoolSettings, SessionId, State, StateKind, Task, TaskId, Timestamp};

/// How a pool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSummary {
    /// Tasks by state.
    pub counts: Counts,
    /// Parked claims, and sessions with credit.
    pub waiting: u64,
    /// How long the oldest of the most urgent ready tasks has been ready.
    pub oldest_ready_for: Option<Duration>,
    /// Answers and extensions refused in this epoch because their lease was lost.
    pub lease_lost: u64,
    /// How often the pool was loaded.
    pub epoch: Epoch,
}

impl Pool {
    /// Its number in its store.
    #[must_use]
    pub const fn id(&self) -> PoolId {
        self.id
    }

    /// Its owner's epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its policy.
    #[must_use]
    pub const fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// How it stands.
    #[must_use]
    pub fn summary(&self) -> PoolSummary {
        let oldest = self
            .tasks
            .ready
            .first()
            .map(|(_, ready_at, ..)| self.now.since(*ready_at));
        PoolSummary {
            counts: self.tasks.counts,
            waiting: self.waiters.in_line(),
            oldest_ready_for: oldest,
            lease_lost: self.lease_lost,
            epoch: self.epoch,
        }
    }

    /// A task.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id).map(|slot| &slot.task)
    }

    /// Tasks in the order of their ids, from `after` on, of one state or of all.
    pub fn tasks(
        &self,
        state: Option<StateKind>,
        after: Option<TaskId>,
    ) -> impl Iterator<Item = &Task> {
        let wanted = move |task: &&Task| state.is_none_or(|state| task.state.kind() == state);
        self.tasks
            .iter_after(after)
            .map(|slot| &slot.task)
            .filter(wanted)
    }

    /// When something is next to happen to a task by itself, or when it ended.
    #[must_use]
    pub fn moment_of(&self, id: TaskId) -> Option<Timestamp> {
        let slot = self.tasks.get(id)?;
        match slot.task.state {
            State::Ready => None,
            State::Claimed => slot.hold.map(|hold| hold.ends_at),
            State::Scheduled { run_at: at }
            | State::Completed { at }
            | State::Cancelled { at }
            | State::Dead { at, .. } => Some(at),
        }
    }

    /// How many tasks each open session holds.
    pub fn holdings(&self) -> impl Iterator<Item = (SessionId, u64)> {
        self.sessions
            .keys()
            .map(|id| (*id, self.tasks.held_by(*id).count() as u64))
    }
}
