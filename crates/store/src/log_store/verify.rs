//! Every record of a store that no hub has open: read, decoded, counted, without a byte of it changed.
//!
//! An engine cannot be opened without being written to: it makes its journals anew and its locks, and
//! what stands in the journal before it is brought to where it belongs. So a copy is opened, in a
//! folder that is removed again; where the file system can, it shares the blocks and costs nothing.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use leasehold_core::PoolId;

use super::{
    LogEngine, LogOptions, damage,
    engine::{self, Engine, Unused},
    folder::{self, Folder},
    index::{Kept, PoolLog},
    keys, load,
    places::Places,
    witness::Witness,
};
use crate::{
    Blob, StoreError,
    backup::{self, PoolCensus, Tasks, frame::task_of},
    record::{READABLE, Sealed, Unreadable, What},
};

/// What the name of a copy begins with.
const SCRATCH: &str = ".leasehold-verify-";

/// So many findings are told one by one.
const FOUND_MAX: usize = 1000;

/// Payloads and results that are read at once, in tasks.
const TASKS_AT_ONCE: usize = 256;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// With what: which record of which pool in which folder.
    pub what: String,
    /// How that shows.
    pub why: String,
}

/// What became of a look at every record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What keeps the store.
    pub engine: LogEngine,
    /// Pools, in the order of their numbers.
    pub pools: Vec<VerifiedPool>,
    /// What is no value any more and takes room still. No damage, and nothing to be done about it.
    pub unused: Unused,
    /// What is wrong; nothing if all is well. A thousand at the most.
    pub found: Vec<Found>,
}

/// A pool, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPool {
    /// Its tasks. Counted only if nothing is wrong with the store.
    pub census: PoolCensus,
    /// Records of its log that were read.
    pub records: u64,
    /// The sequences of the first and the last of them.
    pub sequences: (u64, u64),
    /// Payloads and results that stand apart from the log.
    pub apart: u64,
}

/// Reads all of the store in a data folder, in a copy under `scratch`, which is removed again, and
/// tells how many records and tasks were read. The store itself is not changed.
///
/// # Errors
/// When there is no store, a hub has it, or it cannot be copied. Damage is not an error: it is found.
pub fn verify_store(
    data: &Path,
    scratch: &Path,
    tell: &mut dyn FnMut(u64),
) -> Result<Verified, StoreError> {
    let engine = folder::engine_of(data)?;
    let _lock = lock(data)?;
    let fail = |source| engine::failed("copy the data folder to", scratch, source);
    backup::sweep(scratch, SCRATCH);
    let copy = tempfile::Builder::new()
        .prefix(SCRATCH)
        .tempdir_in(scratch)
        .map_err(fail)?;
    let held = File::open(copy.path()).map_err(fail)?;
    held.lock().map_err(fail)?;
    copy_all(data, copy.path()).map_err(fail)?;
    let mut verified = Verified {
        engine,
        pools: Vec::new(),
        unused: Unused::default(),
        found: Vec::new(),
    };
    if let Err(error) = verify_copy(copy.path(), engine, &mut verified, tell) {
        verified.found.push(found_by(error));
    }
    // It is of no use to anybody where the copy was.
    let (ours, theirs) = (
        copy.path().display().to_string(),
        data.display().to_string(),
    );
    for found in &mut verified.found {
        found.what = found.what.replace(&ours, &theirs);
        found.why = found.why.replace(&ours, &theirs);
    }
    Ok(verified)
}

/// Held while it is copied: a hub that would start waits for another moment.
fn lock(data: &Path) -> Result<Option<File>, StoreError> {
    let file = match File::open(data.join("lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(engine::failed("lock", data, error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(data.to_owned())),
        Err(TryLockError::Error(source)) => Err(engine::failed("lock", data, source)),
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let to: PathBuf = to.join(entry.file_name());
        if kind.is_dir() {
            copy_all(&path, &to)?;
        } else if kind.is_file() {
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            };
            fs::copy(&path, &to).map_err(named)?;
        }
    }
    Ok(())
}

fn verify_copy(
    copy: &Path,
    engine: LogEngine,
    verified: &mut Verified,
    tell: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let folder = Folder::open(copy, engine)?;
    let path = folder.generation_path(folder.generation());
    if !path.is_dir() {
        let what = format!("the data folder {}", copy.display());
        return Err(damage::damaged(what, format!("{} is gone", path.display())));
    }
    let options = LogOptions {
        engine,
        ..LogOptions::default()
    };
    let (engine, unused) = engine::open_and_count(engine, &path, &options)?;
    let mut look = Look {
        engine: &*engine,
        verified,
        tell,
        done: 0,
        pools: BTreeMap::new(),
    };
    let looked = look.at_all(folder.generation());
    engine.close();
    looked?;
    verified.unused = unused?;
    Ok(())
}

