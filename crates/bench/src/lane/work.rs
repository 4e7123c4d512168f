//! What the lanes of one phase have in common: how much there is to do, and how far they are.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;

use super::{ProducerLane, WorkerLane};
use crate::{BenchError, Stamp};

/// How much there is to do. Whichever bound is met first ends the phase.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Tasks to enqueue, and as many to complete; none: no bound.
    pub tasks: Option<u64>,
    /// How long it is measured, after the warm-up; none: no bound.
    pub measured_for: Option<Duration>,
    /// How long it runs before anything is counted.
    pub warm_up: Duration,
    /// Tasks a second on a fixed schedule, over all lanes, whatever the system manages; none: as
    /// fast as it answers.
    pub rate: Option<f64>,
    /// Tasks that may be enqueued and not completed before producers wait for workers; none: no
    /// bound.
    pub backlog_max: Option<u64>,
    /// Requests under way of one producing lane.
    pub in_flight: usize,
    /// Tasks held at a time by one working lane.
    pub slots: usize,
    /// Bytes of each payload, at least eight.
    pub payload_bytes: usize,
}

/// One phase under way.
#[derive(Debug)]
pub struct Work {
    pub(super) limits: Limits,
    pub(super) producers: u32,
    /// Passed twice: when all are connected, and when it is known when it began.
    gate: Barrier,
    began: OnceLock<Stamp>,
    handed_out: AtomicU64,
    acknowledged: AtomicU64,
    completed: AtomicU64,
    over: CancellationToken,
}

impl Work {
    /// A phase of so many lanes; each must be made, or [`Self::begin`] waits for ever.
    #[must_use]
    pub fn new(limits: Limits, producers: u32, workers: u32) -> Arc<Self> {
        Arc::new(Self {
            limits,
            producers,
            gate: Barrier::new((producers + workers) as usize + 1),
            began: OnceLock::new(),
            handed_out: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            over: CancellationToken::new(),
        })
    }

    /// The lanes of the phase.
    ///
    /// # Errors
    /// When there are not enough file descriptors.
    pub fn lanes(
        self: &Arc<Self>,
        workers: u32,
    ) -> Result<(Vec<ProducerLane>, Vec<WorkerLane>), BenchError> {
        let producers: Result<_, _> = (0..self.producers)
            .map(|number| ProducerLane::new(self.clone(), number))
            .collect();
        let workers: Result<_, _> = (0..workers)
            .map(|_| WorkerLane::new(self.clone()))
            .collect();
        Ok((producers?, workers?))
    }

    /// Waits until all lanes are connected and lets them begin.
    pub async fn begin(&self) {
        self.gate.wait().await;
        self.began.get_or_init(Stamp::now);
        self.gate.wait().await;
    }

    /// A lane is connected: waits for the others.
    pub(super) async fn enter(&self) {
        self.gate.wait().await;
        self.gate.wait().await;
    }

    /// When it began; before, now.
    pub fn began(&self) -> Stamp {
        self.began.get().copied().unwrap_or_else(Stamp::now)
    }

    /// From when on it counts.
    pub fn counts_from(&self) -> Stamp {
        self.began().after(self.limits.warm_up)
    }

    /// From when on it does not count any more.
    pub fn counts_until(&self) -> Stamp {
        match self.limits.measured_for {
            Some(measured_for) => self.counts_from().after(measured_for),
            None => Stamp::from_nanos(u64::MAX),
        }
    }

    /// Ends the phase for working lanes; producing ones are not given any more.
    pub fn end(&self) {
        self.over.cancel();
    }

    pub(super) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// Takes up to so many tasks to enqueue; 0 when none are left.
    pub(super) fn take(&self, tasks: u64) -> u64 {
        let Some(tasks_max) = self.limits.tasks else {
            return tasks;
        };
        let before = self.handed_out.fetch_add(tasks, Relaxed);
        tasks_max.saturating_sub(before).min(tasks)
    }

    pub(super) fn add_acknowledged(&self, tasks: u64) {
        self.acknowledged.fetch_add(tasks, Relaxed);
    }

    pub(super) fn add_completed(&self, tasks: u64) {
        let completed = self.completed.fetch_add(tasks, Relaxed) + tasks;
        if self.limits.tasks.is_some_and(|all| completed >= all) {
            self.end();
        }
    }

    /// Tasks acknowledged up to now, by all lanes, the warm-up included.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Relaxed)
    }

    /// Tasks completed up to now, by all lanes, the warm-up included.
    pub fn completed(&self) -> u64 {
        self.completed.load(Relaxed)
    }

    /// Whether producers are to wait for workers.
    pub(super) fn is_backlogged(&self) -> bool {
        let backlog = || self.acknowledged().saturating_sub(self.completed());
        self.limits.backlog_max.is_some_and(|max| backlog() >= max)
    }
}
