//! fjall, with what it needs to be safe: the only file that names it.
//!
//! What fjall 3.1 does, read in its source or measured, and what is done here about it:
//! - A broken frame in the middle of its journal is taken for the torn end of it, and the journal is
//!   cut off there (fjall issue 311); some torn ends are taken for damage. So its journals are read
//!   before it does ([`tail`]), and the witness beside them says if something is missing.
//! - A failed write, or a background thread that failed, poisons it for good: that is an error here,
//!   and the store above is reopened.
//! - Memory is what was written and not yet made a table: [`MEMTABLE_BYTES`] at a time, of which
//!   four may wait before a write waits as well. Then it sleeps for 100 ms at a time.
//! - What was deleted stays on disk: new records go past the old ones to the lowest tables unmerged,
//!   as no two overlap, and the deletes are left above. A churn of 70 MB live had 740 MB on disk and
//!   went on growing. So what was removed is counted, and past a share of all tables they are merged
//!   whole, in a thread of ours.
//! - A journal is laid out with 64 MB before it is written to, and kept until it has them: so much
//!   is on disk, beside what is live.
//! - It does not sync the folder in which it makes the folder of its keys, without which all keys are
//!   gone: all its folders are synced after open.
//! - It panics where it thinks that it found a bug: each call is guarded.

use std::{
    error::Error,
    fmt,
    fs::{self, File},
    io, iter,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, SyncSender},
    },
    thread,
};

use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, compaction::Leveled};

use super::{
    LogEngine,
    engine::{self, ADVICE, Engine, Scan, Write, Writes, failed},
};
use crate::StoreError;

mod tail;

/// What is in memory before it becomes a table, in bytes.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;

/// All journals together, in bytes; past it the oldest is made tables of. The least that it takes.
const JOURNALS_BYTES: u64 = 64 * 1024 * 1024;

/// How long a table may become, in bytes. Deletes are a log's, from its old end: the smaller the
/// tables, the sooner one holds nothing that lives.
const TABLE_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes removed, at least, before all tables are merged.
const WASTE_BYTES: u64 = 32 * 1024 * 1024;

/// The share of all tables, as its inverse, that must have been removed as well. A merge writes what
/// is left, twice what it frees.
const WASTE_SHARE: u64 = 3;

/// Threads that write tables: one of what was in memory, one of other tables.
const THREADS: usize = 2;

/// Tables that are open at a time. Descriptors are for sessions.
const FILES_MAX: usize = 64;

/// An open fjall folder.
pub(super) struct FjallEngine {
    db: Database,
    keys: Keyspace,
    /// Bytes removed since tables were last merged whole.
    removed: AtomicU64,
    /// Whoever merges them; it takes an order only when it has nothing to do.
    merger: SyncSender<()>,
    /// fjall's own lock, which is also how it shows that the folder is still there.
    lock: File,
    path: PathBuf,
}

impl FjallEngine {
    /// Opens the folder, or makes it.
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let database = Database::builder(path)
            .cache_size(cache_bytes)
            .max_journaling_size(JOURNALS_BYTES)
            .max_cached_files(Some(FILES_MAX))
            .worker_threads(THREADS)
            .manual_journal_persist(true);
        tail::cut_off(path)?;
        let db = guard("open", path, || database.open())?;
        let keys = guard("open", path, || db.keyspace("keys", keyspace))?;
        sync_folders(path).map_err(|source| failed("sync", path, source))?;
        let lock = File::open(path.join("lock"));
        let lock = lock.map_err(|source| failed("open", path, source))?;
        let merger = start_merger(&keys, path).map_err(|source| failed("open", path, source))?;
        Ok(Self {
            db,
            keys,
            removed: AtomicU64::new(0),
            merger,
            lock,
            path: path.to_owned(),
        })
    }

    /// Gives back to the disk what was removed, once it is worth it.
    fn give_back(&self) {
        let removed = self.removed.load(Relaxed);
        if removed > WASTE_BYTES
            && removed > self.keys.disk_space() / WASTE_SHARE
            && self.merger.try_send(()).is_ok()
        {
            self.removed.store(0, Relaxed);
        }
    }
}

/// Makes durable that each folder in it is there.
fn sync_folders(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(path)?.sync_all()
}

