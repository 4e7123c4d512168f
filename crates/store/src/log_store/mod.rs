//! A store in a folder: a circular log of commits for each pool, in an engine that keeps keys.
//!
//! A commit is one record of each of its pools, all written at once. What is live in the oldest
//! records is carried over to the newest while a log is longer than seven quarters of what is live
//! in it. In memory is only where each thing stands; payloads and results are read back when asked
//! for. Space that a peak took on disk is used again; it is given back at the next open
//! ([`LogOptions::spare_bytes`]).

mod copying;
mod damage;
mod draft;
mod engine;
mod fjall_engine;
mod fold;
mod folder;
mod hush;
mod index;
pub(crate) mod journal;
mod keys;
mod lent_engine;
mod load;
mod notes;
mod places;
mod reader;
mod refill;
mod rewrite;
mod sled_engine;
mod slots;
mod states;
mod tasks;
mod verify;
mod witness;

use std::{cell::Cell, collections::BTreeMap, path::Path, sync::Arc};

use bytes::Bytes;
use leasehold_core::{Epoch, PoolId, PoolName, TaskId, Timestamp};

use self::{
    copying::Copying,
    draft::Draft,
    engine::{Engine, Writes},
    folder::Folder,
    index::PoolLog,
    lent_engine::LentEngine,
    places::Places,
    rewrite::Generation,
    witness::{Reach, Witness},
};
pub use self::{
    engine::Unused,
    hush::hush_engine_panics,
    verify::{Found, Verified, VerifiedPool, verify_store},
};
use crate::{
    Begun, Blob, OpenedPool, PoolBatch, Reading, Store, StoreError, StoreStats, record::PoolRecord,
};

/// What keeps the keys of a [`LogStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogEngine {
    /// sled 0.34: a log-structured tree in one file.
    #[default]
    Sled,
    /// fjall 3: sorted tables, merged in the background.
    Fjall,
}

impl LogEngine {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Fjall];

    /// Its name, in the configuration and in data folders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }
}

/// How a [`LogStore`] is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// What keeps the keys.
    pub engine: LogEngine,
    /// Bytes that the engine caches. Small: the store reads back only payloads and results.
    pub cache_bytes: u64,
    /// Bytes of commits that an engine with a journal before it (sled) may be behind, on disk and in
    /// memory. At least 512 KiB. A commit of more than a 32nd of it costs more than one of less.
    pub journal_bytes: u64,
    /// The store is written anew at open if it has more bytes on disk than four times what is live,
    /// the journal and these.
    pub spare_bytes: u64,
    /// Bytes that all logs together may grow by while a backup is taken, which holds what it has not
    /// read yet; it is given up beyond.
    pub held_bytes: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            engine: LogEngine::default(),
            cache_bytes: 64 * 1024 * 1024,
            journal_bytes: 32 * 1024 * 1024,
            spare_bytes: 64 * 1024 * 1024,
            held_bytes: 1024 * 1024 * 1024,
        }
    }
}

/// A store in a folder.
#[derive(Debug)]
pub struct LogStore {
    folder: Folder,
    options: LogOptions,
    /// None after it failed.
    engine: Option<LentEngine>,
    /// Beside the engine.
    witness: Option<Arc<Witness>>,
    pools: BTreeMap<PoolId, PoolLog>,
    latest: Timestamp,
    /// While a backup is taken.
    copying: Option<Copying>,
    /// Set by an error, also of a read.
    poisoned: Cell<bool>,
}

impl LogStore {
    /// Opens the store in this folder, or makes it. The folder is held until the store is dropped.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another store has the folder, [`StoreError::NotAStore`] when
    /// something else is in it, [`StoreError::OtherEngine`] when another engine's store is, and when
    /// it cannot be read.
    pub fn open(path: &Path, options: LogOptions) -> Result<Self, StoreError> {
        let mut folder = Folder::open(path, options.engine)?;
        folder.refuse_unfinished()?;
        let mut current = rewrite::open(&mut folder, &options)?;
        if is_wasteful(&folder, &current.1, &options) {
            current = rewrite::shrink(&mut folder, current, &options)?;
        }
        Self::with(folder, options, current)
    }

