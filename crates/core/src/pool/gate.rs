//! What may be granted now: the pool's limits, and whose turn it is.
//!
//! Permits are counted nowhere: how many tasks are on lease follows from the tasks, so that no
//! permit can leak. A pool without a limit has no gate, and pays a branch.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{
    Pool,
    lanes::Lanes,
    rate::{Bucket, Pace},
    tasks::{At, Order, Tasks},
};
use crate::{PoolSettings, Rate, StateKind, Timestamp};

/// The settings that make a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    counts_bytes: bool,
    concurrency_max: Option<u32>,
    rate: Option<Rate>,
    pub(super) group_concurrency_max: Option<u32>,
    pub(super) group_rate: Option<Rate>,
    pub(super) fair_share: bool,
}

impl Terms {
    pub(super) const fn of(settings: &PoolSettings) -> Option<Self> {
        let terms = Self {
            counts_bytes: settings.bytes_max.is_some(),
            concurrency_max: settings.concurrency_max,
            rate: settings.rate,
            group_concurrency_max: settings.group_concurrency_max,
            group_rate: settings.group_rate,
            fair_share: settings.fair_share,
        };
        let is_any = terms.counts_bytes
            || terms.concurrency_max.is_some()
            || terms.rate.is_some()
            || terms.tells_groups_apart();
        if is_any { Some(terms) } else { None }
    }

    const fn tells_groups_apart(&self) -> bool {
        self.group_concurrency_max.is_some() || self.group_rate.is_some() || self.fair_share
    }
}

/// What a pool has beside its tasks if its owner limits it.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) terms: Terms,
    /// Bytes of payload of live tasks.
    pub(super) bytes: u64,
    bucket: Option<(Pace, Bucket)>,
    /// Only where groups are told apart.
    pub(super) lanes: Option<Lanes>,
    now: Timestamp,
}

impl Gate {
    /// Of a pool without tasks.
    pub(super) fn of(terms: Terms, now: Timestamp) -> Box<Self> {
        let pace = terms.rate.map(Pace::of);
        let lanes = terms.tells_groups_apart();
        Box::new(Self {
            terms,
            bytes: 0,
            bucket: pace.map(|pace| (pace, pace.fresh(now))),
            lanes: lanes.then(|| Lanes::new(&terms, now)),
            now,
        })
    }

    /// The same pool was under another gate, at a rate that may have been the same.
    pub(super) fn follow(&mut self, old: &Self) {
        if self.terms.rate == old.terms.rate {
            self.bucket = old.bucket;
        }
        if let (Some(lanes), Some(old)) = (&mut self.lanes, &old.lanes) {
            lanes.follow(old);
        }
    }

    fn open_at(&self) -> Timestamp {
        let permit_at = |(pace, bucket): (Pace, Bucket)| pace.permit_at(bucket);
        self.bucket.map_or_else(Timestamp::default, permit_at)
    }

    fn has_room(&self, claimed: u64) -> bool {
        let max = self.terms.concurrency_max;
        max.is_none_or(|max| claimed < u64::from(max))
    }
}

impl Tasks {
    /// Time has passed: groups that had to wait for a permit may have one.
    #[inline]
    pub(super) fn pass_time(&mut self, now: Timestamp) {
        if let Some(gate) = &mut self.gate {
            gate.now = now;
            if let Some(lanes) = &mut gate.lanes {
                lanes.pass_time(now);
            }
        }
    }

    /// A task was granted: that takes a permit where a rate is kept, and a turn.
    #[cold]
    pub(super) fn take_permit(&mut self, at: At) {
        let Some(gate) = self.gate.as_deref_mut() else {
            return;
        };
        if let Some((pace, bucket)) = &mut gate.bucket {
            pace.take(bucket, gate.now);
        }
        if let Some(lanes) = &mut gate.lanes {
            let extras = self.shelf.extras(at);
            lanes.granted(extras.and_then(|extras| extras.group.as_ref()));
        }
    }

    /// The live task that is now there weighs something.
    #[cold]
    pub(super) fn weigh(&mut self, at: At) {
        if let Some(gate) = &mut self.gate
            && !self.shelf.kind(at).is_end()
        {
            gate.bytes += u64::from(self.shelf.packed(at).payload_len);
        }
    }

