//! Whose turn it is: limits and fair shares by key.

use super::{Pool, tasks::At};
use crate::{Rejection, Task, Timestamp};

/// Ready tasks by the key that they are counted to.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes;

impl Lanes {
    pub(super) const fn enter(&mut self, _at: At, _task: &Task) {}

    pub(super) const fn leave(&mut self, _at: At, _task: &Task) {}

    pub(super) const fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
}

impl Pool {
    pub(super) fn check_group(&self, _group: &str) -> Result<(), Rejection> {
        Err(Rejection::unsupported("groups"))
    }

    /// The task that is to be granted next.
    pub(super) fn next_grantable(&self) -> Option<At> {
        if self.paused() {
            return None;
        }
        let first = self.tasks.ready.first().map(|(_, at)| at);
        first.filter(|at| !self.is_overdue(*at))
    }
}