    /// Opens the store that is in the folder, of whatever engine; nothing is made.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] when there is none, and as of [`LogStore::open`].
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        let engine = folder::engine_of(path)?;
        let options = LogOptions {
            engine,
            ..LogOptions::default()
        };
        Self::open(path, options)
    }

    /// Begins a store in a folder that has none. Nothing of it stays without [`LogStore::keep`]: the
    /// next one to open the folder finds it empty.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when there is a store, and as of [`LogStore::open`].
    pub fn begin(path: &Path, options: LogOptions) -> Result<Self, StoreError> {
        let folder = Folder::open(path, options.engine)?;
        if folder.generation() > 0 {
            return Err(StoreError::Taken(path.to_owned()));
        }
        folder.begin()?;
        let first = rewrite::prepare(&folder, None, &options)?;
        Self::with(folder, options, first)
    }

    /// Makes the store that was begun the one that is in the folder, durably.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        if self.folder.generation() > 0 {
            return Ok(());
        }
        self.folder.switch(1)?;
        self.folder.end();
        Ok(())
    }

    /// Ends a store that was begun and comes to nothing, and frees the space that it took.
    pub fn discard(mut self) {
        if let Some(engine) = self.engine.take() {
            engine.close();
        }
        if self.folder.generation() == 0 {
            self.folder.sweep();
            self.folder.end();
        }
    }

    fn with(
        folder: Folder,
        options: LogOptions,
        (engine, pools): Generation,
    ) -> Result<Self, StoreError> {
        let latest = latest(&pools);
        let witness = Some(Arc::new(Witness::open(engine.path())?));
        let engine = Some(LentEngine::new(engine));
        Ok(Self {
            folder,
            options,
            engine,
            witness,
            pools,
            latest,
            copying: None,
            poisoned: Cell::new(false),
        })
    }

    fn engine(&self) -> Result<&dyn Engine, StoreError> {
        if self.poisoned.get() {
            return Err(StoreError::Poisoned);
        }
        self.engine.as_deref().ok_or(StoreError::Poisoned)
    }

    fn poison_on_error<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.is_err() {
            self.poisoned.set(true);
        }
        outcome
    }

    /// Gives up a copy for which logs have grown too long.
    fn let_go(&mut self) {
        let holds_too_much = |copying: &Copying| copying.holds_too_much(&self.pools);
        if self.copying.as_ref().is_some_and(holds_too_much) {
            tracing::warn!("a backup is given up: it is read more slowly than tasks come in");
            self.copying = None;
        }
    }

    fn admit(&self, batch: &PoolBatch) -> Result<(), StoreError> {
        let log = self
            .pools
            .get(&batch.pool)
            .ok_or(StoreError::NotOpen(batch.pool))?;
        if batch.epoch < log.epoch {
            let (older, newer) = (batch.epoch, log.epoch);
            return Err(StoreError::Fenced {
                pool: log.name.clone(),
                older,
                newer,
            });
        }
        if batch.epoch > log.epoch || !log.opened {
            return Err(StoreError::NotOpen(batch.pool));
        }
        Ok(())
    }

    fn write(&mut self, batches: &[PoolBatch]) -> Result<Option<Box<dyn Begun>>, StoreError> {
        let engine = self.engine.as_deref().ok_or(StoreError::Poisoned)?;
        let witness = self.witness.as_ref().ok_or(StoreError::Poisoned)?;
        take_note(engine, &mut self.pools);
        let mut draft = Draft::new(&mut self.pools).beside(self.copying.as_ref());
        for batch in batches {
            draft.append(batch)?;
        }
        if draft.is_empty() {
            return Ok(None);
        }
        draft.compact(engine)?;
        let begun = engine.begin(draft.finish())?;
        let log = |batch: &PoolBatch| Some((batch.pool, self.pools.get(&batch.pool)?));
        let logs = batches.iter().filter_map(log);
        let reaches = logs.map(|(id, log)| Reach::of(id, log));
        match begun {
            Some(begun) => Ok(Some(Box::new(BegunCommit {
                begun,
                reaches: reaches.collect(),
                witness: Arc::clone(witness),
            }))),
            None => {
                for reach in reaches {
                    witness.attest(reach)?;
                }
                Ok(None)
            }
        }
    }

    fn own_pool(&mut self, name: &PoolName, past: Epoch) -> Result<OpenedPool, StoreError> {
        let engine = self.engine.as_deref().ok_or(StoreError::Poisoned)?;
        let witness = self.witness.as_ref().ok_or(StoreError::Poisoned)?;
        let known = self.pools.iter().find(|(_, log)| log.name == *name);
        let (id, before) = match known {
            Some((id, log)) => (*id, log.epoch),
            None => (
                PoolId(self.pools.last_key_value().map_or(1, |(id, _)| id.0 + 1)),
                Epoch(0),
            ),
        };
        let epoch = Epoch(before.max(past).0 + 1);
        let log = self.pools.entry(id).or_insert_with(|| {
            PoolLog::new(PoolRecord {
                name: name.clone(),
                epoch,
            })
        });
        // If that fails nothing of the store is used before it was read again.
        log.epoch = epoch;
        let mut writes = Writes::default();
        notes::write_pool(id, log, &mut writes);
        engine.commit(writes)?;
        log.opened = true;
        witness.attest(Reach::of(id, log))?;
        let states = log.take_states();
        if states.is_none() {
            engine.settle()?;
            take_note(engine, &mut self.pools);
        }
        let log = self.pools.get(&id).ok_or(StoreError::NotOpen(id))?;
        let tasks = load::tasks(engine, id, log, states)?;
        let notes = log.notes.all();
        Ok(OpenedPool {
            id,
            epoch,
            tasks,
            notes,
        })
    }
}

impl Store for LogStore {
    fn pools(&self) -> Vec<PoolName> {
        self.pools.values().map(|log| log.name.clone()).collect()
    }

