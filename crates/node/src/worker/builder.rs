//! The way to a worker.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use leasehold_core::{
    PoolName,
    limits::{CLAIM_MAX, LEASE_MAX, LEASE_MIN},
};
use tokio::sync::{broadcast, mpsc, watch};

use super::{Outcome, Task, Worker, WorkerEvent, WorkerStats, actor::Actor};
use crate::{Endpoint, NodeOptions};

/// Events that a subscriber may lag behind.
const EVENTS_KEPT: usize = 1024;

pub(super) type Handler = Arc<dyn Fn(Task) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// What a worker is made of; `H` is `()` until there is a handler.
#[must_use = "a worker works only once it is started"]
pub struct WorkerBuilder<H> {
    pub(super) endpoint: Endpoint,
    pub(super) options: NodeOptions,
    pub(super) pools: Vec<PoolName>,
    pub(super) slots: usize,
    pub(super) lease: Option<Duration>,
    pub(super) events: broadcast::Sender<WorkerEvent>,
    pub(super) handler: H,
}

/// A handler of any type.
pub struct AnyHandler(pub(super) Handler);

impl WorkerBuilder<()> {
    pub(super) fn new(endpoint: Endpoint, options: NodeOptions) -> Self {
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        Self {
            endpoint,
            options,
            pools: Vec::new(),
            slots: 1,
            lease: None,
            events,
            handler: (),
        }
    }
}

impl<H> WorkerBuilder<H> {
    /// Adds a pool to take tasks from. Several share the slots: each has its equal part of them to
    /// itself, and at least one.
    pub fn pool(mut self, pool: PoolName) -> Self {
        if !self.pools.contains(&pool) {
            self.pools.push(pool);
        }
        self
    }

    /// Sets how many handlers may run at once, over all pools: 1 to 4096, and 1 by default. Values
    /// outside are clipped. With more pools than slots a task may have to wait here for a slot; it
    /// is given back when a third of its lease has gone by.
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = slots.clamp(1, CLAIM_MAX as usize);
        self
    }

    /// Sets how long a lease is to run between two extensions, instead of the pool's own: 100 ms
    /// to 24 h, clipped. It is the time after which others get the tasks of a worker that hangs.
    pub fn lease(mut self, lease: Option<Duration>) -> Self {
        self.lease = lease.map(|lease| lease.clamp(LEASE_MIN, LEASE_MAX));
        self
    }

    /// Sets what is done with a task. A handler that panics fails its task with the panic's text,
    /// and no other; one that blocks the thread needs `tokio::task::spawn_blocking`.
    pub fn handler<F, Fut>(self, handler: F) -> WorkerBuilder<AnyHandler>
    where
        F: Fn(Task) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        WorkerBuilder {
            endpoint: self.endpoint,
            options: self.options,
            pools: self.pools,
            slots: self.slots,
            lease: self.lease,
            events: self.events,
            handler: AnyHandler(Arc::new(move |task| Box::pin(handler(task)))),
        }
    }

    /// All that will happen, from the start on. Whoever lags more than 1024 events behind misses
    /// the oldest.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<WorkerEvent> {
        self.events.subscribe()
    }
}

impl WorkerBuilder<AnyHandler> {
    /// Begins to connect and to work. Must be called within a tokio runtime.
    ///
    /// # Panics
    /// If no pool was named.
    #[must_use = "dropping the worker stops it"]
    pub fn start(self) -> Worker {
        assert!(!self.pools.is_empty(), "a worker needs a pool");
        let (wishes, wished) = mpsc::unbounded_channel();
        let (stats, stats_seen) = watch::channel(WorkerStats::default());
        let (end, ended) = watch::channel(None);
        let events = self.events.clone();
        tokio::spawn(Actor::new(self, wished, stats).run(end));
        Worker {
            wishes,
            stats: stats_seen,
            end: ended,
            events,
        }
    }
}

impl<H> fmt::Debug for WorkerBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder")
            .field("endpoint", &self.endpoint)
            .field("options", &self.options)
            .field("pools", &self.pools)
            .field("slots", &self.slots)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
