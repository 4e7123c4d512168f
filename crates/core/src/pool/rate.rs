//! How often tasks may be granted: buckets in integers.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A): a bucket is one number, the moment at
//! which it would be full again if nothing more were taken. It counts in parts of a millisecond, as
//! many as there are tasks in the rate's time, so that nothing is ever rounded.

use crate::{Rate, Timestamp, time::millis};

/// A rate, as buckets reckon with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    rate: Rate,
    tasks: u64,
    per: u64,
    /// How far ahead of the clock a bucket may be that has a permit left.
    slack: u64,
}

/// When a bucket would be full, in parts of a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket(u64);

impl Pace {
    pub(super) fn of(rate: Rate) -> Self {
        let tasks = u64::from(rate.tasks.max(1));
        let per = millis(rate.per).max(1);
        let slack = per.saturating_mul(u64::from(rate.burst.max(1)) - 1);
        Self {
            rate,
            tasks,
            per,
            slack,
        }
    }

    pub(super) const fn rate(self) -> Rate {
        self.rate
    }

    /// One of which nothing is known: it has one permit.
    pub(super) const fn fresh(self, now: Timestamp) -> Bucket {
        Bucket(self.clock(now).saturating_add(self.slack))
    }

    /// When there is a permit.
    pub(super) const fn permit_at(self, bucket: Bucket) -> Timestamp {
        let least = bucket.0.saturating_sub(self.slack);
        Timestamp::from_millis(least.div_ceil(self.tasks))
    }

    /// How many permits there are.
    pub(super) fn permits(self, bucket: Bucket, now: Timestamp) -> u64 {
        let clock = self.clock(now);
        let most = clock.saturating_add(self.slack);
        let from = bucket.0.max(clock);
        most.checked_sub(from)
            .map_or(0, |ahead| ahead / self.per + 1)
    }

    /// Takes a permit.
    pub(super) fn take(self, bucket: &mut Bucket, now: Timestamp) {
        bucket.0 = bucket.0.max(self.clock(now)).saturating_add(self.per);
    }

    /// Whether it has all permits that it can have.
    pub(super) const fn is_full(self, bucket: Bucket, now: Timestamp) -> bool {
        bucket.0 <= self.clock(now)
    }

    const fn clock(self, now: Timestamp) -> u64 {
        now.as_millis().saturating_mul(self.tasks)
    }
}
