//! The store itself and how it is written to, by whoever holds it: one thread at a time.

use std::{
    any::Any,
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use leasehold_core::{PoolId, PoolName, Spent, TaskId, Timestamp};
use leasehold_store::{Blob, MemoryStore, OpenedPool, PoolBatch, Store, StoreError};

use super::{Blobs, Load, Written, pace::Pace};
use crate::{clock::Clock, gauge::Gauge};

/// How often the store is measured.
pub(super) const MEASURE_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Writing {
    store: Box<dyn Store>,
    gauge: Arc<Gauge>,
    clock: Clock,
    measured_at: Timestamp,
    pub(super) pace: Pace,
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
            has_failed: false,
            unread: None,
            opened: HashSet::new(),
        }
    }

    /// Closes the store. What comes after it fails.
    pub(super) fn close(&mut self) {
        self.opened.clear();
        self.store = Box::new(MemoryStore::new());
    }

    pub(super) fn pools(&self) -> Vec<PoolName> {
        self.store.pools()
    }

    pub(super) fn open(&mut self, name: &PoolName) -> Result<OpenedPool, StoreError> {
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
        self.store.end_backup();
    }

    fn usable(&self) -> Result<(), String> {
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
        let (mut batches, mut waiting, mut replies) = (Vec::new(), Vec::new(), 0);
        for (load, whose) in loads {
            if !self.opened.contains(&load.batch.pool) {
                done(whose, Err("the store was opened again since".to_owned()));
                continue;
            }
            replies += load.replies;
            let has_changes = !load.batch.changes.is_empty();
            waiting.push((load.batch.pool, load.reads, whose, has_changes));
            if has_changes {
                batches.push(load.batch);
            }
        }
        self.pace.begins(began_at, replies);
        let written = self.write(&batches);
        let mut batches = batches.into_iter();
        for (pool, reads, whose, has_changes) in waiting {
            let batch = has_changes.then(|| batches.next()).flatten();
            let spent = batch.map_or_else(Spent::default, |batch| batch.changes.into());
            let read = written.clone().and_then(|()| self.read(pool, reads));
            done(whose, read.map(|blobs| Written { blobs, spent }));
        }
        let ended_at = self.clock.elapsed();
        let took = ended_at.saturating_sub(began_at);
        self.pace.ended(ended_at, took, replies);
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

    fn write(&mut self, batches: &[PoolBatch]) -> Result<(), String> {
        if self.has_failed {
            return Err(StoreError::Poisoned.to_string());
        }
        if batches.is_empty() {
            return Ok(());
        }
        match caught(|| self.store.commit(batches)) {
            Ok(()) => {
                let changes: usize = batches.iter().map(|batch| batch.changes.len()).sum();
                self.gauge.committed(changes as u64);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a commit failed; pools are restored from the store");
                self.has_failed = true;
                self.measure();
                Err(error.to_string())
            }
        }
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

/// An engine that panics has failed, and the thread goes on.
fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
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
