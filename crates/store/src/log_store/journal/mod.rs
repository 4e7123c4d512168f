//! A journal in front of an engine: a commit is one append and one `fdatasync`, and the engine gets
//! it later.
//!
//! An engine that does more for a commit than write it down (sled: two rolls of its buffer, a hop
//! over its threads, 8 to 10 µs a key) is slow at that, however little there is to commit. And most
//! of what a busy store writes is gone again soon: a log record is dropped when the log has come
//! round. What is put and removed while it is in the journal never comes to the engine at all, and
//! log records are folded on the way ([`super::fold`]): of a task that is enqueued, granted and
//! completed within a lot, one short state comes there.
//!
//! ```text
//! commit ──> journal (append, fdatasync) ──> overlay (memory) ··applier··> engine (apply, sync)
//! read   ──> overlay, else engine
//! ```
//!
//! The *overlay* is what is in the journal and not in the engine. The *applier* ([`applier`]) has a
//! thread and takes the oldest there, a quarter of a journal at a time: when the journal is half
//! full, when nothing was committed for some seconds, when somebody waits for it, and at the end.
//! The later and the more at once, the more folds. With each lot it writes a *mark* to the engine,
//! in the same batch: the number of the newest record that need not be replayed. When the journal
//! is full, commits wait.
//!
//! Who keeps an index of log records is told at the next commit that they stand elsewhere now
//! ([`Engine::settled`]). Until then the overlay has them as they were, so that index and records
//! always agree.
//!
//! # Layout
//!
//! The folder `journal` in that of the engine has *segments*, `0`, `1` and so on, of one length.
//! Each is written with zeros before its use and never grows, so that syncing it changes no
//! metadata. All numbers are little-endian; checksums are crc32c.
//!
//! ```text
//! segment  "LJs" 1, length u32, nonce u64, sum u32 of that; at byte 4096: records, one after the
//!          other, each at a multiple of 8; after the last one: zeros, or what is left of an earlier
//!          use
//! record   "LJr" 1, body length u32, seq u64, covered u64, marked u64, 0 u32, sum u32; body
//!          the sum is over the nonce, the first 36 bytes and the body
//! body     writes: kind u8 (0 put, 1 remove), key length u8, value length u32, key; for a put: value
//! mark     in the engine, at its key: 1, nonce u64, seq u64, newest u64, sum u32 of that
//! ```
//!
//! The *nonce* is drawn when the journal is made. It says that a segment belongs to the mark, and
//! so to this generation of the store, and nobody can write a payload that reads as a record.
//!
//! # Which record is valid
//!
//! Records are numbered, one by one, and no number is ever given again: at each open one is left
//! out, that of a commit which may have been under way. Segments are written anew in any order, so
//! what is left of an earlier use is known by its numbers: it is not above the mark, or what the
//! newest record says is *covered* (a removal took everything of it before the applier came).
//! A segment is written anew when all its records are covered, and that is durable.
//!
//! At open everything beyond that is replayed. It must be there without a gap: a commit begins when
//! the one before it is durable, so only the very last can be torn, and a gap before a record that
//! reads is damage. So is an end before the *newest* record that there was at the mark: what it
//! removed may be neither in the engine nor in the journal. A mark that is older than one that is
//! known to have been durable is damage to the engine. A last record that was durable and is gone
//! without any of that is noticed by the *witness* above.
//!
//! # Bounds
//!
//! The journal has at most [`SEGMENTS`] segments, and the overlay keeps no more than what is in
//! them, and a lot until the commit after it: 40 MiB with the default of 32 on disk, of which the
//! first 4 are there from the beginning. A commit of
//! more than a quarter of a segment, 1 MiB, goes to the engine directly, after everything before.
//!
//! Deliberately absent: a way to do without it. Whoever has an engine that is fast at small commits
//! (fjall: it has such a journal itself) does not put this one before it.

mod applier;
mod direct;
mod disk;
mod format;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod line;
mod overlay;
mod recovery;
mod segments;

#[cfg(test)]
mod tests;