    fn latest(&self) -> Timestamp {
        self.latest
    }

    fn open_pool_past(&mut self, name: &PoolName, epoch: Epoch) -> Result<OpenedPool, StoreError> {
        self.engine()?;
        let opened = self.own_pool(name, epoch);
        self.poison_on_error(opened)
    }

    fn commit(&mut self, batches: &[PoolBatch]) -> Result<(), StoreError> {
        let begun = self.begin(batches)?;
        let ended = begun.map_or(Ok(()), Begun::end);
        self.poison_on_error(ended)
    }

    fn begin(&mut self, batches: &[PoolBatch]) -> Result<Option<Box<dyn Begun>>, StoreError> {
        self.engine()?;
        for batch in batches {
            self.admit(batch)?;
        }
        let begun = self.write(batches);
        let begun = self.poison_on_error(begun)?;
        let at = batches
            .iter()
            .filter_map(|batch| Some(self.pools.get(&batch.pool)?.at))
            .max();
        self.latest = self.latest.max(at.unwrap_or_default());
        self.let_go();
        Ok(begun)
    }

    fn blobs(
        &self,
        pool: PoolId,
        wanted: &[(TaskId, Blob)],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let engine = self.engine()?;
        let Some(log) = self.pools.get(&pool) else {
            return Ok(vec![None; wanted.len()]);
        };
        self.poison_on_error(Places::find(pool, log, wanted).read(engine))
    }

    fn find(&self, pool: PoolId, wanted: &[(TaskId, Blob)]) -> Reading {
        let nothing = vec![None; wanted.len()];
        let (Ok(_), Some(engine), Some(log)) = (self.engine(), &self.engine, self.pools.get(&pool))
        else {
            return Box::new(|| nothing);
        };
        let (places, engine) = (Places::find(pool, log, wanted), engine.reader());
        Box::new(move || {
            let read = engine.read(|engine| places.read_what_stands(engine));
            read.unwrap_or(nothing)
        })
    }

    fn begin_backup(&mut self) -> Result<u64, StoreError> {
        self.engine()?;
        self.copying = Some(Copying::new(&self.pools, self.options.held_bytes));
        Ok(live_bytes(&self.pools))
    }

    fn next_of_backup(&mut self, bytes: usize, to: &mut Vec<u8>) -> Result<bool, StoreError> {
        self.engine()?;
        let mut copying = self.copying.take().ok_or(StoreError::NoBackup)?;
        let engine = self.engine()?;
        let is_whole = copying.slice(engine, &self.pools, bytes, to);
        match is_whole {
            Ok(false) => self.copying = Some(copying),
            // What is damaged is none of those who use what is not.
            Ok(true) | Err(StoreError::Damaged { .. }) => {}
            Err(_) => self.poisoned.set(true),
        }
        is_whole
    }

    fn end_backup(&mut self) {
        self.copying = None;
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.copying = None;
        self.poisoned.set(true);
        if let Some(engine) = self.engine.take() {
            engine.close();
        }
        self.witness = None;
        self.folder.hold()?;
        let (engine, pools) = rewrite::open(&mut self.folder, &self.options)?;
        self.witness = Some(Arc::new(Witness::open(engine.path())?));
        self.latest = latest(&pools);
        self.pools = pools;
        self.engine = Some(LentEngine::new(engine));
        self.poisoned.set(false);
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        StoreStats {
            engine: self.options.engine.name(),
            disk_bytes: self.folder.disk_bytes(),
            live_bytes: live_bytes(&self.pools),
            free_bytes: self.folder.free_bytes(),
        }
    }
}

/// A commit under way, and how far logs reach when it has ended.
#[derive(Debug)]
struct BegunCommit {
    begun: Box<dyn Begun>,
    reaches: Vec<Reach>,
    witness: Arc<Witness>,
}

impl Begun for BegunCommit {
    fn end(self: Box<Self>) -> Result<(), StoreError> {
        self.begun.end()?;
        let mut reaches = self.reaches.into_iter();
        reaches.try_for_each(|reach| self.witness.attest(reach))
    }
}

impl Drop for LogStore {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.close();
        }
    }
}

/// Takes note of what the engine has brought elsewhere since it was asked last.
fn take_note(engine: &dyn Engine, pools: &mut BTreeMap<PoolId, PoolLog>) {
    for settled in engine.settled() {
        if let Some(log) = pools.get_mut(&settled.pool) {
            log.settle(settled.first, settled.last, settled.bytes);
        }
    }
}

fn is_wasteful(folder: &Folder, pools: &BTreeMap<PoolId, PoolLog>, options: &LogOptions) -> bool {
    folder.disk_bytes() > 4 * live_bytes(pools) + options.journal_bytes + options.spare_bytes
}

fn live_bytes(pools: &BTreeMap<PoolId, PoolLog>) -> u64 {
    pools.values().map(PoolLog::live_bytes).sum()
}

fn latest(pools: &BTreeMap<PoolId, PoolLog>) -> Timestamp {
    pools.values().map(|log| log.at).max().unwrap_or_default()
}
