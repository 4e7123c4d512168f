//! How much a session may say in a second: buckets in integers.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A), as for the rates of pools: a bucket is one
//! number, the moment at which it would be full again if nothing more were taken. It counts in parts
//! of a nanosecond, as many as the rate has units a second, so that nothing is ever rounded.
//!
//! Time is that of the runtime, by which silence is judged, too.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::SessionSection;

const SECOND: u128 = 1_000_000_000;

/// What one session may say.
#[derive(Debug)]
pub(super) struct Throttle {
    since: Instant,
    requests: Option<Bucket>,
    bytes: Option<Bucket>,
}

/// May be overdrawn: what a read brought is taken in, and paid for before the next.
#[derive(Debug)]
struct Bucket {
    per_second: u64,
    /// When it would be full, in parts of a nanosecond since the start of the session.
    full_at: u128,
}

impl Throttle {
    pub(super) fn new(bounds: &SessionSection, now: Instant) -> Self {
        let bucket = |rate: Option<u64>| rate.map(|rate| Bucket::new(rate, Duration::ZERO));
        Self {
            since: now,
            requests: bucket(bounds.requests_per_second),
            bytes: bucket(bounds.bytes_per_second),
        }
    }

    /// Goes by what the owner decides now.
    pub(super) fn follow(&mut self, bounds: &SessionSection, now: impl FnOnce() -> Instant) {
        let rate = |bucket: &Option<Bucket>| bucket.as_ref().map(|bucket| bucket.per_second);
        let rates = (rate(&self.requests), rate(&self.bytes));
        if rates != (bounds.requests_per_second, bounds.bytes_per_second) {
            *self = Self::new(bounds, now());
        }
    }

    /// Notes that a request was said, or something else, in so many bytes; whether that was all for
    /// now.
    pub(super) fn took(
        &mut self,
        is_request: bool,
        bytes: u64,
        now: impl FnOnce() -> Instant,
    ) -> bool {
        if self.is_off() {
            return false;
        }
        let elapsed = now().duration_since(self.since);
        let mut shut = false;
        for (bucket, units) in [
            (&mut self.requests, u64::from(is_request)),
            (&mut self.bytes, bytes),
        ] {
            let Some(bucket) = bucket else { continue };
            bucket.take(units, elapsed);
            shut |= bucket.opens_at() > elapsed;
        }
        shut
    }

    /// Until when nothing more is heard; nothing if there is something left.
    pub(super) fn shut_until(&self, now: impl FnOnce() -> Instant) -> Option<Instant> {
        if self.is_off() {
            return None;
        }
        let buckets = self.requests.iter().chain(&self.bytes);
        let opens_at = self.since + buckets.map(Bucket::opens_at).max()?;
        (opens_at > now()).then_some(opens_at)
    }

    const fn is_off(&self) -> bool {
        self.requests.is_none() && self.bytes.is_none()
    }
}

impl Bucket {
    /// One that has nothing saved: whoever connects again gains nothing by it.
    fn new(per_second: u64, elapsed: Duration) -> Self {
        let mut bucket = Self {
            per_second,
            full_at: 0,
        };
        bucket.full_at = bucket.clock(elapsed) + bucket.slack();
        bucket
    }

    fn take(&mut self, units: u64, elapsed: Duration) {
        let from = self.full_at.max(self.clock(elapsed));
        self.full_at = from + u128::from(units) * SECOND;
    }

    /// Rounded up to the nanosecond.
    fn opens_at(&self) -> Duration {
        let least = self.full_at.saturating_sub(self.slack());
        let nanoseconds = least.div_ceil(u128::from(self.per_second));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How far ahead of the clock it may be that has one unit left: what is saved up in a second.
    fn slack(&self) -> u128 {
        u128::from(self.per_second - 1) * SECOND
    }

    fn clock(&self, elapsed: Duration) -> u128 {
        elapsed.as_nanos() * u128::from(self.per_second)
    }
}

#[cfg(test)]
mod tests;
