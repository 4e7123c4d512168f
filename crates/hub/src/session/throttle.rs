//! How much a session and an address may say in a second: buckets in integers.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A), as for the rates of pools: a bucket is one
//! number, the moment at which it would be full again if nothing more were taken. It counts in parts
//! of a nanosecond, as many as the rate has units a second, so that nothing is ever rounded.
//!
//! Time is that of the runtime, by which silence is judged, too.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::household::Household;
use crate::config::{HubConfig, HubSection, SessionSection};

const SECOND: u128 = 1_000_000_000;

/// What one session may say, by itself and with all others of its address.
#[derive(Debug)]
pub(super) struct Throttle {
    own: Rates,
    /// Nothing for who is inside this process.
    household: Option<Arc<Household>>,
    of_address: Limits,
}

/// What may be said in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Limits {
    requests: Option<u64>,
    bytes: Option<u64>,
}

/// What is left of that.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// Nothing if nothing is held back.
    since: Option<Instant>,
    limits: Limits,
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
    pub(super) fn new(config: &HubConfig, household: Option<Arc<Household>>) -> Self {
        let mut throttle = Self {
            own: Rates::default(),
            household,
            of_address: Limits::default(),
        };
        throttle.follow(config, Instant::now);
        throttle
    }

    /// Goes by what the owner decides now.
    pub(super) fn follow(&mut self, config: &HubConfig, now: impl Fn() -> Instant) {
        self.own.follow(Limits::of_session(&config.session), &now);
        self.of_address = Limits::of_address(&config.hub);
        if let Some(household) = self.household() {
            household.rates().follow(self.of_address, now);
        }
    }

    /// Notes that a request was said, or something else, in so many bytes; whether that was all for
    /// now.
    pub(super) fn took(&mut self, is_request: bool, bytes: u64, now: impl Fn() -> Instant) -> bool {
        let of_address = self
            .household()
            .is_some_and(|household| household.rates().took(is_request, bytes, &now));
        self.own.took(is_request, bytes, now) || of_address
    }

    /// Until when nothing more is heard; nothing if there is something left.
    pub(super) fn shut_until(&self, now: impl Fn() -> Instant) -> Option<Instant> {
        let of_address = self
            .household()
            .and_then(|household| household.rates().shut_until(&now));
        self.own.shut_until(now).max(of_address)
    }

    /// If there is a bound on what it says.
    fn household(&self) -> Option<&Household> {
        let household = self.household.as_deref();
        household.filter(|_| self.of_address != Limits::default())
    }
}

impl Limits {
    const fn of_session(bounds: &SessionSection) -> Self {
        Self {
            requests: bounds.requests_per_second,
            bytes: bounds.bytes_per_second,
        }
    }

    const fn of_address(bounds: &HubSection) -> Self {
        Self {
            requests: bounds.address_requests_per_second,
            bytes: bounds.address_bytes_per_second,
        }
    }
}

impl Rates {
    fn follow(&mut self, limits: Limits, now: impl FnOnce() -> Instant) {
        if limits != self.limits {
            let bucket = |rate: Option<u64>| rate.map(|rate| Bucket::new(rate, Duration::ZERO));
            let is_on = limits != Limits::default();
            *self = Self {
                since: is_on.then(now),
                limits,
                requests: bucket(limits.requests),
                bytes: bucket(limits.bytes),
            };
        }
    }

    fn took(&mut self, is_request: bool, bytes: u64, now: impl FnOnce() -> Instant) -> bool {
        let Some(since) = self.since else {
            return false;
        };
        // Sessions of an address ask for the time each for itself.
        let elapsed = now().saturating_duration_since(since);
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

    fn shut_until(&self, now: impl FnOnce() -> Instant) -> Option<Instant> {
        let buckets = self.requests.iter().chain(&self.bytes);
        let opens_at = self.since? + buckets.map(Bucket::opens_at).max()?;
        (opens_at > now()).then_some(opens_at)
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
