//! A working lane: what was delivered, and what was completed.

use std::sync::Arc;

use super::{Tally, Work};
use crate::{BenchError, Stamp};

/// What a working driver speaks with.
#[derive(Debug)]
pub struct WorkerLane {
    work: Arc<Work>,
    /// Delivered, and not completed yet.
    held: usize,
    /// Completed, and not told to the others yet.
    untold: u64,
    now: Stamp,
    tally: Tally,
}

impl WorkerLane {
    pub(super) fn new(work: Arc<Work>) -> Result<Self, BenchError> {
        Ok(Self {
            work,
            held: 0,
            untold: 0,
            now: Stamp::now(),
            tally: Tally::new()?,
        })
    }

    /// The lane is connected: waits until all are.
    pub async fn begin(&mut self) {
        self.work.enter().await;
        self.tally.begin(&self.work);
        self.tick();
    }

    /// Looks at the time: once for each wake-up.
    pub fn tick(&mut self) {
        self.now = Stamp::now();
    }

    /// A task was delivered, as of the last [`Self::tick`]: gives its stamp, to be given back when
    /// its completion is acknowledged.
    pub fn delivered(&mut self, payload: &[u8]) -> Stamp {
        let task = Stamp::of_payload(payload);
        self.held += 1;
        self.tally.deliver(task, self.now);
        task
    }

    /// The completion of the task with this stamp was acknowledged, as of the last
    /// [`Self::tick`].
    pub fn completed(&mut self, task: Stamp) {
        self.held = self.held.saturating_sub(1);
        self.untold += 1;
        self.tally.complete(task, self.now);
    }

    /// Tells the other lanes how far this one is: once at the end of each wake-up, or the phase
    /// may not end.
    pub fn tell(&mut self) {
        if self.untold > 0 {
            self.work.add_completed(self.untold);
            self.untold = 0;
        }
    }

    /// Tasks that may be held at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.work.limits.slots
    }

    /// Tasks delivered whose completion is not acknowledged yet.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Whether the phase is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.work.over().is_cancelled()
    }

    /// Waits until the phase is over; borrows nothing.
    pub fn over(&self) -> impl Future<Output = ()> + Send + 'static {
        self.work.over().clone().cancelled_owned()
    }

    /// What it counted, when it is over.
    #[must_use]
    pub fn into_tally(mut self) -> Tally {
        self.tell();
        self.tally
    }
}
