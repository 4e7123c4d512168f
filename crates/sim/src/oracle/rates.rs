//! How often grants may come: a bucket of permits that fills with the time.

use std::collections::BTreeMap;

use leasehold_core::{Rate, Timestamp};

/// Permits, each cut into as many parts as the rate's time has milliseconds: then as many parts
/// come back in each millisecond as the rate has tasks, and nothing is rounded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    parts: u128,
    at: Timestamp,
}

impl Bucket {
    /// After a start there is one permit, or a restart would be worth a burst.
    pub(super) const fn begun(rate: Rate, now: Timestamp) -> Self {
        Self {
            parts: rate.per.as_millis(),
            at: now,
        }
    }

    fn parts(self, rate: Rate, now: Timestamp) -> u128 {
        let most = u128::from(rate.burst) * rate.per.as_millis();
        let came = now.since(self.at).as_millis() * u128::from(rate.tasks);
        most.min(self.parts + came)
    }

    pub(super) fn has_permit(self, rate: Rate, now: Timestamp) -> bool {
        self.parts(rate, now) >= rate.per.as_millis()
    }

    /// The first millisecond with a permit.
    pub(super) fn permit_at(self, rate: Rate, now: Timestamp) -> Timestamp {
        let missing = rate.per.as_millis().saturating_sub(self.parts(rate, now));
        let wait = missing.div_ceil(u128::from(rate.tasks));
        let wait = u64::try_from(wait).unwrap_or(u64::MAX);
        now + std::time::Duration::from_millis(wait)
    }

    pub(super) fn take(&mut self, rate: Rate, now: Timestamp) {
        let left = self.parts(rate, now).saturating_sub(rate.per.as_millis());
        (self.parts, self.at) = (left, now);
    }
}

/// The buckets of a pool.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    pub(super) pool: Option<(Rate, Bucket)>,
    group: Option<Rate>,
    groups: BTreeMap<String, Bucket>,
    /// What a group has that was granted nothing yet.
    untouched: Option<Bucket>,
}

impl Buckets {
    /// These rates hold from now on; a rate that held before goes on as it was.
    pub(super) fn hold(&mut self, pool: Option<Rate>, group: Option<Rate>, now: Timestamp) {
        if pool != self.pool.map(|(rate, _)| rate) {
            self.pool = pool.map(|rate| (rate, Bucket::begun(rate, now)));
        }
        if group != self.group {
            self.group = group;
            self.groups.clear();
            self.untouched = group.map(|rate| Bucket::begun(rate, now));
        }
    }

    pub(super) fn of_group(&self, group: &str) -> Option<(Rate, Bucket)> {
        let bucket = self.groups.get(group).copied().or(self.untouched);
        self.group.zip(bucket)
    }

    /// A grant takes a permit of the pool, and one of its group.
    pub(super) fn take(&mut self, group: Option<&str>, now: Timestamp) {
        if let Some((rate, bucket)) = &mut self.pool {
            bucket.take(*rate, now);
        }
        if let Some(group) = group
            && let Some((rate, mut bucket)) = self.of_group(group)
        {
            bucket.take(rate, now);
            self.groups.insert(group.to_owned(), bucket);
        }
    }
}
