//! The only place that asks what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leasehold_core::{Timestamp, time::millis};
use tokio::time::Instant;

/// What the wall clock of this machine shows. Not what a hub goes by.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks for the time"
)]
pub fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_millis(since.map_or(0, millis))
}

/// Wall time at the start plus what has passed since: it never goes back, and a jump of the wall
/// clock ends no lease. What has passed is told by the runtime's clock, which is the system's
/// monotonic one unless a test moves it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started_at: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts now, but no earlier than `floor`: the newest time that a store has seen, in case the
    /// wall clock was set back while the hub was gone.
    pub(crate) fn starting_no_earlier_than(floor: Timestamp) -> Self {
        Self {
            started_at: wall_clock().max(floor),
            started: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.started_at + self.started.elapsed()
    }

    /// What the clock on the wall shows: it jumps when it is set, so it is for calendars only.
    #[expect(
        clippy::unused_self,
        reason = "whoever may ask for the time has a clock"
    )]
    pub(crate) fn on_the_wall(&self) -> Timestamp {
        wall_clock()
    }

    /// Since the start, as finely as it can be told.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) const fn started_at(&self) -> Timestamp {
        self.started_at
    }
}
