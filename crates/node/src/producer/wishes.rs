//! What a task to be may have beyond a plain one.

use std::{mem::discriminant, time::Duration};

use leasehold_core::{BackOff, TaskId, Timestamp, Wish, time::millis};

use super::NewTask;

impl NewTask {
    /// Adds a wish, in place of one of the same kind.
    #[must_use]
    pub fn wish(mut self, wish: Wish) -> Self {
        let kind = discriminant(&wish);
        self.wishes.retain(|other| discriminant(other) != kind);
        self.wishes.push(wish);
        self
    }

    /// Not before this moment by the hub's clock; a past one means at once. Excludes a delay.
    #[must_use]
    pub fn run_at(self, at: Timestamp) -> Self {
        self.wish(Wish::RunAt(at))
    }

    /// How long it may wait to be claimed, 1 ms to ten years; then it is dead.
    #[must_use]
    pub fn expires_after(self, time: Duration) -> Self {
        self.wish(Wish::ExpiresAfter(millis(time)))
    }

    /// How long an attempt may run however often its lease is extended, 100 ms to 30 days.
    #[must_use]
    pub fn max_runtime(self, time: Duration) -> Self {
        self.wish(Wish::MaxRuntime(millis(time)))
    }

    /// How it waits after failures, instead of the pool's own way.
    #[must_use]
    pub fn back_off(self, back_off: BackOff) -> Self {
        self.wish(Wish::BackOff {
            base_ms: millis(back_off.base),
            cap_ms: millis(back_off.cap),
            factor_percent: back_off.factor_percent,
            jitter_percent: back_off.jitter_percent,
        })
    }

    /// Losses after which it is dead, 1 to 1000, instead of the pool's own.
    #[must_use]
    pub fn losses_max(self, losses: u32) -> Self {
        self.wish(Wish::LossesMax(losses))
    }

    /// Interruptions after which it is dead, 1 to 1,000,000, instead of the pool's own.
    #[must_use]
    pub fn interruptions_max(self, interruptions: u32) -> Self {
        self.wish(Wish::InterruptionsMax(interruptions))
    }

    /// One task at a time for this key of 1 to 128 bytes: for so long from its enqueue, or, with
    /// none, while it has not ended. A second enqueue is answered with the first's id.
    #[must_use]
    pub fn key(self, key: impl Into<String>, window: impl Into<Option<Duration>>) -> Self {
        let (key, window_ms) = (key.into(), window.into().map(millis));
        self.wish(Wish::Key { key, window_ms })
    }

    /// Whom limits by key and fair shares count it to, in 1 to 128 bytes.
    #[must_use]
    pub fn group(self, group: impl Into<String>) -> Self {
        self.wish(Wish::Group(group.into()))
    }

    /// Not before these 1 to 64 tasks of the pool have completed, or with `any_end` have ended.
    #[must_use]
    pub fn after(self, tasks: impl Into<Vec<TaskId>>, any_end: bool) -> Self {
        let tasks = tasks.into();
        self.wish(Wish::After { tasks, any_end })
    }

    /// The trace that it belongs to: a W3C `traceparent`.
    #[must_use]
    pub fn trace(self, trace: impl Into<String>) -> Self {
        self.wish(Wish::Trace(trace.into()))
    }
}
