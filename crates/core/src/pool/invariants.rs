//! What holds after every call, written once: tests and the simulator run it after each step,
//! debug builds while a pool is small.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
};

use super::{Pool, tasks::Slot};
use crate::{State, limits::HISTORY_MAX};

/// Debug builds check pools up to this size after every call: the check looks at every task.
const CHEAP_TASKS_MAX: u64 = 64;

impl Pool {
    /// Checks every invariant.
    ///
    /// # Errors
    /// The first that does not hold, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.tasks != self.tasks.rebuilt() {
            return Err("an index is not what the tasks say".to_string());
        }
        let is_open = |id| self.sessions.contains_key(&id);
        self.waiters.check(is_open)?;
        if !self.tasks.ready.is_empty() && self.waiters.is_anyone_in_line() {
            return Err("a task is ready while somebody waits for one".to_string());
        }
        if let Some((session, id)) = self.tasks.held.iter().find(|(of, _)| !is_open(*of)) {
            return Err(format!(
                "{id} is in the hands of {session:?}, which has ended"
            ));
        }
        let mut leases = BTreeSet::new();
        for slot in self.tasks.iter_after(None) {
            check_slot(slot).map_err(|what| format!("{}: {what}", slot.task.id))?;
            if slot
                .task
                .lease
                .as_ref()
                .is_some_and(|lease| !leases.insert(lease.id))
            {
                return Err(format!(
                    "{}: its lease is on another task, too",
                    slot.task.id
                ));
            }
        }
        Ok(())
    }

    pub(super) fn check_if_cheap(&self) {
        if cfg!(debug_assertions) && self.tasks.len() <= CHEAP_TASKS_MAX {
            debug_assert_eq!(self.check(), Ok(()));
        }
    }
}

fn check_slot(slot: &Slot) -> Result<(), &'static str> {
    let task = &slot.task;
    if task.history.len() > HISTORY_MAX {
        return Err("its history is too long");
    }
    if task.attempt > task.attempts_max {
        return Err("it has had more attempts than it may");
    }
    match task.state {
        State::Claimed if task.lease.is_none() || slot.hold.is_none() => {
            Err("claimed without a lease")
        }
        State::Claimed if task.attempt == 0 => Err("claimed without an attempt"),
        State::Completed { .. } | State::Cancelled { .. } | State::Dead { .. }
            if task.lease.is_some() || slot.hold.is_some() =>
        {
            Err("ended with a lease")
        }
        State::Ready | State::Scheduled { .. } if task.attempt >= task.attempts_max => {
            Err("it waits for an attempt that it does not have")
        }
        State::Scheduled { .. }
        | State::Ready
        | State::Claimed
        | State::Completed { .. }
        | State::Cancelled { .. }
        | State::Dead { .. } => Ok(()),
    }
}
