//! A commit that its pool adds to until the store's thread begins it.

use std::sync::{Arc, Mutex, PoisonError};

use leasehold_core::TaskId;
use leasehold_store::{Blob, PoolBatch};

/// What one pool wants written and read back.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) batch: PoolBatch,
    /// Read after the commit, for the replies that follow it.
    pub(crate) reads: Vec<(TaskId, Blob)>,
    /// How many replies wait for it: those who get them are likely to ask again at once.
    pub(crate) replies: usize,
}

/// A load on its way to the store's thread; empty once that has taken it.
#[derive(Debug, Clone)]
pub(crate) struct Slot(Arc<Mutex<Option<Load>>>);

impl Slot {
    pub(crate) fn new(load: Load) -> Self {
        Self(Arc::new(Mutex::new(Some(load))))
    }

    /// Adds to the load, unless it was taken.
    pub(crate) fn add(&self, add: impl FnOnce(&mut Load)) {
        if let Some(load) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            add(load);
        }
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
