//! Durability behind one trait.

pub mod backup;
pub mod conformance;
mod error;
mod faulty;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod log_store;
mod memory;
mod record;
mod stored;
pub mod transfer;

use std::fmt;

use bytes::Bytes;
use leasehold_core::{Cause, Change, Epoch, Note, PoolId, PoolName, StateKind, TaskId, Timestamp};

pub use error::StoreError;
pub use faulty::{Faults, FaultyStore, Moment};
pub use log_store::{
    Found, LogEngine, LogOptions, LogStore, Unused, Verified, VerifiedPool, hush_engine_panics,
    verify_store,
};
pub use memory::{MemoryDisk, MemoryStore};
pub use stored::StoredTasks;

/// Where pools outlive the hub.
///
/// One thread calls it, in order. What each engine owes, and `conformance` holds it to:
/// - a commit that returned `Ok` survives the death of the process and a power cut;
/// - a commit is whole or not there, over all its pools;
/// - after an error nothing more is taken until [`Store::reopen`], and a commit that failed may be
///   there afterwards or not, but whole;
/// - a commit by an older owner of a pool is refused ([`StoreError::Fenced`]), and one by nobody's
///   ([`StoreError::NotOpen`]); nothing of it is written, and the store stays usable;
/// - what a task does not keep ([`Blob::is_kept_by`]) is gone with the change that says so;
/// - damage is an error that names what is damaged, never a panic and never skipped.
pub trait Store: Send + 'static {
    /// The pools that the store knows, in the order of their ids.
    fn pools(&self) -> Vec<PoolName>;

    /// The newest [`PoolBatch::at`] that was committed with a durable change: the hub's clock
    /// starts no earlier.
    fn latest(&self) -> Timestamp;

    /// Loads a pool, or makes it, as its new owner: its epoch is one more than ever before, and
    /// that is durable when this returns.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn open_pool(&mut self, name: &PoolName) -> Result<OpenedPool, StoreError> {
        self.open_pool_past(name, Epoch(0))
    }

    /// As [`Store::open_pool`], and its epoch is past this one as well: for a pool that comes from
    /// another store, which may have issued leases under it.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn open_pool_past(&mut self, name: &PoolName, epoch: Epoch) -> Result<OpenedPool, StoreError>;

    /// Writes the durable ones of all these changes, all or nothing, and returns when they are
    /// durable. Changes that are not durable ([`Change::is_durable`]) are passed over.
    ///
    /// # Errors
    /// When anything is in doubt. The store then wants [`Store::reopen`].
    fn commit(&mut self, batches: &[PoolBatch]) -> Result<(), StoreError>;

    /// Begins to write what [`Store::commit`] writes: it is read from now on. Nothing if it is durable
    /// when this returns; else whatever comes back is to be ended, on any thread, while the next
    /// commit begins here. Commits are durable in the order in which they began, and a very long one
    /// waits here for those before it. Until all have ended nothing else is asked of the store but
    /// [`Store::blobs`], [`Store::find`] and [`Store::stats`].
    ///
    /// # Errors
    /// As of [`Store::commit`]. After one that failed to end, all fail that began after it.
    fn begin(&mut self, batches: &[PoolBatch]) -> Result<Option<Box<dyn Begun>>, StoreError> {
        self.commit(batches)?;
        Ok(None)
    }

    /// Payloads and results of tasks, in the order in which they are wanted; nothing for what the
    /// store does not keep. Ask for many at once: what stands together is read together, so that
    /// payloads in the order of their enqueues cost a hundredth of what each costs alone.
    ///
    /// # Errors
    /// When one is there and cannot be read.
    fn blobs(
        &self,
        pool: PoolId,
        wanted: &[(TaskId, Blob)],
    ) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// Finds where they stand, and leaves it to whoever has the time to read them there, on any thread,
    /// while commits go on here. There is nothing for what has moved or gone by then, or cannot be
    /// read: ask [`Store::blobs`] for that. A task that was forgotten and enqueued again by then may be
    /// read as it was.
    fn find(&self, pool: PoolId, wanted: &[(TaskId, Blob)]) -> Reading {
        let read = self.blobs(pool, wanted);
        let read = read.unwrap_or_else(|_| vec![None; wanted.len()]);
        Box::new(|| read)
    }

    /// A task's payload or result, if the store keeps one.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn blob(&self, pool: PoolId, task: TaskId, kind: Blob) -> Result<Option<Bytes>, StoreError> {
        Ok(self.blobs(pool, &[(task, kind)])?.pop().flatten())
    }

    /// Begins a backup, in place of one that is under way; returns how many bytes it will have,
    /// about. Nothing waits for it, and it ends with the store or [`Store::reopen`].
    ///
    /// # Errors
    /// [`StoreError::NoBackup`] when the engine cannot.
    fn begin_backup(&mut self) -> Result<u64, StoreError> {
        Err(StoreError::NoBackup)
    }

    /// Adds the next bytes of the backup, about so many, and returns whether that was the last of
    /// it. All of it together is what the store kept when this returned true, of all pools:
    /// whatever was committed by then, and nothing else.
    ///
    /// # Errors
    /// [`StoreError::NoBackup`] when none is under way, or no longer: more was held for it than may
    /// be. When the store cannot be read; it then wants [`Store::reopen`].
    fn next_of_backup(&mut self, _bytes: usize, _to: &mut Vec<u8>) -> Result<bool, StoreError> {
        Err(StoreError::NoBackup)
    }

    /// Ends a backup that is under way: nothing is held for it any more.
    fn end_backup(&mut self) {}

    /// Starts again from what is durable, after an error. Pools must be opened again.
    ///
    /// # Errors
    /// When the cause is still there.
    fn reopen(&mut self) -> Result<(), StoreError>;

    /// Figures for people and for the free-space reserve. A dozen system calls: for each second,
    /// not for each commit.
    fn stats(&self) -> StoreStats;
}