use std::{
    hash::{BuildHasher, RandomState},
    iter,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use self::{
    applier::{Policy, Shared},
    disk::{Disk, FolderDisk},
    format::{Mark, Nonce, Unsealed},
    line::{BegunRecord, Line},
    recovery::{Found, Recovered},
    segments::{SegmentBounds, Segments},
};
use super::{
    damage,
    engine::{Engine, Scan, Settled, Writes, failed},
    keys,
};
use crate::{Begun, StoreError};

/// Where it is in the folder of the engine.
const FOLDER: &str = "journal";

/// Segments at the most. One is written to and one or two are partly covered: eight waste little.
const SEGMENTS: usize = 8;

/// How long nothing is committed until all goes to the engine.
const IDLE: Duration = Duration::from_secs(5);

/// The shortest segment, in bytes: its head has 4 KiB of it.
const SEGMENT_BYTES_MIN: u32 = 64 * 1024;

/// The longest, where more was asked for.
const SEGMENT_BYTES_MAX: u32 = 1 << 30;

/// Puts a journal of about this length in bytes before an engine. What the one that was there left
/// behind is in the engine when this returns.
pub(super) fn open<E>(engine: E, journal_bytes: u64) -> Result<Box<dyn Engine>, StoreError>
where
    E: Engine + Sync + 'static,
{
    let path = engine.path().join(FOLDER);
    let fail = |source| failed("open", &path, source);
    let disk = match FolderDisk::at(path.clone()) {
        Ok(disk) => disk,
        Err(source) => {
            Box::new(engine).close();
            return Err(fail(source));
        }
    };
    let mut journaled = Journaled::recover(engine, disk, bounds(journal_bytes))?;
    let shared = Arc::clone(&journaled.shared);
    let thread = thread::Builder::new().name("journal".to_owned());
    let spawned = thread.spawn(move || shared.run());
    journaled.applier = Some(spawned.map_err(fail)?);
    Ok(Box::new(journaled))
}

/// An engine with a journal before it.
#[derive(Debug)]
struct Journaled<E: Engine + Sync, D: Disk> {
    shared: Arc<Shared<E>>,
    end: Arc<End<D>>,
    applier: Option<JoinHandle<()>>,
}

/// Where commits are written.
#[derive(Debug)]
struct End<D: Disk> {
    nonce: Nonce,
    /// The longest that fits, in bytes.
    record_bytes_max: usize,
    segments: Mutex<Segments<D>>,
    line: Line,
}

impl<D: Disk> End<D> {
    fn segments(&self) -> MutexGuard<'_, Segments<D>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Engine + Sync, D: Disk> Journaled<E, D> {
    /// Everything but the thread: what does not fit into the journal goes to the engine at once.
    fn recover(engine: E, disk: D, bounds: SegmentBounds) -> Result<Self, StoreError> {
        let (found, mark) = match find(&engine, &disk, bounds) {
            Ok(found) => found,
            Err(error) => {
                Box::new(engine).close();
                return Err(error);
            }
        };
        let bytes = bounds.bytes as usize * bounds.count;
        let policy = Policy {
            high: bytes / 2,
            lot: bytes / 4,
            idle: IDLE,
        };
        let shared = Shared::new(engine, mark, found.covered, policy);
        let begun = shared
            .replay(found.records, found.newest)
            .and_then(|newest| {
                let path = disk.path().to_owned();
                let begun = Segments::begin(disk, mark.nonce, bounds, newest);
                let segments = begun.map_err(|source| failed("open", &path, source))?;
                Ok(End {
                    nonce: mark.nonce,
                    record_bytes_max: bounds.record_bytes_max(),
                    segments: Mutex::new(segments),
                    line: Line::new(newest),
                })
            });
        match begun {
            Ok(end) => Ok(Self {
                shared: Arc::new(shared),
                end: Arc::new(end),
                applier: None,
            }),
            Err(error) => {
                Box::new(shared.engine).close();
                Err(error)
            }
        }
    }
}

impl<E, D> Engine for Journaled<E, D>
where
    E: Engine + Sync + 'static,
    D: Disk + 'static,
{
    fn path(&self) -> &Path {
        self.shared.engine.path()
    }

    /// Past the journal.
    fn apply(&self, writes: Writes) -> Result<(), StoreError> {
        self.settle()?;
        self.shared.apply(writes)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.shared.engine.sync()
    }

    fn begin(&self, writes: Writes) -> Result<Option<Box<dyn Begun>>, StoreError> {
        let bytes_max = self.end.record_bytes_max;
        match Unsealed::new(&writes).filter(|unsealed| unsealed.len() <= bytes_max) {
            Some(unsealed) => {
                let begun = BegunRecord::begin(&self.shared, &self.end, unsealed)?;
                Ok(Some(Box::new(begun)))
            }
            None => {
                self.apply(writes)?;
                self.sync()?;
                Ok(None)
            }
        }
    }

    fn values(&self) -> PathBuf {
        self.shared.engine.values()
    }

    fn settle(&self) -> Result<(), StoreError> {
        self.end.line.wait_for_all();
        self.shared.settle_all()
    }

    fn settled(&self) -> Vec<Settled> {
        self.shared.settled()
    }

    fn folds(&self) -> bool {
        true
    }

    fn get(&self, key: &[u8], len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        match self.shared.get(key)? {
            Some(value) => Ok(value.map(Vec::from)),
            None => self.shared.engine.get(key, len),
        }
    }

    /// After everything is in the engine: pools are opened seldom.
    fn scan(&self, prefix: &[u8]) -> Scan<'_> {
        match self.settle() {
            Ok(()) => self.shared.engine.scan(prefix),
            Err(error) => Box::new(iter::once(Err(error))),
        }
    }

    fn close(self: Box<Self>) {
        match self.settle() {
            // It has failed before.
            Ok(()) | Err(StoreError::Poisoned) => {}
            Err(error) => tracing::warn!(%error, "what is in the journal stays there for now"),
        }
        let shared = Arc::clone(&self.shared);
        drop(self);
        if let Some(shared) = Arc::into_inner(shared) {
            Box::new(shared.engine).close();
        }
    }
}

