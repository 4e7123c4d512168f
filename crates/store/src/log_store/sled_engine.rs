//! sled, with what it needs to be safe: the only file that names it.
//!
//! What sled 0.34.7 does, each thing measured, and what is done here about it:
//! - `flush` ends in `sync_file_range`, which a power cut does not respect: the file `db` is synced
//!   through a descriptor of our own after each flush, `conf` and the folder after open.
//! - For the same reason a power cut between two such syncs may leave later writes without earlier
//!   ones, after which sled does not open, or opens empty: [`ordered`].
//! - A `*.generating` left by a kill makes every later open fail: deleted before open.
//! - A *page* of more than 128 KiB becomes a file of its own that is never synced. A leaf holds up
//!   to 17 values, whatever their size, so a value among others has at most [`PART_BYTES`]; a longer
//!   one goes to [`slots`], which also spares sled to write it five times.
//! - A batch costs a write of its own before it, and a second turn of the disk: a journal stands
//!   before it, so that it sees few of them, and long ones.
//! - It panics in places: each call is guarded, and a panic is an error like any other.
//! - Where a write of it fails, who waits for that may wait for ever: [`waker`].

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use self::{trouble::Action, waker::Waker};
use super::{
    LogEngine,
    engine::{self, Engine, Scan, Unused, Value, Write, Writes, failed},
    slots::{self, SLOT_BYTES, Slots},
};
use crate::StoreError;

mod ordered;
#[cfg(test)]
mod tests;
mod trouble;
mod waker;

/// sled's only file of values.
const DB: &str = "db";

/// sled's settings.
const CONF: &str = "conf";

/// The longest value that stands among others, in bytes: twenty of them fit into 128 KiB. Older
/// stores have longer ones cut into parts of so many.
pub(super) const PART_BYTES: usize = 6 * 1024;

/// How often a slot is read again after it was read. sled's cache takes note of 64 reads in each of
/// its 256 shards before it looks at its bound: sixteen thousand pages that are read once each are
/// kept, however long they are. Read sixteen times, it is a thousand of them, of 40 KiB at most.
const READS_MORE: usize = 15;

/// Slots that a commit empties at the most.
const EMPTIED: usize = 4;

/// Bytes that a part's number adds to a key.
const PART_KEY_BYTES: usize = 2;

/// An open sled folder.
#[derive(Debug)]
pub(super) struct SledEngine {
    db: sled::Db,
    /// The file `db`, to sync what sled only started to write.
    file: File,
    path: PathBuf,
    /// Locked for a moment at a time: reads go on while much is written.
    slots: Mutex<Slots>,
    waker: Waker,
}

