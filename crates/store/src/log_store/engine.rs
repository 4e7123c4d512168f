//! What a log store asks of an engine: an ordered map with atomic batches, no more.
//!
//! The log above keeps out of an engine what engines are bad at: a task's many states are not keys,
//! what is old is deleted in order, and nothing but payloads is read back.

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use leasehold_core::PoolId;
use serde::Serialize;

use super::{
    LogEngine, LogOptions, fjall_engine::FjallEngine, hush::Call, journal, sled_engine::SledEngine,
};
use crate::{Begun, StoreError};

/// How long closing may take: an engine's threads are done with what they do by then, or never.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// What to do about damage. That nothing was changed could be said of what is ours, and not of an
/// engine: both cut their logs off where they do not read any more.
pub(super) const ADVICE: &str = "stop the hub, keep a copy of the folder, and restore the last good backup into a new one with leasehold restore";

/// A key and what stands there.
pub(super) type Value = (Vec<u8>, Vec<u8>);

/// See [`Engine::scan`].
pub(super) type Scan<'a> = Box<dyn Iterator<Item = Result<Value, StoreError>> + 'a>;

/// An open folder of an engine. After an error nothing of it is used but [`Engine::close`].
pub(super) trait Engine: fmt::Debug + Send + Sync {
    /// The folder.
    fn path(&self) -> &Path;

    /// Where values stand, to name it when one of them is damaged: the file, if all are in one.
    fn values(&self) -> PathBuf {
        self.path().to_owned()
    }

    /// Makes the writes, together or not at all. They are not durable before [`Engine::sync`].
    fn apply(&self, writes: Writes) -> Result<(), StoreError>;

    /// Makes durable what was written, against a power cut too.
    fn sync(&self) -> Result<(), StoreError>;

    /// Makes the writes, together or not at all, and durable.
    fn commit(&self, writes: Writes) -> Result<(), StoreError> {
        self.begin(writes)?.map_or(Ok(()), Begun::end)
    }

    /// Begins to make the writes, together or not at all: they are read from now on. Nothing if they
    /// are durable when this returns. What is begun is durable in its order; until all has ended
    /// nothing is asked of the engine but [`Engine::begin`], [`Engine::get`] and what needs no disk.
    fn begin(&self, writes: Writes) -> Result<Option<Box<dyn Begun>>, StoreError> {
        self.apply(writes)?;
        self.sync()?;
        Ok(None)
    }

    /// Brings everything that was committed to where [`Engine::scan`] looks for it.
    fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Log records that came to stand elsewhere, or in another length, by way of a journal. Until
    /// this has said so they are read as they were written, and from then on only as it says.
    fn settled(&self) -> Vec<Settled> {
        Vec::new()
    }

    /// Whether log records settle later, and leave out then what is not live any more.
    fn folds(&self) -> bool {
        false
    }

    /// A value of which the length is known; nothing if it, or a part of it, is not there.
    fn get(&self, key: &[u8], len: usize) -> Result<Option<Vec<u8>>, StoreError>;

    /// All values under keys that begin so, in their order.
    fn scan(&self, prefix: &[u8]) -> Scan<'_>;

    /// Closes it, and returns when it can be opened again. An engine that has failed may fail at
    /// that as well: no news, so it is logged and no more.
    fn close(self: Box<Self>);
}

/// What an engine holds on to that no value is any more. It is no damage: a value that was removed, or
/// that a kill cut off before the commit that was to name it, stays in its place until another one
/// takes that, or until there are so many such places that they are emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Unused {
    /// Places.
    pub slots: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Log records of a pool that stand in the engine proper, as one, under the key of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// The pool.
    pub(super) pool: PoolId,
    /// The first of them.
    pub(super) first: u64,
    /// The last of them.
    pub(super) last: u64,
    /// Bytes of what stands for them all.
    pub(super) bytes: usize,
}

impl Settled {
    /// A record that stands for itself.
    pub(super) fn alone(pool: PoolId, seq: u64, bytes: usize) -> Self {
        Self {
            pool,
            first: seq,
            last: seq,
            bytes,
        }
    }
}

/// Opens the folder with this engine, or makes it.
pub(super) fn open(
    engine: LogEngine,
    path: &Path,
    options: &LogOptions,
) -> Result<Box<dyn Engine>, StoreError> {
    match engine {
        LogEngine::Sled => {
            let sled = SledEngine::open(path, options.cache_bytes)?;
            journal::open(sled, options.journal_bytes)
        }
        LogEngine::Fjall => Ok(Box::new(FjallEngine::open(path, options.cache_bytes)?)),
    }
}

