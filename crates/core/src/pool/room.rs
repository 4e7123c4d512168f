//! Whether there is room for one more task.

use core::time::Duration;

use super::{Pool, enqueue::within, tasks::At};
use crate::{NewTask, Rejection, limits::TASKS_MAX};

/// When to try again where nothing says better.
const SOON: Duration = Duration::from_secs(1);

/// The least and the longest that anybody is told to wait.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// By how much a pool is fuller when a task comes than it is now: by what comes before it, less what
/// goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside {
    tasks: i64,
    bytes: i64,
}

impl Beside {
    pub(super) const fn add(&mut self, new: &NewTask) {
        self.tasks += 1;
        self.bytes = self.bytes.saturating_add_unsigned(new.payload.len() as u64);
    }
}

impl Pool {
    /// Beside others that come with it.
    pub(super) fn check_room(&self, new: &NewTask, others: Beside) -> Result<(), Rejection> {
        let tasks_max = self.settings.tasks_max.min(TASKS_MAX);
        if self.tasks.len().wrapping_add_signed(others.tasks) >= tasks_max {
            return Err(self.full_of_tasks(tasks_max));
        }
        match self.settings.bytes_max {
            Some(bytes_max) => {
                let bytes = new.payload.len() as u64;
                self.check_bytes(bytes, others.bytes, bytes_max)
            }
            None => Ok(()),
        }
    }

    /// Of an ended task that is to be live again, with a payload of so many bytes.
    pub(super) fn check_room_again(&self, bytes: u64) -> Result<(), Rejection> {
        let bytes_max = self.settings.bytes_max;
        bytes_max.map_or(Ok(()), |bytes_max| self.check_bytes(bytes, 0, bytes_max))
    }

    /// Where this live task will have been completed.
    pub(super) fn beside_completed(&self, at: At) -> Beside {
        let finished = self.tasks.finished.len() as u64;
        let forgets_one = finished >= self.settings.completed_kept_max;
        Beside {
            tasks: -i64::from(forgets_one),
            bytes: -i64::from(self.tasks.shelf.packed(at).payload_len),
        }
    }

    /// Where one was completed just now: its payload weighs nothing any more, and who is forgotten
    /// for it is still there.
    pub(super) fn beside_forgotten(&self) -> Beside {
        Beside {
            tasks: -i64::from(self.has_too_many_finished()),
            bytes: 0,
        }
    }

    /// Refuses what could not follow a task that had the pool for itself: it is not to be tried
    /// again.
    pub(super) fn check_fit(&self, tasks: u64, bytes: u64) -> Result<(), Rejection> {
        let is_remembered = self.settings.completed_kept_max > 0;
        let tasks_max = self.settings.tasks_max.min(TASKS_MAX);
        let room = tasks_max.saturating_sub(is_remembered.into());
        let what = "the number of follow-ups, beside the task in its pool";
        within(what, tasks, 0, room)?;
        let bytes_max = self.settings.bytes_max.unwrap_or(u64::MAX);
        let what = "the length of all follow-ups' payloads in bytes";
        within(what, bytes, 0, bytes_max)
    }

    #[cold]
    fn full_of_tasks(&self, tasks_max: u64) -> Rejection {
        Rejection::Full {
            what: "tasks".into(),
            max: tasks_max,
            retry_after: self.forgets_after().unwrap_or(SOON),
        }
    }

    #[cold]
    fn check_bytes(&self, more: u64, others: i64, bytes_max: u64) -> Result<(), Rejection> {
        let there = self.live_bytes().saturating_add_signed(others);
        // What fits into no empty pool is not to be tried again.
        within("the payload's length in bytes", more, 0, bytes_max)?;
        if there.saturating_add(more) > bytes_max {
            return Err(Rejection::Full {
                what: "bytes of payload".into(),
                max: bytes_max,
                retry_after: SOON,
            });
        }
        Ok(())
    }

    fn live_bytes(&self) -> u64 {
        self.tasks.gate.as_ref().map_or(0, |gate| gate.bytes)
    }

    /// How long until a remembered task makes room.
    fn forgets_after(&self) -> Option<Duration> {
        let after = self.tasks.next_outdated()?.since(self.now);
        Some(after.clamp(WAITS.0, WAITS.1))
    }
}
