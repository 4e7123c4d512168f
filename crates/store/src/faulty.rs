//! A store that fails when it is told to: for tests, of the hub and of what is built on it.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

use bytes::Bytes;
use leasehold_core::{Epoch, PoolId, PoolName, TaskId, Timestamp};

use crate::{Begun, Blob, OpenedPool, PoolBatch, Store, StoreError, StoreStats};

/// When in a commit something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before anything was written: the commit will not be there.
    Before,
    /// After all was written and before the caller knows: the commit will be there.
    After,
}

/// A [`Store`] that fails as its [`Faults`] say, and is the store in it otherwise.
#[derive(Debug)]
pub struct FaultyStore<S> {
    store: S,
    faults: Faults,
}

/// What is to go wrong with a [`FaultyStore`]. Clones are the same; tests keep one.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<(Mutex<Plan>, Condvar)>);

#[derive(Debug, Default)]
struct Plan {
    poisoned: bool,
    fail: Option<Moment>,
    panic: Option<Moment>,
    stall: Option<Moment>,
    stalled: bool,
    reopens_to_fail: u32,
    opens_to_fail: u32,
    free_bytes: Option<u64>,
    begun: u64,
    ended: u64,
    commits: u64,
    committed_on: Option<ThreadId>,
}

impl<S: Store> FaultyStore<S> {
    /// This store, and the handle on its faults.
    pub fn new(store: S) -> (Self, Faults) {
        let faults = Faults::default();
        (
            Self {
                store,
                faults: faults.clone(),
            },
            faults,
        )
    }

    fn usable(&self) -> Result<(), StoreError> {
        self.faults.usable()
    }
}

impl Faults {
    /// The next commit fails, once.
    pub fn fail_commit(&self, moment: Moment) {
        self.plan().fail = Some(moment);
    }

    /// The next commit panics, once.
    pub fn panic_in_commit(&self, moment: Moment) {
        self.plan().panic = Some(moment);
    }

    /// Commits wait from now on, until [`Faults::release`].
    pub fn stall_commits(&self, moment: Moment) {
        self.plan().stall = Some(moment);
    }

