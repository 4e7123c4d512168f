//! Tasks that wait for others.

use super::{Pool, tasks::At};
use crate::{NewTask, Rejection, State, Task, TaskId, Transition};

/// Which tasks wait for a task.
#[derive(Debug, Clone, Default)]
pub(super) struct Children;

impl Children {
    pub(super) const fn enter(&mut self, _at: At, _task: &Task) {}

    pub(super) const fn leave(&mut self, _at: At, _task: &Task) {}
}

impl Pool {
    pub(super) fn check_after(&self, _tasks: &[TaskId]) -> Result<(), Rejection> {
        Err(Rejection::unsupported("waiting for other tasks"))
    }

    /// Refuses a task whose parents are not known, or that would wait for itself.
    pub(super) const fn check_parents(&self, _new: &NewTask) -> Result<(), Rejection> {
        Ok(())
    }

    /// Settles those that waited for a task that has ended, and how.
    pub(super) const fn follow_end(&mut self, _id: TaskId, _end: State, _out: &mut Transition) {}

    /// Settles those that waited for a task that is remembered no longer.
    pub(super) const fn parent_forgotten(&mut self, _id: TaskId, _out: &mut Transition) {}

    /// Frees some of those for which an end left too many to do at once.
    pub(super) const fn free_children(&mut self, _left: &mut usize, _out: &mut Transition) {}
}
