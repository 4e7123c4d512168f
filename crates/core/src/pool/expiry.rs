//! How long a task may wait to be claimed.

use super::{Pool, tasks::At};
use crate::{Task, Timestamp, Transition};

/// When tasks that wait will have waited too long.
#[derive(Debug, Clone, Default)]
pub(super) struct Expiries;

impl Expiries {
    pub(super) const fn enter(&mut self, _at: At, _task: &Task) {}

    pub(super) const fn leave(&mut self, _at: At, _task: &Task) {}

    pub(super) const fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
}

impl Pool {
    /// Ends some of those that waited too long.
    pub(super) const fn expire_overdue(&mut self, _left: &mut usize, _out: &mut Transition) {}
}
