//! A store in memory, for tests and the simulator: same contract, no disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use leasehold_core::{
    Cause, Change, Epoch, Note, NoteName, PoolId, PoolName, Task, TaskId, Timestamp,
};

use crate::{Blob, OpenedPool, PoolBatch, Store, StoreError, StoreStats, StoredTasks};

/// What a task's state is taken to weigh, in bytes, for [`StoreStats`].
const TASK_BYTES: u64 = 128;

/// What outlives a [`MemoryStore`]. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Contents>>);

/// A store on a [`MemoryDisk`]. Drop it and open another one on the same disk to see what a
/// restart would find.
#[derive(Debug, Default)]
pub struct MemoryStore {
    disk: MemoryDisk,
    opened: BTreeSet<PoolId>,
}

impl MemoryStore {
    /// A store on a disk of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store on this disk. There may be several; opening a pool through one fences the others.
    #[must_use]
    pub fn on(disk: MemoryDisk) -> Self {
        Self {
            disk,
            opened: BTreeSet::new(),
        }
    }

    /// The disk, for the next store.
    #[must_use]
    pub fn disk(&self) -> MemoryDisk {
        self.disk.clone()
    }
}

impl Store for MemoryStore {
    fn pools(&self) -> Vec<PoolName> {
        self.disk
            .lock()
            .pools
            .values()
            .map(|pool| pool.name.clone())
            .collect()
    }

    fn latest(&self) -> Timestamp {
        self.disk.lock().latest
    }

    fn open_pool_past(&mut self, name: &PoolName, epoch: Epoch) -> Result<OpenedPool, StoreError> {
        let opened = self.disk.lock().open_pool(name, epoch);
        self.opened.insert(opened.id);
        Ok(opened)
    }

    fn commit(&mut self, batches: &[PoolBatch]) -> Result<(), StoreError> {
        let mut contents = self.disk.lock();
        for batch in batches {
            contents.admit(batch, &self.opened)?;
        }
        for batch in batches {
            contents.apply(batch);
        }
        Ok(())
    }

    fn blobs(
        &self,
        pool: PoolId,
        wanted: &[(TaskId, Blob)],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let contents = self.disk.lock();
        let blob = |(task, kind): &(TaskId, Blob)| contents.blob(pool, *task, *kind);
        Ok(wanted.iter().map(blob).collect())
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.opened.clear();
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        let bytes = self.disk.lock().bytes;
        StoreStats {
            engine: "memory",
            disk_bytes: bytes,
            live_bytes: bytes,
            free_bytes: None,
        }
    }
}

impl MemoryDisk {
    /// A test that panicked elsewhere leaves nothing half done here: a commit does not panic.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Contents {
    pools: BTreeMap<PoolId, Pool>,
    latest: Timestamp,
    bytes: u64,
}

#[derive(Debug)]
struct Pool {
    name: PoolName,
    epoch: Epoch,
    tasks: BTreeMap<TaskId, Kept>,
    notes: BTreeMap<NoteName, Note>,
}

#[derive(Debug)]
struct Kept {
    task: Task,
    payload: Option<Bytes>,
    result: Option<Bytes>,
}

impl Contents {
    fn open_pool(&mut self, name: &PoolName, past: Epoch) -> OpenedPool {
        let id = self.find_or_make(name);
        let pool = self.pools.get_mut(&id).expect("it was found or made");
        pool.epoch.0 = pool.epoch.max(past).0 + 1;
        let tasks: Vec<_> = pool
            .tasks
            .values()
            .map(|kept| Ok(kept.task.clone()))
            .collect();
        OpenedPool {
            id,
            epoch: pool.epoch,
            tasks: StoredTasks::new(tasks.len(), tasks.into_iter()),
            notes: pool.notes.values().cloned().collect(),
        }
    }

    fn find_or_make(&mut self, name: &PoolName) -> PoolId {
        if let Some((id, _)) = self.pools.iter().find(|(_, pool)| pool.name == *name) {
            return *id;
        }
        let id = PoolId(
            self.pools
                .last_key_value()
                .map_or(1, |(last, _)| last.0 + 1),
        );
        let pool = Pool {
            name: name.clone(),
            epoch: Epoch(0),
            tasks: BTreeMap::new(),
            notes: BTreeMap::new(),
        };
        self.pools.insert(id, pool);
        id
    }

    fn admit(&self, batch: &PoolBatch, opened: &BTreeSet<PoolId>) -> Result<(), StoreError> {
        let Some(pool) = self.pools.get(&batch.pool) else {
            return Err(StoreError::NotOpen(batch.pool));
        };
        if batch.epoch < pool.epoch {
            return Err(StoreError::Fenced {
                pool: pool.name.clone(),
                older: batch.epoch,
                newer: pool.epoch,
            });
        }
        if batch.epoch > pool.epoch || !opened.contains(&batch.pool) {
            return Err(StoreError::NotOpen(batch.pool));
        }
        Ok(())
    }

    fn apply(&mut self, batch: &PoolBatch) {
        for change in batch.changes.iter().filter(|change| change.is_durable()) {
            self.latest = self.latest.max(batch.at);
            self.apply_change(batch.pool, change);
        }
    }

    fn apply_change(&mut self, pool: PoolId, change: &Change) {
        let pool = self.pools.get_mut(&pool).expect("the batch was admitted");
        match change {
            Change::Put { task, cause, blob } => {
                self.bytes -= pool.tasks.get(&task.id).map_or(0, Kept::bytes);
                let kept = pool.put(task);
                kept.keep(*cause, blob.as_ref());
                self.bytes += kept.bytes();
            }
            Change::Note { name, body: None } => _ = pool.notes.remove(name),
            Change::Note {
                name,
                body: Some(note),
            } => _ = pool.notes.insert(name.clone(), Note::clone(note)),
            Change::Forget(id) => {
                self.bytes -= pool.tasks.remove(id).map_or(0, |kept| kept.bytes());
            }
        }
    }

    fn blob(&self, pool: PoolId, task: TaskId, kind: Blob) -> Option<Bytes> {
        let kept = self.pools.get(&pool)?.tasks.get(&task)?;
        match kind {
            Blob::Payload => kept.payload.clone(),
            Blob::Result => kept.result.clone(),
        }
    }
}

impl Pool {
    fn put(&mut self, task: &Task) -> &mut Kept {
        let kept = self.tasks.entry(task.id).or_insert_with(|| Kept {
            task: task.clone(),
            payload: None,
            result: None,
        });
        kept.task.clone_from(task);
        kept
    }
}

impl Kept {
    fn keep(&mut self, cause: Cause, blob: Option<&Bytes>) {
        match Blob::brought_by(cause).zip(blob) {
            Some((Blob::Payload, blob)) => self.payload = Some(blob.clone()),
            Some((Blob::Result, blob)) => self.result = Some(blob.clone()),
            None => {}
        }
        if !Blob::Payload.is_kept_by(self.task.state.kind()) {
            self.payload = None;
        }
    }

    fn bytes(&self) -> u64 {
        let blobs = self
            .payload
            .iter()
            .chain(&self.result)
            .map(Bytes::len)
            .sum::<usize>();
        TASK_BYTES + blobs as u64
    }
}
