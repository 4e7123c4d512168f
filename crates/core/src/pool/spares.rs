//! Boxes of tasks whose changes were written: the next changes are made of them, so that a pool
//! that goes on as it went asks for no memory.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use super::Pool;
use crate::{Change, State, Task, TaskId, Timestamp};

/// The most that a pool keeps; each has about 300 bytes.
const SPARES_MAX: usize = 512;

#[derive(Default)]
#[expect(clippy::vec_box, reason = "the boxes are what is kept")]
pub(super) struct Spares(Vec<Box<Task>>);

/// Nothing has happened to it: no lease, no history, no extras.
pub(super) const fn blank() -> Task {
    Task {
        id: TaskId::from_u128(0),
        place: 0,
        priority: 0,
        attempts_max: 0,
        enqueued_at: Timestamp::NEVER,
        ready_at: Timestamp::NEVER,
        attempt: 0,
        interruptions: 0,
        losses_in_a_row: 0,
        payload_len: 0,
        result_len: None,
        state: State::Ready,
        lease: None,
        history: Vec::new(),
        extras: None,
    }
}

/// They are nothing that can be known of a pool.
impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spares")
    }
}

/// A copy of a pool begins with none.
impl Clone for Spares {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Spares {
    /// A task to be written over. There may be room for its history already.
    pub(super) fn blank(&mut self) -> Box<Task> {
        self.0.pop().unwrap_or_else(|| Box::new(blank()))
    }

    /// No more are kept than were used of late: as many as were written at once, or half of those
    /// that there are.
    fn keep(&mut self, spent: Vec<Change>) {
        let most = spent.len().max(self.0.len() / 2).min(SPARES_MAX);
        self.0.truncate(most);
        for change in spent {
            if let Change::Put { task, .. } = change
                && self.0.len() < most
            {
                self.0.push(task);
            }
        }
    }
}

/// What is left of changes that were written: made where they were written, for whoever read them
/// last has them in its cache.
#[derive(Debug, Default)]
pub struct Spent(Vec<Change>);

impl From<Vec<Change>> for Spent {
    fn from(mut written: Vec<Change>) -> Self {
        written.truncate(SPARES_MAX);
        written.iter_mut().for_each(wipe);
        Self(written)
    }
}

fn wipe(change: &mut Change) {
    let Change::Put { task, blob, .. } = change else {
        return;
    };
    *blob = None;
    if !task.history.is_empty() {
        task.history.clear();
        // Most tasks have one attempt.
        task.history.shrink_to(1);
    }
    task.lease = None;
    task.extras = None;
}

impl Pool {
    /// Takes back what is left of its own changes: it serves the next ones.
    pub fn reuse(&mut self, spent: Spent) {
        self.tasks.shelf.spares.keep(spent.0);
    }
}