    /// As it was there until now.
    #[cold]
    pub(super) fn unweigh(&mut self, at: At) {
        if let Some(gate) = &mut self.gate
            && !self.shelf.kind(at).is_end()
        {
            gate.bytes -= u64::from(self.shelf.packed(at).payload_len);
        }
    }

    pub(super) fn lanes(&self) -> Option<&Lanes> {
        self.gate.as_ref()?.lanes.as_ref()
    }

    /// The first by priority and age, whether it may be granted or not.
    pub(super) fn first_in_order(&self) -> Option<Order> {
        let first = self.ready.first().map(|(order, _)| order);
        let of_groups = self.lanes().and_then(Lanes::first_in_order);
        first.into_iter().chain(of_groups).min()
    }
}

impl Pool {
    /// The task that is to be granted next.
    pub(super) fn next_grantable(&self) -> Option<At> {
        if self.paused() {
            return None;
        }
        let plain = self.tasks.ready.first();
        let first = match &self.tasks.gate {
            None => plain.map(|(_, at)| at),
            Some(gate) => self.next_through(gate, plain),
        };
        first.filter(|at| !self.is_overdue(*at))
    }

    #[cold]
    fn next_through(&self, gate: &Gate, plain: Option<(Order, At)>) -> Option<At> {
        let claimed = self.tasks.counts.of(StateKind::Claimed);
        if !gate.has_room(claimed) || gate.open_at() > self.now {
            return None;
        }
        match &gate.lanes {
            None => plain.map(|(_, at)| at),
            Some(lanes) => lanes.next(plain),
        }
    }

    /// How many of so many may be granted now, at the most.
    pub(super) fn permitted(&self, count: usize) -> usize {
        match &self.tasks.gate {
            None => count,
            Some(gate) => count.min(self.permitted_through(gate)),
        }
    }

    #[cold]
    fn permitted_through(&self, gate: &Gate) -> usize {
        let claimed = self.tasks.counts.of(StateKind::Claimed);
        let max = gate.terms.concurrency_max.map(u64::from);
        let at_once = max.map(|max| max.saturating_sub(claimed));
        let in_time = gate.bucket.map(|(pace, of)| pace.permits(of, self.now));
        let plain = self.tasks.ready.len() as u64;
        let of_groups = gate.lanes.as_ref().map(Lanes::permitted);
        let of_groups = of_groups.map(|of_groups| of_groups.saturating_add(plain));
        let least = [at_once, in_time, of_groups].into_iter().flatten().min();
        least.map_or(usize::MAX, |least| {
            usize::try_from(least).unwrap_or(usize::MAX)
        })
    }

    /// When somebody who waits can have what only a rate keeps back.
    pub(super) fn next_permit(&self) -> Option<Timestamp> {
        let gate = self.tasks.gate.as_deref()?;
        let claimed = self.tasks.counts.of(StateKind::Claimed);
        if !self.waiters.is_anyone_in_line() || self.paused() || !gate.has_room(claimed) {
            return None;
        }
        let is_plain = self.tasks.ready.len() > 0;
        let plain = is_plain.then(Timestamp::default);
        let of_groups = gate.lanes.as_ref().and_then(Lanes::open_at);
        let first = plain.into_iter().chain(of_groups).min()?;
        Some(first.max(gate.open_at()))
    }

    /// Which limits keep ready tasks from being granted just now, for people.
    pub(super) fn limited_by(&self) -> Vec<String> {
        let mut limits = Vec::new();
        let Some(gate) = self.tasks.gate.as_deref() else {
            return limits;
        };
        if self.tasks.counts.of(StateKind::Ready) == 0 {
            return limits;
        }
        let claimed = self.tasks.counts.of(StateKind::Claimed);
        if let Some(max) = gate
            .terms
            .concurrency_max
            .filter(|_| !gate.has_room(claimed))
        {
            limits.push(format!("concurrency {claimed} of {max}"));
        }
        if let Some((pace, _)) = gate.bucket.filter(|_| gate.open_at() > self.now) {
            let Rate { tasks, per, .. } = pace.rate();
            limits.push(format!("rate {tasks} in {per:?}"));
        }
        if let Some(lanes) = &gate.lanes {
            limits.extend(lanes.limited_by());
        }
        limits
    }
}
