//! The clock that histories are written by: the machine's monotonic one, which all processes share
//! and nobody sets.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Microseconds since the machine was started, or about then.
pub(crate) fn now_us() -> u64 {
    // The call cannot fail for this clock.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        let time = Duration::from(time);
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    })
}

/// What drawing a seed begins with.
pub(crate) fn any() -> u64 {
    clock_gettime(ClockId::CLOCK_REALTIME).map_or(1, |time| {
        let nanos = Duration::from(time).as_nanos();
        let low = u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or(1);
        low ^ u64::from(std::process::id()).rotate_left(40)
    })
}
