//! A store that tells what became durable, and outlives the hub that it is given to.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use leasehold_core::{Change, Epoch, PoolId, PoolName, StateKind, TaskId, Timestamp};
use leasehold_store::{
    Blob, MemoryDisk, MemoryStore, OpenedPool, PoolBatch, Store, StoreError, StoreStats,
};
use tokio::sync::watch;

use super::world::Story;

/// All that was ever durable, in its order.
#[derive(Clone)]
pub(crate) struct Record {
    disk: MemoryDisk,
    changes: Arc<Mutex<Vec<Change>>>,
    completed: Arc<watch::Sender<usize>>,
    story: Arc<Mutex<Story>>,
    /// Every so many-th commit is acknowledged and not written: a planted bug.
    loses_each: Option<usize>,
    commits: Arc<Mutex<usize>>,
}

impl Record {
    pub(crate) fn new(story: Arc<Mutex<Story>>, loses: bool) -> Self {
        Self {
            disk: MemoryDisk::default(),
            changes: Arc::default(),
            completed: Arc::new(watch::channel(0).0),
            story,
            loses_each: loses.then_some(7),
            commits: Arc::default(),
        }
    }

    /// What a hub that starts now finds.
    pub(crate) fn store(&self) -> Box<dyn Store> {
        let store = MemoryStore::on(self.disk.clone());
        let record = self.clone();
        Box::new(Recorder { store, record })
    }

    /// How many tasks have completed.
    pub(crate) fn completed(&self) -> watch::Receiver<usize> {
        self.completed.subscribe()
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        self.changes.lock().expect("no panic before").clone()
    }

    fn note(&self, batches: &[PoolBatch]) {
        let durable = |change: &&Change| change.is_durable();
        let all = batches.iter().flat_map(|batch| &batch.changes);
        for change in all.filter(durable) {
            self.story
                .lock()
                .expect("no panic before")
                .tell(&describe(change));
            if let Change::Put { task, .. } = change
                && task.state.kind() == StateKind::Completed
            {
                self.completed.send_modify(|completed| *completed += 1);
            }
            self.changes
                .lock()
                .expect("no panic before")
                .push(change.clone());
        }
    }

    fn is_lost(&self) -> bool {
        let mut commits = self.commits.lock().expect("no panic before");
        *commits += 1;
        self.loses_each
            .is_some_and(|each| commits.is_multiple_of(each))
    }
}

fn describe(change: &Change) -> String {
    match change {
        Change::Put { task, cause, .. } => {
            let number = task.id.as_u128() & 0xffff;
            let state = task.state.kind();
            let lease = task.lease.as_ref().map(|lease| lease.id.to_string());
            format!(
                "durable: t{number} {cause:?}: {state} {}",
                lease.unwrap_or_default()
            )
        }
        Change::Forget(id) => format!("durable: t{} forgotten", id.as_u128() & 0xffff),
        Change::Note { name, .. } => format!("durable: note {name:?}"),
    }
}

struct Recorder {
    store: MemoryStore,
    record: Record,
}

impl Store for Recorder {
    fn pools(&self) -> Vec<PoolName> {
        self.store.pools()
    }

    fn latest(&self) -> Timestamp {
        self.store.latest()
    }

    fn open_pool_past(&mut self, name: &PoolName, epoch: Epoch) -> Result<OpenedPool, StoreError> {
        self.store.open_pool_past(name, epoch)
    }

    fn commit(&mut self, batches: &[PoolBatch]) -> Result<(), StoreError> {
        if self.record.is_lost() {
            return Ok(());
        }
        self.store.commit(batches)?;
        self.record.note(batches);
        Ok(())
    }

    fn blobs(
        &self,
        pool: PoolId,
        wanted: &[(TaskId, Blob)],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.store.blobs(pool, wanted)
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.store.reopen()
    }

    fn stats(&self) -> StoreStats {
        self.store.stats()
    }
}
