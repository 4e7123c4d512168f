//! Listing tasks by id, in steps: ids are in no order where tasks are kept, so each page is a look
//! at every place, and other work goes on between two of its steps.

use alloc::{collections::BTreeMap, vec::Vec};
use core::mem;

use super::{
    Pool,
    filter::{check_which, holds},
};
use crate::{Rejection, StateKind, Task, TaskId, Timestamp, Where};

/// A task as it was when it was looked at, and [`Pool::moment_of`] it.
pub type Listed = (Task, Option<Timestamp>);

/// A page of tasks in the making: [`Pool::list`] goes on with it.
///
/// What changes meanwhile may be in it as it was before or after.
#[derive(Debug, Clone)]
pub struct Listing {
    which: Vec<Where>,
    after: Option<TaskId>,
    tasks_max: usize,
    /// The first place that was not looked at yet.
    next: u32,
    /// Those of the least ids so far.
    found: BTreeMap<TaskId, Listed>,
}

impl Listing {
    /// The first `tasks_max` by id, of those after `after`, in one state or in any.
    #[must_use]
    pub fn new(state: Option<StateKind>, after: Option<TaskId>, tasks_max: usize) -> Self {
        Self {
            which: state.map(Where::State).into_iter().collect(),
            after,
            tasks_max,
            next: 0,
            found: BTreeMap::new(),
        }
    }

    /// As [`Listing::new`], of those for which all this holds.
    ///
    /// # Errors
    /// [`Rejection::OutOfBounds`] if there are more conditions than
    /// [`crate::limits::WHERE_MAX`], or one is too long.
    pub fn filtered(
        which: Vec<Where>,
        after: Option<TaskId>,
        tasks_max: usize,
    ) -> Result<Self, Rejection> {
        check_which(&which)?;
        Ok(Self {
            which,
            ..Self::new(None, after, tasks_max)
        })
    }

    /// Whether a task of this id would be in the page, as far as is known.
    fn wants(&self, id: TaskId) -> bool {
        let is_full = self.found.len() >= self.tasks_max;
        self.after.is_none_or(|after| id > after)
            && !(is_full
                && self
                    .found
                    .last_key_value()
                    .is_none_or(|(last, _)| *last < id))
    }

    fn take(&mut self, id: TaskId, listed: Listed) {
        self.found.insert(id, listed);
        if self.found.len() > self.tasks_max {
            self.found.pop_last();
        }
    }
}

impl Pool {
    /// Looks at up to `steps_max` more tasks, and returns the page, in the order of ids, once all
    /// were looked at.
    pub fn list(&self, listing: &mut Listing, steps_max: usize) -> Option<Vec<Listed>> {
        let shelf = &self.tasks.shelf;
        for (steps, (at, packed)) in shelf.iter_from(listing.next).enumerate() {
            if steps == steps_max {
                listing.next = at;
                return None;
            }
            if listing.wants(packed.id) && holds(&listing.which, shelf, at) {
                listing.take(packed.id, (shelf.task(at), shelf.moment(at)));
            }
        }
        Some(mem::take(&mut listing.found).into_values().collect())
    }

    /// Tasks in the order of their ids, from `after` on, of one state or of all: at most
    /// `tasks_max`, and as many steps as there are tasks. [`Pool::list`] does it bit by bit.
    #[must_use]
    pub fn tasks(
        &self,
        state: Option<StateKind>,
        after: Option<TaskId>,
        tasks_max: usize,
    ) -> Vec<Task> {
        let mut listing = Listing::new(state, after, tasks_max);
        let listed = self.list(&mut listing, usize::MAX).unwrap_or_default();
        listed.into_iter().map(|(task, _)| task).collect()
    }
}
