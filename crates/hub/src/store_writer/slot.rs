//! A commit that its pool adds to until the store's thread begins it.

use std::sync::{Arc, Mutex, PoisonError};

use leasehold_core::{Change, TaskId};
use leasehold_store::{Blob, PoolBatch};

/// The most payloads and results in a commit, in bytes, for a thread that has other things to do: to
/// write as many takes a disk about as long as to sync them.
const LONG: usize = 64 * 1024;

/// What one pool wants written and read back.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) batch: PoolBatch,
    /// Read after the commit, for the replies that follow it.
    pub(crate) reads: Vec<(TaskId, Blob)>,
    /// How many replies wait for it: those who get them are likely to ask again at once.
    pub(crate) replies: usize,
}

impl Load {
    /// Whether it takes long to write, however quick the disk is. What is too long for the store's
    /// journal waits until everything before it is in the engine.
    pub(super) fn is_long(&self) -> bool {
        let bytes = |change: &Change| match change {
            Change::Put { blob, .. } => blob.as_ref().map_or(0, bytes::Bytes::len),
            Change::Forget(_) | Change::Note { .. } => 0,
        };
        self.batch.changes.iter().map(bytes).sum::<usize>() > LONG
    }
}

/// A load on its way to the store's thread; empty once that has taken it.
#[derive(Debug, Clone)]
pub(crate) struct Slot(Arc<Mutex<Option<Load>>>);

impl Slot {
    pub(crate) fn new(load: Load) -> Self {
        Self(Arc::new(Mutex::new(Some(load))))
    }

    /// Adds to the load; no if it was taken.
    pub(crate) fn add(&self, add: impl FnOnce(&mut Load)) -> bool {
        let mut load = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        load.as_mut().map(add).is_some()
    }

    /// How many replies wait for it.
    pub(super) fn replies(&self) -> usize {
        let load = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        load.as_ref().map_or(0, |load| load.replies)
    }

    pub(super) fn take(&self) -> Option<Load> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
