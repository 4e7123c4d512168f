//! Whether there is room for one more task.

use core::time::Duration;

use super::{Pool, enqueue::within};
use crate::{NewTask, Rejection, limits::TASKS_MAX};

/// When to try again where nothing says better.
const SOON: Duration = Duration::from_secs(1);

/// The least and the longest that anybody is told to wait.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What comes with a task, before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside {
    pub(super) tasks: u64,
    pub(super) bytes: u64,
}

impl Pool {
    /// Beside others that come with it.
    pub(super) fn check_room(&self, new: &NewTask, others: Beside) -> Result<(), Rejection> {
        let tasks_max = self.settings.tasks_max.min(TASKS_MAX);
        if self.tasks.len() + others.tasks >= tasks_max {
            return Err(self.full_of_tasks(tasks_max));
        }
        match self.settings.bytes_max {
            Some(bytes_max) => self.check_bytes(new, others.bytes, bytes_max),
            None => Ok(()),
        }
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
    fn check_bytes(&self, new: &NewTask, others: u64, bytes_max: u64) -> Result<(), Rejection> {
        let (there, more) = (self.live_bytes() + others, new.payload.len() as u64);
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