impl SledEngine {
    /// Opens the folder, or makes it.
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        remove_unfinished_snapshots(path).map_err(|source| failed("open", path, source))?;
        ordered::keep_writes_in_order(path);
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(500));
        let is_new = !path.join(DB).exists();
        let action = if is_new { Action::Make } else { Action::Open };
        if !is_new {
            // sled would panic.
            open_file(path).map_err(|source| failed("open", path, source))?;
        }
        let db = guard(action, path, || config.open())?;
        if is_new {
            ordered::keep_writes_in_order(path);
        }
        let file = sync_after_open(path).map_err(|source| failed("sync", path, source))?;
        let slots = guard(Action::Read, path, || find_slots(&db))?;
        let waker = waker_of(&db).map_err(|source| failed("open", path, source))?;
        Ok(Self {
            db,
            file,
            path: path.to_owned(),
            slots: Mutex::new(slots),
            waker,
        })
    }

    /// Slots that hold something and are free.
    pub(super) fn unused(&self) -> Result<Unused, StoreError> {
        let unused = self.slots().unused();
        self.guard(Action::Read, || count_unused(&self.db, &unused))
    }

    fn guard<T>(
        &self,
        action: Action,
        call: impl FnOnce() -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        guard(action, &self.path, || self.waker.over(call))
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for SledEngine {
    fn path(&self) -> &Path {
        &self.path
    }

    fn values(&self) -> PathBuf {
        self.path.join(DB)
    }

    fn apply(&self, writes: Writes) -> Result<(), StoreError> {
        self.guard(Action::Write, || {
            let mut keys = Keys::default();
            for write in writes {
                let slots = &mut self.slots();
                match write {
                    Write::Put(key, value) => put(&self.db, slots, &mut keys, key, &value)?,
                    Write::Remove(key, len) => remove(slots, &mut keys, &key, len),
                }
            }
            let freed = keys.apply(&self.db)?;
            let slots = &mut self.slots();
            slots.free(freed);
            empty_stale(&self.db, slots)
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.guard(Action::Flush, || self.db.flush())?;
        let synced = self
            .file
            .sync_data()
            .and_then(|()| engine::check_is_there(&self.file));
        synced.map_err(|source| failed("sync", &self.path, source))
    }

    fn get(&self, key: &[u8], len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let held = self.slots().of(key).map(<[u32]>::to_vec);
        self.guard(Action::Read, || match held {
            Some(held) => read_slots(&self.db, &held, len),
            None => read_parts(&self.db, key, len),
        })
    }

    fn scan(&self, prefix: &[u8]) -> Scan<'_> {
        Box::new(Values {
            engine: self,
            parts: self.db.scan_prefix(prefix),
            ahead: None,
            from: prefix.to_vec(),
            prefix: prefix.to_vec(),
        })
    }

    /// Waits until the last thread of sled's has let go of the file.
    fn close(self: Box<Self>) {
        let Self {
            db,
            file,
            path,
            waker,
            ..
        } = *self;
        // It has the file open, too.
        drop(waker);
        let closed = guard(Action::Close, &path, || {
            drop(db);
            Ok(())
        });
        let released = closed.and_then(|()| {
            engine::wait_for_lock(file).map_err(|source| failed("close", &path, source))
        });
        if let Err(error) = released {
            tracing::warn!(%error, "sled did not close cleanly");
        }
    }
}

/// What becomes of keys at which short values stand: the last that was said of each.
#[derive(Default)]
struct Keys {
    put: BTreeMap<Vec<u8>, sled::IVec>,
    /// What is put again is not removed.
    removed: Vec<Vec<u8>>,
    /// Slots that are free when it has happened.
    freed: Vec<u32>,
}

impl Keys {
    fn put(&mut self, key: Vec<u8>, value: impl Into<sled::IVec>) {
        self.put.insert(key, value.into());
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.put.remove(&key);
        self.removed.push(key);
    }

    /// Puts and removes all or nothing: the journal's mark is among what is put, and what it says is
    /// done is never done again. Returns slots that are free now.
    fn apply(self, db: &sled::Db) -> sled::Result<Vec<u32>> {
        let mut batch = sled::Batch::default();
        for key in self.removed {
            batch.remove(key);
        }
        for (key, value) in self.put {
            batch.insert(key, value);
        }
        db.apply_batch(batch)?;
        Ok(self.freed)
    }
}

fn put(
    db: &sled::Db,
    slots: &mut Slots,
    keys: &mut Keys,
    key: Vec<u8>,
    value: &[u8],
) -> sled::Result<()> {
    if value.len() <= PART_BYTES {
        keys.put(part_key(&key, 0), value);
        return Ok(());
    }
    let mut held = Vec::with_capacity(value.len().div_ceil(SLOT_BYTES));
    for part in value.chunks(SLOT_BYTES) {
        let slot = take_slot(db, slots)?;
        change_spacers(db, slots, slot)?;
        db.insert(slots::value(slot), part)?;
        held.push(slot);
    }
    keys.put(slots::index(&key), slots::encode(&held));
    slots.keep(key, held);
    Ok(())
}

fn remove(slots: &mut Slots, keys: &mut Keys, key: &[u8], len: usize) {
    if let Some(held) = slots.forget(key) {
        keys.remove(slots::index(key));
        keys.freed.extend(held);
        return;
    }
    for number in 0..parts(len) {
        keys.remove(part_key(key, number));
    }
}

fn take_slot(db: &sled::Db, slots: &mut Slots) -> sled::Result<u32> {
    if let Some(slot) = slots.take() {
        return Ok(slot);
    }
    for spacer in slots.make().flat_map(slots::spacers) {
        db.insert(spacer, &[])?;
    }
    Ok(slots.take().expect("some were made"))
}

fn change_spacers(db: &sled::Db, slots: &mut Slots, slot: u32) -> sled::Result<()> {
    for (spacer, change) in slots.changes(slot) {
        db.insert(spacer, &change)?;
    }
    Ok(())
}

/// Gives back what free slots hold on to: a few at a time, and more than one commit frees.
fn empty_stale(db: &sled::Db, slots: &mut Slots) -> sled::Result<()> {
    for _ in 0..EMPTIED {
        let Some(slot) = slots.too_stale() else {
            return Ok(());
        };
        change_spacers(db, slots, slot)?;
        db.remove(slots::value(slot))?;
    }
    Ok(())
}

/// What was the last slot may have been made in part when the hub died: it is made again.
fn find_slots(db: &sled::Db) -> sled::Result<Slots> {
    let mut kept = BTreeMap::new();
    for entry in db.scan_prefix(slots::INDEX) {
        let (key, value) = entry?;
        // What does not read leaves its value nowhere, which shows when that is read.
        if let Some(held) = slots::decode(&value) {
            kept.insert(key[slots::INDEX.len()..].to_vec(), held);
        }
    }
    let last = db.scan_prefix(slots::SLOTS).next_back().transpose()?;
    let last = last.and_then(|(key, _)| slots::slot_of(&key));
    for spacer in last.into_iter().flat_map(slots::spacers) {
        if !db.contains_key(spacer)? {
            db.insert(spacer, &[])?;
        }
    }
    Ok(Slots::new(last.map_or(0, |last| last + 1), kept))
}

fn count_unused(db: &sled::Db, slots: &[u32]) -> sled::Result<Unused> {
    let mut unused = Unused::default();
    for slot in slots {
        if let Some(value) = read_slots(db, &[*slot], SLOT_BYTES)? {
            unused.slots += 1;
            unused.bytes += value.len() as u64;
        }
    }
    Ok(unused)
}

fn read_slots(db: &sled::Db, held: &[u32], len: usize) -> sled::Result<Option<Vec<u8>>> {
    let mut value = Vec::with_capacity(len);
    for slot in held {
        let Some(part) = db.get(slots::value(*slot))? else {
            return Ok(None);
        };
        value.extend_from_slice(&part);
        for _ in 0..READS_MORE {
            db.contains_key(slots::value(*slot))?;
        }
    }
    Ok(Some(value))
}

fn read_parts(db: &sled::Db, key: &[u8], len: usize) -> sled::Result<Option<Vec<u8>>> {
    let mut value = Vec::with_capacity(len);
    for number in 0..parts(len) {
        let Some(part) = db.get(part_key(key, number))? else {
            return Ok(None);
        };
        value.extend_from_slice(&part);
    }
    Ok(Some(value))
}

/// A part of a value, under its key.
type Part = (sled::IVec, sled::IVec);

/// Values among others and in slots, in the order of their keys.
struct Values<'a> {
    engine: &'a SledEngine,
    /// Of values among others.
    parts: sled::Iter,
    /// The first part of the next of these.
    ahead: Option<Part>,
    /// Where the next value in slots is looked for.
    from: Vec<u8>,
    prefix: Vec<u8>,
}

impl Values<'_> {
    fn next_value(&mut self) -> Result<Option<Value>, StoreError> {
        if self.ahead.is_none() {
            self.ahead = self.next_part()?;
        }
        let among = self.ahead.as_ref().map(|(key, _)| value_key(key));
        let in_slots = self.engine.slots().key_from(&self.from).map(<[u8]>::to_vec);
        let in_slots = in_slots.filter(|key| key.starts_with(&self.prefix));
        match (in_slots.as_deref(), among) {
            (Some(key), Some(among)) if key > among => self.next_of_parts(),
            (None, Some(_)) => self.next_of_parts(),
            (Some(key), _) => {
                let key = key.to_vec();
                self.from = [&key[..], &[0]].concat();
                let value = self.engine.get(&key, SLOT_BYTES)?;
                // What is not there shows at the seal.
                Ok(Some((key, value.unwrap_or_default())))
            }
            (None, None) => Ok(None),
        }
    }

    fn next_part(&mut self) -> Result<Option<Part>, StoreError> {
        let Self { engine, parts, .. } = self;
        engine.guard(Action::Read, || parts.next().transpose())
    }

    /// Puts together what has the same key. A part that is missing shows at the seal.
    fn next_of_parts(&mut self) -> Result<Option<Value>, StoreError> {
        let Some((part_key, part)) = self.ahead.take() else {
            return Ok(None);
        };
        let key = value_key(&part_key).to_vec();
        let mut value = part.to_vec();
        loop {
            match self.next_part()? {
                Some((next, part)) if value_key(&next) == key => value.extend_from_slice(&part),
                other => {
                    self.ahead = other;
                    return Ok(Some((key, value)));
                }
            }
        }
    }
}

