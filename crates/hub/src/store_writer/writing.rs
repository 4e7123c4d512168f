//! The store itself and how it is written to, by whoever holds it: one thread at a time.

use std::{
    any::Any,
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use leasehold_core::{PoolId, PoolName, Spent, TaskId, Timestamp};
use leasehold_store::{
    Begun, Blob, MemoryStore, OpenedPool, PoolBatch, Reading, Store, StoreError,
};

use super::{Blobs, Load, Written, pace::Pace, under_way::UnderWay};
use crate::{clock::Clock, gauge::Gauge};

/// How often the store is measured.
pub(super) const MEASURE_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Writing {
    store: Box<dyn Store>,
    gauge: Arc<Gauge>,
    clock: Clock,
    measured_at: Timestamp,
    pub(super) pace: Pace,
    /// Commits that are not durable yet, which are waited for before anything but the next one.
    pub(super) under_way: Arc<UnderWay>,
    has_failed: bool,
    /// Why the store takes nothing more, since something of it could not be read: for the next who
    /// asks, which may be another pool.
    unread: Option<StoreError>,
    /// Pools that were opened since the store was: a reopened store takes nothing from others.
    opened: HashSet<PoolId>,
}

impl Writing {
    pub(super) fn new(store: Box<dyn Store>, gauge: Arc<Gauge>, clock: Clock) -> Self {
        Self {
            store,
            gauge,
            clock,
            measured_at: clock.now(),
            pace: Pace::default(),
            under_way: Arc::default(),
            has_failed: false,
            unread: None,
            opened: HashSet::new(),
        }
    }

    /// Closes the store. What comes after it fails.
    pub(super) fn close(&mut self) {
        self.under_way.wait_for_all();
        self.opened.clear();
        self.store = Box::new(MemoryStore::new());
    }

    /// Whether a small commit may be made at once by whoever wants it.
    pub(super) fn is_quiet(&self, gathered: usize) -> bool {
        self.pace.is_quiet(gathered) && self.under_way.are_none()
    }

    pub(super) fn pools(&self) -> Vec<PoolName> {
        self.store.pools()
    }

    pub(super) fn open(&mut self, name: &PoolName) -> Result<OpenedPool, StoreError> {
        self.under_way.wait_for_all();
        self.take_failure();
        if self.has_failed {
            tracing::info!("reopening the store after an error");
            self.opened.clear();
            caught(|| self.store.reopen())?;
            self.has_failed = false;
        }
        let opened = caught(|| self.store.open_pool(name));
        // To open a pool is to write: what failed then wants a reopen, too.
        self.has_failed = opened.is_err();
        let opened = match (opened, self.unread.take()) {
            (Err(StoreError::Poisoned), Some(unread)) => return Err(unread),
            (opened, _) => opened?,
        };
        self.opened.insert(opened.id);
        Ok(opened)
    }

    pub(super) fn begin_backup(&mut self) -> Result<u64, String> {
        self.usable()?;
        caught(|| self.store.begin_backup()).map_err(|error| error.to_string())
    }

    /// A store that cannot be read says so at the next commit, if it cannot be written to either.
    pub(super) fn next_of_backup(
        &mut self,
        bytes: usize,
        to: &mut Vec<u8>,
    ) -> Result<bool, String> {
        self.usable()?;
        let next = caught(|| self.store.next_of_backup(bytes, to));
        next.map_err(|error| {
            tracing::error!(%error, "a backup failed");
            error.to_string()
        })
    }

    pub(super) fn end_backup(&mut self) {
        self.under_way.wait_for_all();
        self.store.end_backup();
    }

    fn usable(&mut self) -> Result<(), String> {
        self.under_way.wait_for_all();
        self.take_failure();
        let failed = self.has_failed.then(|| StoreError::Poisoned.to_string());
        failed.map_or(Ok(()), Err)
    }

    /// One commit of all. Each is told how it went, with what it wanted read.
    pub(super) fn commit<T>(
        &mut self,
        loads: Vec<(Load, T)>,
        mut done: impl FnMut(T, Result<Written, String>),
    ) {
        let began_at = self.clock.elapsed();
        let flight = self.begin(loads);
        let replies = flight.replies;
        let (ended, landed) = flight.end();
        if ended.is_err() {
            self.fail();
        }
        for (whose, outcome) in landed {
            done(whose, outcome);
        }
        let ended_at = self.clock.elapsed();
        let took = ended_at.saturating_sub(began_at);
        self.pace.ended(ended_at, took, replies);
    }

    /// One commit of all, to be [ended](Flight::end) elsewhere while the next one begins here.
    pub(super) fn begin_long<T>(&mut self, loads: Vec<(Load, T)>) -> Flight<T> {
        let flight = self.begin(loads);
        self.pace.goes_on(self.clock.elapsed(), flight.replies);
        flight
    }

    fn begin<T>(&mut self, loads: Vec<(Load, T)>) -> Flight<T> {
        self.take_failure();
        let began_at = self.clock.elapsed();
        let (mut batches, mut waiting, mut replies) = (Vec::new(), Vec::new(), 0);
        for (load, whose) in loads {
            let is_open = self.opened.contains(&load.batch.pool);
            replies += load.replies;
            let has_changes = is_open && !load.batch.changes.is_empty();
            waiting.push((load.batch.pool, load.reads, whose, is_open, has_changes));
            if has_changes {
                batches.push(load.batch);
            }
        }
        self.pace.begins(began_at, replies);
        let (begun, failure) = match self.write(&batches) {
            Ok(begun) => (begun, None),
            Err(why) => (None, Some(why)),
        };
        let changes = batches.iter().map(|batch| batch.changes.len()).sum();
        let mut batches = batches.into_iter();
        let mut passengers = Vec::with_capacity(waiting.len());
        for (pool, reads, whose, is_open, has_changes) in waiting {
            let batch = has_changes.then(|| batches.next()).flatten();
            let spent = batch.map_or_else(Spent::default, |batch| batch.changes.into());
            let outcome = match &failure {
                _ if !is_open => Err("the store was opened again since".to_owned()),
                Some(why) => Err(why.clone()),
                None => self.read(pool, reads),
            };
            let outcome = outcome.map(|blobs| Written { blobs, spent });
            passengers.push((whose, outcome));
        }
        let gauge = Arc::clone(&self.gauge);
        Flight {
            begun,
            passengers,
            changes,
            replies,
            gauge,
        }
    }

    fn take_failure(&mut self) {
        if self.under_way.take_failure() {
            self.fail();
        }
    }

    /// Something was not written.
    fn fail(&mut self) {
        self.has_failed = true;
        self.measure();
    }

    /// Finds what is wanted of a pool, for somebody else to read it.
    pub(super) fn find(&self, pool: PoolId, wanted: &[(TaskId, Blob)]) -> Reading {
        if self.has_failed || !self.opened.contains(&pool) {
            return Box::new(Vec::new);
        }
        self.store.find(pool, wanted)
    }

    fn read(&mut self, pool: PoolId, wanted: Vec<(TaskId, Blob)>) -> Result<Blobs, String> {
        if wanted.is_empty() {
            return Ok(Blobs::new());
        }
        let read = match caught(|| self.store.blobs(pool, &wanted)) {
            Ok(read) => read,
            Err(StoreError::Poisoned) => {
                let unread = self.unread.as_ref().map(ToString::to_string);
                return Err(unread.unwrap_or_else(|| StoreError::Poisoned.to_string()));
            }
            Err(error) => {
                tracing::error!(%error, "a payload or result could not be read");
                let said = error.to_string();
                self.unread = Some(error);
                return Err(said);
            }
        };
        let kept = |(what, blob): (_, Option<_>)| Some((what, blob?));
        Ok(wanted.into_iter().zip(read).filter_map(kept).collect())
    }

    fn write(&mut self, batches: &[PoolBatch]) -> Result<Option<Box<dyn Begun>>, String> {
        if self.has_failed {
            return Err(StoreError::Poisoned.to_string());
        }
        if batches.is_empty() {
            return Ok(None);
        }
        caught(|| self.store.begin(batches)).map_err(|error| {
            tell_of_failure(&error);
            self.fail();
            error.to_string()
        })
    }

    /// Idle or busy: the free-space reserve must be noticed while much is written, too.
    pub(super) fn measure_if_due(&mut self) {
        let now = self.clock.now();
        if now.since(self.measured_at) >= MEASURE_EVERY {
            self.measured_at = now;
            self.measure();
        }
    }

    fn measure(&self) {
        // An engine that cannot even be measured fails its next commit.
        if let Ok(stats) = caught(|| Ok(self.store.stats())) {
            self.gauge.measured(&stats);
        }
    }
}

/// Somebody, and what he is to be told.
type Told<T> = (T, Result<Written, String>);

/// A commit that is made ready, and those who are to be told of it.
pub(super) struct Flight<T> {
    /// Nothing if it is durable, or has failed, as each is told.
    begun: Option<Box<dyn Begun>>,
    passengers: Vec<Told<T>>,
    changes: usize,
    replies: usize,
    gauge: Arc<Gauge>,
}

impl<T> Flight<T> {
    /// Returns when it is durable, or has failed, with what each is to be told.
    pub(super) fn end(self) -> (Result<(), StoreError>, Vec<Told<T>>) {
        let Self {
            begun,
            mut passengers,
            ..
        } = self;
        let ended = begun.map_or(Ok(()), |begun| caught(|| begun.end()));
        match &ended {
            Ok(()) => self.gauge.committed(self.changes as u64),
            Err(error) => {
                tell_of_failure(error);
                for (_, outcome) in &mut passengers {
                    *outcome = Err(error.to_string());
                }
            }
        }
        (ended, passengers)
    }
}

fn tell_of_failure(error: &StoreError) {
    tracing::error!(%error, "a commit failed; pools are restored from the store");
}

/// An engine that panics has failed, and the thread goes on.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(StoreError::Io {
            action: "go on after a panic in the engine",
            source: std::io::Error::other(panic_text(panic.as_ref()).to_owned()),
        })
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests;
