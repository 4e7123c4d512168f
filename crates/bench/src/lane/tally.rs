//! What a lane counted, and what all lanes did together.

use hdrhistogram::Histogram;

use super::Work;
use crate::{BenchError, Stamp};

/// The longest latency that is told from longer ones: a quarter of an hour, in nanoseconds.
const LATENCY_MAX: u64 = 900_000_000_000;

/// The shortest that is told from shorter ones, in nanoseconds.
const LATENCY_MIN: u64 = 128;

/// Figures that are told apart: one in a hundred is finer than any run repeats, and keeps the
/// counts of a lane in the processor's cache.
const FIGURES: u8 = 2;

/// What was counted, of a lane or of many.
#[derive(Debug, Clone)]
pub struct Tally {
    counts_from: Stamp,
    counts_until: Stamp,
    last: Stamp,
    /// Tasks acknowledged while it counted.
    pub acknowledged: u64,
    /// Tasks delivered while it counted.
    pub delivered: u64,
    /// Completions acknowledged while it counted.
    pub completed: u64,
    /// From when a task was to be sent until it was sent, in nanoseconds: the generator's own
    /// lateness, which is part of all others.
    pub late: Histogram<u64>,
    /// From when a task was to be sent until it was acknowledged, in nanoseconds.
    pub until_acknowledged: Histogram<u64>,
    /// … until it reached a node.
    pub until_delivered: Histogram<u64>,
    /// … until its completion was acknowledged.
    pub until_completed: Histogram<u64>,
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Errors
    /// Never, as the bounds are sound.
    pub fn new() -> Result<Self, BenchError> {
        let histogram = Histogram::new_with_bounds(LATENCY_MIN, LATENCY_MAX, FIGURES)
            .map_err(|error| BenchError::failed("make a histogram", error))?;
        Ok(Self {
            counts_from: Stamp::default(),
            counts_until: Stamp::default(),
            last: Stamp::default(),
            acknowledged: 0,
            delivered: 0,
            completed: 0,
            late: histogram.clone(),
            until_acknowledged: histogram.clone(),
            until_delivered: histogram.clone(),
            until_completed: histogram,
        })
    }

    pub(super) fn begin(&mut self, work: &Work) {
        self.counts_from = work.counts_from();
        self.counts_until = work.counts_until();
        self.last = self.counts_from;
    }

    /// Whether what happens now counts.
    fn counts(&self, now: Stamp) -> bool {
        now >= self.counts_from && now <= self.counts_until
    }

    /// Whether a task's latencies count: it was sent while the phase counted, for a task of the
    /// warm-up, or of an earlier phase, says nothing of this one.
    fn times(&self, task: Stamp) -> bool {
        task >= self.counts_from && task <= self.counts_until
    }

    pub(super) fn sent(&mut self, task: Stamp, now: Stamp) {
        if self.times(task) {
            self.late.saturating_record(now.since(task));
        }
    }

    pub(super) fn acknowledge(&mut self, task: Stamp, now: Stamp) {
        if self.counts(now) {
            self.acknowledged += 1;
            self.last = now;
        }
        if self.times(task) {
            self.until_acknowledged.saturating_record(now.since(task));
        }
    }

    pub(super) fn deliver(&mut self, task: Stamp, now: Stamp) {
        self.delivered += u64::from(self.counts(now));
        if self.times(task) {
            self.until_delivered.saturating_record(now.since(task));
        }
    }

    pub(super) fn complete(&mut self, task: Stamp, now: Stamp) {
        if self.counts(now) {
            self.completed += 1;
            self.last = now;
        }
        if self.times(task) {
            self.until_completed.saturating_record(now.since(task));
        }
    }

    /// Adds what another lane counted.
    ///
    /// # Errors
    /// Never, as all histograms have the same bounds.
    pub fn add(&mut self, other: &Self) -> Result<(), BenchError> {
        self.counts_from = other.counts_from;
        self.counts_until = other.counts_until;
        self.last = self.last.max(other.last);
        self.acknowledged += other.acknowledged;
        self.delivered += other.delivered;
        self.completed += other.completed;
        for (all, one) in [
            (&mut self.late, &other.late),
            (&mut self.until_acknowledged, &other.until_acknowledged),
            (&mut self.until_delivered, &other.until_delivered),
            (&mut self.until_completed, &other.until_completed),
        ] {
            all.add(one)
                .map_err(|error| BenchError::failed("add histograms", error))?;
        }
        Ok(())
    }

    /// How long it counted, in seconds: until its end or, without one, until the last thing that
    /// happened.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let until = if self.counts_until == Stamp::from_nanos(u64::MAX) {
            self.last
        } else {
            self.counts_until.min(self.last)
        };
        until.since(self.counts_from) as f64 / 1e9
    }

    /// Tasks acknowledged a second.
    #[must_use]
    pub fn acknowledged_rate(&self) -> f64 {
        per(self.acknowledged, self.seconds())
    }

    /// Tasks completed a second.
    #[must_use]
    pub fn completed_rate(&self) -> f64 {
        per(self.completed, self.seconds())
    }
}

fn per(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}