/// It ends when there is nobody left who could give it an order.
fn start_merger(keys: &Keyspace, path: &Path) -> io::Result<SyncSender<()>> {
    let (merger, orders) = mpsc::sync_channel(0);
    let (keys, path) = (keys.clone(), path.to_owned());
    let merge = move || {
        for () in orders {
            // What it could not do it is told to do again, after as much was removed again.
            if let Err(error) = guard("merge the tables of", &path, || keys.major_compact()) {
                tracing::warn!(%error, "space was not given back to the disk");
            }
        }
    };
    let thread = thread::Builder::new().name("fjall:merger".to_owned());
    thread.spawn(merge).map(|_| merger)
}

fn keyspace() -> KeyspaceCreateOptions {
    let compaction = Leveled::default().with_table_target_size(TABLE_BYTES);
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES)
        .compaction_strategy(Arc::new(compaction))
        .manual_journal_persist(true)
        .expect_point_read_hits(true)
}

impl fmt::Debug for FjallEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallEngine")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Engine for FjallEngine {
    fn path(&self) -> &Path {
        &self.path
    }

    fn apply(&self, writes: Writes) -> Result<(), StoreError> {
        let mut batch = self.db.batch();
        let mut removed = self.removed.load(Relaxed);
        for write in writes {
            match write {
                Write::Put(key, value) => batch.insert(&self.keys, key, &value[..]),
                Write::Remove(key, len) => {
                    batch.remove(&self.keys, key);
                    removed += len as u64;
                }
            }
        }
        self.removed.store(removed, Relaxed);
        guard("write to", &self.path, || batch.commit())?;
        self.give_back();
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        guard("sync", &self.path, || {
            self.db.persist(PersistMode::SyncData)
        })?;
        let is_there = engine::check_is_there(&self.lock);
        is_there.map_err(|source| failed("sync", &self.path, source))
    }

    fn get(&self, key: &[u8], _len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let value = guard("read", &self.path, || self.keys.get(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8]) -> Scan<'_> {
        let mut values = self.keys.prefix(prefix);
        Box::new(iter::from_fn(move || {
            let next = || values.next().map(Guard::into_inner).transpose();
            let value = guard("read", &self.path, next).transpose()?;
            Some(value.map(|(key, value)| (key.to_vec(), value.to_vec())))
        }))
    }

    fn close(self: Box<Self>) {
        let Self {
            db,
            keys,
            merger,
            lock,
            path,
            removed: _,
        } = *self;
        let closed = guard("close", &path, || {
            drop(merger);
            drop(keys);
            drop(db);
            Ok(())
        });
        let wait = || engine::wait_for_lock(lock).map_err(|source| failed("close", &path, source));
        if let Err(error) = closed.and_then(|()| wait()) {
            tracing::warn!(%error, "fjall did not close cleanly");
        }
    }
}

fn guard<T>(
    action: &'static str,
    path: &Path,
    call: impl FnOnce() -> fjall::Result<T>,
) -> Result<T, StoreError> {
    let translate = |error| translate(action, path, &error);
    engine::guard(LogEngine::Fjall, call, translate, |panic| {
        failed(action, path, panic)
    })
}

fn translate(action: &'static str, path: &Path, error: &fjall::Error) -> StoreError {
    let of_disk = |source: &&io::Error| !is_of_contents(source.kind());
    if let Some(source) = io_error(error).filter(of_disk) {
        let source = io::Error::new(source.kind(), source.to_string());
        return failed(action, path, source);
    }
    if is_state(error) {
        return failed(action, path, io::Error::other(error.to_string()));
    }
    StoreError::Damaged {
        what: path.display().to_string(),
        reason: format!("fjall found {error}"),
        advice: ADVICE,
    }
}

fn io_error(error: &fjall::Error) -> Option<&io::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Whether the disk did as it was told, and what it gave back does not read.
fn is_of_contents(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
    )
}

/// Whether it tells of fjall, and not of what is stored.
fn is_state(error: &fjall::Error) -> bool {
    matches!(
        error,
        fjall::Error::Poisoned | fjall::Error::Locked | fjall::Error::KeyspaceDeleted
    )
}
