//! Looking without touching.

use alloc::vec::Vec;
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
            .first_in_order()
            .map(|(_, ready_at, _)| self.now.since(ready_at));
        PoolSummary {
            counts: self.tasks.counts,
            waiting: self.waiters.in_line(),
            oldest_ready_for: oldest,
            lease_lost: self.lease_lost,
            epoch: self.epoch,
        }
    }

    /// What is to be claimed first, as its place among the ready tasks of several pools of one
    /// policy: the rank that priority and age give it, then since when it is ready; the least goes
    /// first. Nothing while the pool is paused.
    #[must_use]
    pub fn first_ready(&self) -> Option<(u64, Timestamp)> {
        if self.paused() {
            return None;
        }
        let (rank, ready_at, _) = self.tasks.first_in_order()?;
        Some((rank, ready_at))
    }

    /// How many are ready; none while the pool is paused.
    #[must_use]
    pub const fn ready(&self) -> u64 {
        if self.paused() {
            return 0;
        }
        self.tasks.counts.of(StateKind::Ready)
    }

    /// A task.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<Task> {
        Some(self.tasks.shelf.task(self.tasks.find(id)?))
    }

    /// Where a task is in its life.
    #[must_use]
    pub fn state(&self, id: TaskId) -> Option<State> {
        Some(self.tasks.shelf.state(self.tasks.find(id)?))
    }

    /// The tasks that are to be claimed next, in that order, as things are now: at most `count`,
    /// each with the length of its payload in bytes.
    #[must_use]
    pub fn upcoming(&self, count: usize) -> Vec<(TaskId, u32)> {
        let ahead = self.tasks.ready_ahead(count).into_iter();
        let of = |at| {
            (
                self.tasks.shelf.id(at),
                self.tasks.shelf.packed(at).payload_len,
            )
        };
        ahead.map(of).collect()
    }

    /// When something is next to happen to a task by itself, or when it ended.
    #[must_use]
    pub fn moment_of(&self, id: TaskId) -> Option<Timestamp> {
        self.tasks.shelf.moment(self.tasks.find(id)?)
    }

    /// How many tasks an open session holds; none if it is not open.
    #[must_use]
    pub fn held_by(&self, session: SessionId) -> u64 {
        let held = self.tasks.held.get(&session);
        held.map_or(0, |list| list.len.into())
    }

    /// How many tasks each open session holds, in the order of the sessions.
    pub fn holdings(&self) -> impl Iterator<Item = (SessionId, u64)> {
        let mut sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        sessions.sort_unstable();
        sessions.into_iter().map(|id| (id, self.held_by(id)))
    }
}