    /// Waits until a commit waits. [`Faults::stall_commits`] comes first.
    pub fn wait_until_stalled(&self) {
        let plan = self.0.1.wait_while(self.plan(), |plan| !plan.stalled);
        drop(plan.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until so many commits have begun, since the store is there.
    pub fn wait_until_begun(&self, commits: u64) {
        let plan = self
            .0
            .1
            .wait_while(self.plan(), |plan| plan.begun < commits);
        drop(plan.unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets the commits go on that wait, and all that come.
    pub fn release(&self) {
        self.plan().stall = None;
        self.0.1.notify_all();
    }

    /// So many of the next reopens fail.
    pub fn fail_reopens(&self, times: u32) {
        self.plan().reopens_to_fail = times;
    }

    /// So many of the next pools that are opened cannot be.
    pub fn fail_opens(&self, times: u32) {
        self.plan().opens_to_fail = times;
    }

    /// The store reports so many bytes free, or, with `None`, what there are.
    pub fn set_free_bytes(&self, bytes: Option<u64>) {
        self.plan().free_bytes = bytes;
    }

    /// Commits that have begun to be written.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.plan().begun
    }

    /// Commits that were written, those that failed [`Moment::After`] included.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.plan().commits
    }

    /// The thread on which the last commit was made.
    #[must_use]
    pub fn committed_on(&self) -> Option<ThreadId> {
        self.plan().committed_on
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.plan().poisoned {
            Err(StoreError::Poisoned)
        } else {
            Ok(())
        }
    }

    fn pass(&self, moment: Moment) -> Result<(), StoreError> {
        let mut plan = self.plan();
        if moment == Moment::After {
            plan.commits += 1;
            plan.committed_on = Some(thread::current().id());
        }
        let mut plan = self.stall(plan, moment);
        let panics = plan.panic.take_if(|at| *at == moment).is_some();
        let fails = plan.fail.take_if(|at| *at == moment).is_some();
        plan.poisoned |= panics || fails;
        drop(plan);
        assert!(!panics, "the store was told to panic");
        if fails { Err(failed("commit")) } else { Ok(()) }
    }

    /// Waits for all that began before it.
    fn wait_for_turn(&self, turn: u64) {
        let plan = self
            .0
            .1
            .wait_while(self.plan(), |plan| plan.ended + 1 < turn);
        drop(plan.unwrap_or_else(PoisonError::into_inner));
    }

    fn stall<'a>(&'a self, mut plan: MutexGuard<'a, Plan>, at: Moment) -> MutexGuard<'a, Plan> {
        plan.stalled = plan.stall == Some(at);
        self.0.1.notify_all();
        let plan = self.0.1.wait_while(plan, |plan| plan.stall == Some(at));
        let mut plan = plan.unwrap_or_else(PoisonError::into_inner);
        plan.stalled = false;
        plan
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit of the store in it, if that has one under way.
#[derive(Debug)]
struct FaultyCommit {
    begun: Option<Box<dyn Begun>>,
    faults: Faults,
    /// Its number among those that have begun.
    turn: u64,
}

impl Begun for FaultyCommit {
    fn end(mut self: Box<Self>) -> Result<(), StoreError> {
        self.faults.wait_for_turn(self.turn);
        self.faults.usable()?;
        self.begun.take().map_or(Ok(()), Begun::end)?;
        self.faults.pass(Moment::After)
    }
}

impl Drop for FaultyCommit {
    fn drop(&mut self) {
        let mut plan = self.faults.plan();
        plan.ended = plan.ended.max(self.turn);
        drop(plan);
        self.faults.0.1.notify_all();
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn pools(&self) -> Vec<PoolName> {
        self.store.pools()
    }

    fn latest(&self) -> Timestamp {
        self.store.latest()
    }

    fn open_pool_past(&mut self, name: &PoolName, epoch: Epoch) -> Result<OpenedPool, StoreError> {
        self.usable()?;
        let mut plan = self.faults.plan();
        if let Some(left) = plan.opens_to_fail.checked_sub(1) {
            plan.opens_to_fail = left;
            plan.poisoned = true;
            return Err(failed("open a pool"));
        }
        drop(plan);
        self.store.open_pool_past(name, epoch)
    }

    fn commit(&mut self, batches: &[PoolBatch]) -> Result<(), StoreError> {
        self.begin(batches)?.map_or(Ok(()), Begun::end)
    }

    /// Whatever the store in it does, all is done when it has ended.
    fn begin(&mut self, batches: &[PoolBatch]) -> Result<Option<Box<dyn Begun>>, StoreError> {
        self.usable()?;
        self.faults.pass(Moment::Before)?;
        let (begun, faults) = (self.store.begin(batches)?, self.faults.clone());
        let mut plan = faults.plan();
        plan.begun += 1;
        let turn = plan.begun;
        drop(plan);
        faults.0.1.notify_all();
        Ok(Some(Box::new(FaultyCommit {
            begun,
            faults,
            turn,
        })))
    }

    fn blobs(
        &self,
        pool: PoolId,
        wanted: &[(TaskId, Blob)],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.usable()?;
        self.store.blobs(pool, wanted)
    }

    fn begin_backup(&mut self) -> Result<u64, StoreError> {
        self.usable()?;
        self.store.begin_backup()
    }

    fn next_of_backup(&mut self, bytes: usize, to: &mut Vec<u8>) -> Result<bool, StoreError> {
        self.usable()?;
        self.store.next_of_backup(bytes, to)
    }

    fn end_backup(&mut self) {
        self.store.end_backup();
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let mut plan = self.faults.plan();
        plan.poisoned = true;
        if let Some(left) = plan.reopens_to_fail.checked_sub(1) {
            plan.reopens_to_fail = left;
            return Err(failed("reopen"));
        }
        drop(plan);
        self.store.reopen()?;
        self.faults.plan().poisoned = false;
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        let stats = self.store.stats();
        let free_bytes = self.faults.plan().free_bytes.or(stats.free_bytes);
        StoreStats {
            free_bytes,
            ..stats
        }
    }
}

fn failed(action: &'static str) -> StoreError {
    StoreError::Io {
        action,
        source: io::Error::other("it was told to fail"),
    }
}