impl Iterator for Values<'_> {
    type Item = Result<Value, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_value().transpose()
    }
}

fn parts(len: usize) -> u16 {
    u16::try_from(len.div_ceil(PART_BYTES)).expect("a value is shorter than 384 MiB")
}

fn part_key(key: &[u8], number: u16) -> Vec<u8> {
    [key, &number.to_be_bytes()].concat()
}

fn value_key(part_key: &[u8]) -> &[u8] {
    &part_key[..part_key.len().saturating_sub(PART_KEY_BYTES)]
}

/// The snapshot before it stays until a new one is whole, so nothing is lost with it.
fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    for file in fs::read_dir(path)? {
        let file = file?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "generating")
        {
            tracing::warn!(file = %file.display(), "removed an unfinished snapshot");
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

fn open_file(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path.join(DB))
}

/// Returns the file `db`.
fn sync_after_open(path: &Path) -> io::Result<File> {
    File::open(path.join(CONF))?.sync_all()?;
    let file = open_file(path)?;
    file.sync_all()?;
    File::open(path)?.sync_all()?;
    Ok(file)
}

fn waker_of(db: &sled::Db) -> io::Result<Waker> {
    let db = db.clone();
    // Who waits is told what went wrong.
    Waker::new(move || _ = db.flush())
}

fn guard<T>(
    action: Action,
    path: &Path,
    call: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    let translate = |error| match error {
        sled::Error::Io(source) => failed(action.name(), path, source),
        sled::Error::Corruption { at, .. } => trouble::unreadable(path, at.map(|at| at.lid())),
        sled::Error::Unsupported(_) => trouble::unsound_settings(path),
        sled::Error::CollectionNotFound(_) | sled::Error::ReportableBug(_) => {
            action.gave_up(path, io::Error::other(error))
        }
    };
    let gave_up = |said| action.gave_up(path, said);
    engine::guard(LogEngine::Sled, call, translate, gave_up)
}