/// Reads what was [found](Store::find), in the order in which it was wanted. The store waits for it
/// before it closes.
pub type Reading = Box<dyn FnOnce() -> Vec<Option<Bytes>> + Send>;

/// A commit that is under way.
pub trait Begun: fmt::Debug + Send {
    /// Returns when it is durable, and all that began before it.
    ///
    /// # Errors
    /// When that is in doubt. The store then wants [`Store::reopen`].
    fn end(self: Box<Self>) -> Result<(), StoreError>;
}

/// A pool as its new owner finds it.
#[derive(Debug)]
pub struct OpenedPool {
    /// Its number in this store.
    pub id: PoolId,
    /// The new owner's epoch.
    pub epoch: Epoch,
    /// Every task that is remembered, in no order.
    pub tasks: StoredTasks,
    /// What is kept beside them, in no order.
    pub notes: Vec<Note>,
}

/// The changes of one pool in a commit.
#[derive(Debug, Clone)]
pub struct PoolBatch {
    /// The pool.
    pub pool: PoolId,
    /// Its owner's epoch.
    pub epoch: Epoch,
    /// The hub's time.
    pub at: Timestamp,
    /// In the order in which they happened.
    pub changes: Vec<Change>,
}

/// Which bytes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blob {
    /// What it is to be done with.
    Payload,
    /// What came of it.
    Result,
}

impl Blob {
    /// Which bytes a change of this cause may bring, in place of those that there are; what any
    /// other cause brings is not kept.
    #[must_use]
    pub const fn brought_by(cause: Cause) -> Option<Self> {
        match cause {
            Cause::Enqueued | Cause::Revived => Some(Self::Payload),
            Cause::Completed => Some(Self::Result),
            Cause::Claimed
            | Cause::Extended
            | Cause::Resumed
            | Cause::Requeued(_)
            | Cause::Due
            | Cause::Cancelled
            | Cause::StopAsked
            | Cause::Progressed
            | Cause::Freed
            | Cause::Expired
            | Cause::ParentGone => None,
        }
    }

    /// Whether a task in this state keeps it. What has completed will never run again, so its
    /// payload goes with its completion; a dead task may be revived, and keeps its own.
    #[must_use]
    pub const fn is_kept_by(self, state: StateKind) -> bool {
        !matches!((self, state), (Self::Payload, StateKind::Completed))
    }
}

/// Figures of a store.
#[derive(Debug, Clone, Default)]
pub struct StoreStats {
    /// The engine's name.
    pub engine: &'static str,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes of what is live.
    pub live_bytes: u64,
    /// Bytes free on that disk, if there is one.
    pub free_bytes: Option<u64>,
}
