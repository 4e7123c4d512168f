//! How long a task may wait to be claimed.
//!
//! The clock runs from when it was first ready, also while it backs off after a failure. While it
//! is on lease nobody looks at it; whoever gives it back too late finds it dead.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use super::{Pool, tasks::At};
use crate::{Cause, Death, Revocation, State, Task, Timestamp, Transition};

/// When tasks that wait will have waited too long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expiries(BTreeSet<(Timestamp, At)>);

impl Expiries {
    pub(super) fn enter(&mut self, at: At, task: &Task) {
        if let Some(moment) = moment(task) {
            self.0.insert((moment, at));
        }
    }

    pub(super) fn leave(&mut self, at: At, task: &Task) {
        if let Some(moment) = moment(task) {
            self.0.remove(&(moment, at));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.0.first().map(|(moment, _)| *moment)
    }

    fn first_due(&self, now: Timestamp) -> Option<At> {
        let (moment, at) = *self.0.first()?;
        (moment <= now).then_some(at)
    }
}

/// Only of one that waits for its turn.
fn moment(task: &Task) -> Option<Timestamp> {
    match task.state {
        State::Ready => task.expires_at(),
        State::Scheduled { run_at } => task.expires_at().filter(|_| run_at != Timestamp::NEVER),
        State::Claimed | State::Completed { .. } | State::Cancelled { .. } | State::Dead { .. } => {
            None
        }
    }
}

impl Task {
    /// When it will have waited too long, if it is not claimed before.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let after = self.extras.as_ref()?.expires_after_ms?;
        Some(self.ready_at + Duration::from_millis(after))
    }
}

impl Pool {
    /// Ends some of those that waited too long.
    pub(super) fn expire_overdue(&mut self, left: &mut usize, out: &mut Transition) {
        while *left > 0
            && let Some(at) = self.tasks.side.expiries.first_due(self.now)
        {
            self.expire_one(at, out);
            *left -= 1;
        }
    }

    /// Whether it waited too long, and is to be granted no more though nothing ended it yet: what
    /// is due is done in slices.
    pub(super) fn is_overdue(&self, at: At) -> bool {
        let expiries = &self.tasks.side.expiries;
        expiries.first_due(self.now).is_some()
            && moment(&self.tasks.shelf.task(at)).is_some_and(|moment| moment <= self.now)
    }

    fn expire_one(&mut self, at: At, out: &mut Transition) {
        let (now, cause) = (self.now, Death::Expired);
        let (task, lost) = self.tasks.update(at, |slot| {
            slot.task.state = State::Dead { at: now, cause };
            slot.give_up()
        });
        self.revoke(lost, Revocation::Lost, out);
        self.ended(task, Cause::Expired, None, Vec::new(), out);
    }
}