/// What is not in use, or why that cannot be said.
pub(super) type Counted = Result<Unused, StoreError>;

/// Opens the folder with this engine, and counts what is not in use before anything is written to it:
/// to open it is to bring to it what its journal has, and to give back some of that room.
pub(super) fn open_and_count(
    engine: LogEngine,
    path: &Path,
    options: &LogOptions,
) -> Result<(Box<dyn Engine>, Counted), StoreError> {
    match engine {
        LogEngine::Sled => {
            let sled = SledEngine::open(path, options.cache_bytes)?;
            let unused = sled.unused();
            Ok((journal::open(sled, options.journal_bytes)?, unused))
        }
        LogEngine::Fjall => Ok((open(engine, path, options)?, Ok(Unused::default()))),
    }
}

/// Writes that are made together or not at all.
#[derive(Debug, Default)]
pub(super) struct Writes(Vec<Write>);

/// One of them.
#[derive(Debug)]
pub(super) enum Write {
    /// A value of any length.
    Put(Vec<u8>, Bytes),
    /// The end of a value that has this many bytes.
    Remove(Vec<u8>, usize),
}

impl Writes {
    /// Puts a value of any length. Where values are ever removed, what stands there must be removed
    /// first; where they are not, it is no longer than this one.
    pub(super) fn put(&mut self, key: &[u8], value: impl Into<Bytes>) {
        self.0.push(Write::Put(key.to_vec(), value.into()));
    }

    /// Removes a value that has this many bytes.
    pub(super) fn remove(&mut self, key: &[u8], len: usize) {
        self.0.push(Write::Remove(key.to_vec(), len));
    }
}

impl Writes {
    /// In the order in which they were said: the last one counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Write> {
        self.0.iter()
    }

    /// What is put, and where.
    pub(super) fn puts(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.iter().filter_map(|write| match write {
            Write::Put(key, value) => Some((key.as_slice(), &value[..])),
            Write::Remove(..) => None,
        })
    }
}

impl IntoIterator for Writes {
    type Item = Write;
    type IntoIter = std::vec::IntoIter<Write>;

    /// In the order in which they were said: the last one counts.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Engines panic where they think that they found a bug of their own. Nothing of ours is inside one
/// when it does, and after it nothing of that engine's is used again.
pub(super) fn guard<T, E>(
    engine: LogEngine,
    call: impl FnOnce() -> Result<T, E>,
    translate: impl FnOnce(E) -> StoreError,
    fail: impl FnOnce(io::Error) -> StoreError,
) -> Result<T, StoreError> {
    let guarded = || {
        let _call = Call::begin();
        call()
    };
    match panic::catch_unwind(AssertUnwindSafe(guarded)) {
        Ok(outcome) => outcome.map_err(translate),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said
                .or_else(|| panic.downcast_ref().copied())
                .unwrap_or("nothing");
            let name = engine.name();
            Err(fail(io::Error::other(format!(
                "{name} gave up and said {said:?}"
            ))))
        }
    }
}

/// A file that was deleted takes writes like any other, and is gone with its last descriptor.
pub(super) fn check_is_there(file: &File) -> io::Result<()> {
    if links(file)? > 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "the data folder was deleted",
    ))
}

/// Its names. Asked for nothing else: since Linux 6.13 whoever asks for a file's times makes its next
/// write note one of its own, and the sync after that takes half as long again.
#[cfg(target_os = "linux")]
fn links(file: &File) -> io::Result<u64> {
    use rustix::{
        fs::{AtFlags, StatxFlags, statx},
        io::Errno,
    };

    match statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::NLINK) {
        Ok(found) => Ok(found.stx_nlink.into()),
        Err(Errno::NOSYS) => Ok(file.metadata()?.nlink()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn links(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.nlink())
}

/// Waits until the last of an engine's threads has let go of the file that it locks.
///
/// There is no lock with a deadline, so another thread waits for it, for ever if need be.
pub(super) fn wait_for_lock(file: File) -> io::Result<()> {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || {
        let locked = file.lock();
        drop(file);
        // Nobody listens any more if the deadline is over.
        let _ = done.send(locked);
    });
    let late = |_| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            "a thread of the engine's holds on to it",
        )
    };
    outcome.recv_timeout(CLOSE_WITHIN).map_err(late)?
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    let source = io::Error::new(source.kind(), format!("{}: {source}", path.display()));
    StoreError::Io { action, source }
}