impl<E: Engine + Sync, D: Disk> Drop for Journaled<E, D> {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(applier) = self.applier.take() {
            // What panics there was caught there.
            let _ = applier.join();
        }
    }
}

/// Whole blocks; a quarter of a record's bytes more or less do not matter.
fn bounds(journal_bytes: u64) -> SegmentBounds {
    let block = direct::BLOCK as u64;
    let whole = journal_bytes / SEGMENTS as u64 / block * block;
    let bytes = u32::try_from(whole).unwrap_or(SEGMENT_BYTES_MAX);
    let bytes = bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
    let count = SEGMENTS;
    SegmentBounds { bytes, count }
}

/// Finds what the engine lacks, or makes the journal.
fn find(
    engine: &impl Engine,
    disk: &impl Disk,
    bounds: SegmentBounds,
) -> Result<(Recovered, Mark), StoreError> {
    let found = Found::read(disk)?;
    let values = engine.values();
    let damaged = |reason| damage::damaged(values.display().to_string(), reason);
    let Some(mark) = engine.get(keys::JOURNAL, format::mark_bytes())? else {
        if found.is_unused() {
            return make(engine, disk, bounds);
        }
        return Err(damaged(
            "it lacks the mark of the journal before it, and may lack anything else",
        ));
    };
    let mark = Mark::from_bytes(&mark)
        .ok_or_else(|| damaged("the mark of the journal in it is not what was written"))?;
    if found.is_empty() {
        let what = format!("the journal in {}", disk.path().display());
        return Err(damage::damaged(what, "it is gone"));
    }
    Ok((found.beyond(mark, disk, &values)?, mark))
}

/// Makes a journal, in which nothing is: the engine has a mark when there is a segment.
fn make(
    engine: &impl Engine,
    disk: &impl Disk,
    bounds: SegmentBounds,
) -> Result<(Recovered, Mark), StoreError> {
    let nonce = Nonce(RandomState::new().hash_one(disk.path()));
    let (seq, newest) = (0, 0);
    let mark = Mark { nonce, seq, newest };
    let made = disk.create("0", &format::empty_segment(nonce, bounds.bytes));
    made.map_err(|source| failed("write to", disk.path(), source))?;
    let mut writes = Writes::default();
    writes.put(keys::JOURNAL, mark.to_bytes().to_vec());
    engine.apply(writes)?;
    engine.sync()?;
    Ok((Recovered::nothing(0), mark))
}
