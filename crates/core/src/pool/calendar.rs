//! The calendar: what the clock on the wall shows, by which cron goes. The pool's own time never goes
//! back and never jumps; the one on the wall is set forward and back by whoever keeps it right.

use super::Pool;
use crate::{Timestamp, When};

/// Less than this is the time that it took to look at two clocks.
const SLACK_MS: u64 = 100;

/// How far the calendar is from the pool's time, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Calendar {
    ahead_ms: i64,
}

impl Calendar {
    fn at(self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis().saturating_add_signed(self.ahead_ms))
    }
}

impl Pool {
    /// Says what the calendar shows at the time to which the pool was advanced last; without a word
    /// it shows that time. Returns by how much it was set, in milliseconds, if it was: then all that
    /// goes by it wants a [`crate::Plan`].
    pub fn set_calendar(&mut self, shows: Timestamp) -> Option<i64> {
        let (shows, now) = (shows.as_millis(), self.now.as_millis());
        let ahead_ms = i64::try_from(i128::from(shows) - i128::from(now)).unwrap_or(0);
        let set_by = ahead_ms.saturating_sub(self.calendar.ahead_ms);
        if set_by.unsigned_abs() < SLACK_MS {
            return None;
        }
        self.calendar = Calendar { ahead_ms };
        self.plan_by_calendar();
        Some(set_by)
    }

    /// The time by which a schedule of this kind goes: cron by the calendar, an interval by the
    /// pool's own, which passes alike whatever is done to clocks.
    #[must_use]
    pub fn schedule_now(&self, when: &When) -> Timestamp {
        match when {
            When::Cron { .. } => self.calendar.at(self.now),
            When::Every { .. } => self.now,
        }
    }
}