/// What a look at one value came to: what it is, if it is not as it was written.
type Looked = Result<(), (String, Unreadable)>;

/// What was seen of a pool's records.
#[derive(Default)]
struct Log {
    name: String,
    records: u64,
    first: Option<u64>,
    /// The sequence of the next.
    next: u64,
    apart: u64,
}

struct Look<'a> {
    engine: &'a dyn Engine,
    verified: &'a mut Verified,
    tell: &'a mut dyn FnMut(u64),
    done: u64,
    pools: BTreeMap<PoolId, Log>,
}

impl Look<'_> {
    /// First each value by itself, to name all that are damaged; then together, as a hub would.
    fn at_all(&mut self, generation: u64) -> Result<(), StoreError> {
        self.each(keys::POOLS, Self::pool)?;
        self.each(keys::NOTES, Self::note)?;
        self.each(keys::LOGS, Self::record)?;
        self.each(keys::BLOBS, Self::blob)?;
        if !self.verified.found.is_empty() {
            self.count_records();
            return Ok(());
        }
        let mut logs = load::load(self.engine, generation)?;
        Witness::open(self.engine.path())?.check(&logs, self.engine)?;
        self.strays(&logs)?;
        for (id, log) in &mut logs {
            let census = self.tasks(*id, log)?;
            self.add(*id, census);
        }
        Ok(())
    }

    fn each(
        &mut self,
        prefix: &[u8],
        look: fn(&mut Self, &[u8], &[u8]) -> Looked,
    ) -> Result<(), StoreError> {
        for value in self.engine.scan(prefix) {
            let (key, value) = value?;
            if let Err((what, error)) = look(self, &key, &value) {
                self.found(what, &error);
            }
            self.step();
        }
        Ok(())
    }

    fn step(&mut self) {
        self.done += 1;
        (self.tell)(self.done);
    }

    fn found(&mut self, what: String, error: &Unreadable) {
        let why = match error {
            Unreadable::Damaged(why) => (*why).to_owned(),
            Unreadable::Version(found) => {
                format!("it has format version {found}, and this version reads {READABLE}")
            }
        };
        if self.verified.found.len() < FOUND_MAX {
            self.verified.found.push(Found { what, why });
        }
    }

    fn folder(&self) -> String {
        self.engine.values().display().to_string()
    }

    fn pool(&mut self, key: &[u8], value: &[u8]) -> Looked {
        let number = keys::parse_pool(key).unwrap_or_default();
        let pool = Sealed::open(key, value).and_then(|sealed| sealed.pool());
        let (name, read) = match pool {
            Ok((pool, _)) => (pool.name.to_string(), Ok(())),
            Err(error) => (format!("number {}", number.0), Err(error)),
        };
        let what = format!("pool {name} in {}", self.folder());
        self.pools.entry(number).or_default().name = name;
        read.map_err(|error| (what, error))
    }

    fn note(&mut self, key: &[u8], value: &[u8]) -> Looked {
        let read = Sealed::open(key, value).and_then(|sealed| sealed.note());
        let what = || format!("the note at key {key:02x?} in {}", self.folder());
        read.map(|_| ()).map_err(|error| (what(), error))
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Looked {
        let folder = self.folder();
        let Some((id, seq)) = keys::parse_record(key) else {
            let what = format!("the record at key {key:02x?} in {folder}");
            return Err((what, Unreadable::Damaged("its key is none of ours")));
        };
        let log = self.pools.entry(id).or_default();
        let what = |seq| format!("record {seq} of pool {} in {folder}", log.name);
        let head = Sealed::open(key, value).and_then(|sealed| {
            let (head, entries) = sealed.log()?;
            for entry in &entries {
                if let What::State(state) | What::Completed(state) = entry.what {
                    task_of(entry, state)?;
                }
            }
            Ok(head)
        });
        let first = head
            .as_ref()
            .ok()
            .and_then(|head| head.first)
            .unwrap_or(seq);
        let hole = (log.first.is_some() && first > log.next && head.is_ok())
            .then(|| (what(log.next), Unreadable::Damaged("it is gone")));
        let unreadable = head.err().map(|error| (what(seq), error));
        log.first.get_or_insert(first);
        log.records += 1;
        log.next = seq + 1;
        match unreadable.or(hole) {
            Some(found) => Err(found),
            None => Ok(()),
        }
    }

    fn blob(&mut self, key: &[u8], value: &[u8]) -> Looked {
        let id = keys::parse_blob(key).map_or_else(PoolId::default, |(id, ..)| id);
        self.pools.entry(id).or_default().apart += 1;
        let opened = Sealed::open(key, value);
        opened
            .map(|_| ())
            .map_err(|error| (self.blob_at(key), error))
    }

    fn blob_at(&self, key: &[u8]) -> String {
        let folder = self.folder();
        let Some((id, task, _)) = keys::parse_blob(key) else {
            return format!("the payload or result at key {key:02x?} in {folder}");
        };
        let pool = self.pools.get(&id).map_or("", |log| log.name.as_str());
        format!("a payload or result of task {task} of pool {pool} in {folder}")
    }

    /// Payloads and results that no record names. They are not what a kill leaves behind: a payload
    /// comes with its record, all or nothing, and goes with the record that ends it. So the record is
    /// gone. What a kill may leave is no value ([`Unused`]).
    fn strays(&mut self, logs: &BTreeMap<PoolId, PoolLog>) -> Result<(), StoreError> {
        let named: u64 = logs
            .values()
            .map(|log| log.all_apart().count() as u64)
            .sum();
        let found: u64 = self.pools.values().map(|seen| seen.apart).sum();
        if named == found {
            return Ok(());
        }
        for value in self.engine.scan(keys::BLOBS) {
            let (key, _) = value?;
            let is_named = keys::parse_blob(&key).is_some_and(|(id, task, kind)| {
                let kept = logs.get(&id).and_then(|log| log.kept(task, kind));
                matches!(kept, Some(Kept::Apart(_)))
            });
            if !is_named {
                let error = Unreadable::Damaged("no record names it: the one that did is gone");
                self.found(self.blob_at(&key), &error);
            }
        }
        Ok(())
    }

    /// Every state is read, and every payload and result.
    fn tasks(&mut self, id: PoolId, log: &mut PoolLog) -> Result<PoolCensus, StoreError> {
        let states = log.take_states();
        let mut seen = Tasks::default();
        let mut ids = Vec::with_capacity(log.len());
        for task in load::tasks(self.engine, id, log, states)? {
            let task = task?;
            seen.of(task.id).state(&task);
            ids.push(task.id);
        }
        // In the order of their enqueues they stand together.
        ids.sort_unstable();
        for some in ids.chunks(TASKS_AT_ONCE) {
            let wanted: Vec<_> = some
                .iter()
                .flat_map(|task| [(*task, Blob::Payload), (*task, Blob::Result)])
                .collect();
            let blobs = Places::find(id, log, &wanted).read(self.engine)?;
            for ((task, kind), blob) in wanted.into_iter().zip(blobs) {
                if let Some(blob) = blob {
                    seen.of(task).blob(kind, blob.len());
                }
            }
            self.done += some.len() as u64;
            (self.tell)(self.done);
        }
        if let Some((task, why)) = seen.flaw() {
            let what = format!("task {task} of pool {} in {}", log.name, self.folder());
            self.verified.found.push(Found { what, why });
        }
        let notes = log.notes.all().len() as u64;
        Ok(seen.count(log.name.clone(), log.epoch.0, notes))
    }

    fn add(&mut self, id: PoolId, census: PoolCensus) {
        let seen = self.pools.remove(&id).unwrap_or_default();
        self.verified.pools.push(VerifiedPool {
            census,
            records: seen.records,
            sequences: (seen.first.unwrap_or(0), seen.next.saturating_sub(1)),
            apart: seen.apart,
        });
    }

    /// Of a store in which something is wrong no more than how many records there are.
    fn count_records(&mut self) {
        for id in self.pools.keys().copied().collect::<Vec<_>>() {
            let name = self.pools[&id].name.parse();
            if let Ok(name) = name {
                self.add(id, Tasks::default().count(name, 0, 0));
            }
        }
    }
}

fn found_by(error: StoreError) -> Found {
    match error {
        StoreError::Damaged { what, reason, .. } => Found { what, why: reason },
        other @ (StoreError::InUse(_)
        | StoreError::Taken(_)
        | StoreError::NotAStore { .. }
        | StoreError::OtherEngine { .. }
        | StoreError::Incompatible { .. }
        | StoreError::Fenced { .. }
        | StoreError::NotOpen(_)
        | StoreError::Io { .. }
        | StoreError::NoBackup
        | StoreError::Poisoned) => Found {
            what: "the store".to_owned(),
            why: other.to_string(),
        },
    }
}
