//! sled, with what it needs to be safe: the only file that names it.
//!
//! What sled 0.34.7 does, each thing measured, and what is done here about it:
//! - `flush` ends in `sync_file_range`, which a power cut does not respect: the file `db` is synced
//!   through a descriptor of our own after each flush, `conf` and the folder after open.
//! - A `*.generating` left by a kill makes every later open fail: deleted before open.
//! - A *page* of more than 128 KiB becomes a file of its own that is never synced. A leaf holds up
//!   to 17 values, whatever their size, so values are cut into parts of [`PART_BYTES`].
//! - It panics in places: each call is guarded, and a panic is an error like any other.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    LogEngine,
    engine::{self, ADVICE, Engine, Scan, Value, Write, Writes, failed},
};
use crate::StoreError;

/// The longest value that sled sees, in bytes: twenty of them fit into 128 KiB.
pub(super) const PART_BYTES: usize = 6 * 1024;

/// Bytes that a part's number adds to a key.
const PART_KEY_BYTES: usize = 2;

/// An open sled folder.
#[derive(Debug)]
pub(super) struct SledEngine {
    db: sled::Db,
    /// The file `db`, to sync what sled only started to write.
    file: File,
    path: PathBuf,
}

impl SledEngine {
    /// Opens the folder, or makes it.
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        remove_unfinished_snapshots(path).map_err(|source| failed("open", path, source))?;
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(500));
        let db = guard("open", path, || config.open())?;
        let file = sync_after_open(path).map_err(|source| failed("sync", path, source))?;
        Ok(Self {
            db,
            file,
            path: path.to_owned(),
        })
    }
}

impl Engine for SledEngine {
    fn path(&self) -> &Path {
        &self.path
    }

    fn apply(&self, writes: Writes) -> Result<(), StoreError> {
        let batch = batch(writes);
        guard("write to", &self.path, || self.db.apply_batch(batch))
    }

    fn sync(&self) -> Result<(), StoreError> {
        guard("flush", &self.path, || self.db.flush())?;
        let synced = self
            .file
            .sync_data()
            .and_then(|()| engine::check_is_there(&self.file));
        synced.map_err(|source| failed("sync", &self.path, source))
    }

    fn get(&self, key: &[u8], len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let mut value = Vec::with_capacity(len);
        for number in 0..parts(len) {
            let key = part_key(key, number);
            let Some(part) = guard("read", &self.path, || self.db.get(&key))? else {
                return Ok(None);
            };
            value.extend_from_slice(&part);
        }
        Ok(Some(value))
    }

    fn scan(&self, prefix: &[u8]) -> Scan<'_> {
        Box::new(Values {
            parts: self.db.scan_prefix(prefix),
            ahead: None,
            path: &self.path,
        })
    }

    /// Waits until the last thread of sled's has let go of the file.
    fn close(self: Box<Self>) {
        let Self { db, file, path } = *self;
        let closed = guard("close", &path, || {
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

fn batch(writes: Writes) -> sled::Batch {
    let mut batch = sled::Batch::default();
    for write in writes {
        match write {
            Write::Put(key, value) => {
                for (number, part) in (0..).zip(value.chunks(PART_BYTES)) {
                    batch.insert(part_key(&key, number), part);
                }
            }
            Write::Remove(key, len) => {
                for number in 0..parts(len) {
                    batch.remove(part_key(&key, number));
                }
            }
        }
    }
    batch
}

/// A part of a value, under its key.
type Part = (sled::IVec, sled::IVec);

/// Values, put together of their parts.
struct Values<'a> {
    parts: sled::Iter,
    /// The first part of the next value.
    ahead: Option<Part>,
    path: &'a Path,
}

impl Values<'_> {
    fn next_part(&mut self) -> Result<Option<Part>, StoreError> {
        guard("read", self.path, || self.parts.next().transpose())
    }

    /// Puts together what has the same key. A part that is missing shows at the seal.
    fn next_value(&mut self) -> Result<Option<Value>, StoreError> {
        let first = match self.ahead.take() {
            Some(first) => Some(first),
            None => self.next_part()?,
        };
        let Some((part_key, part)) = first else {
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

/// Returns the file `db`.
fn sync_after_open(path: &Path) -> io::Result<File> {
    File::open(path.join("conf"))?.sync_all()?;
    let file = File::options()
        .read(true)
        .write(true)
        .open(path.join("db"))?;
    file.sync_all()?;
    File::open(path)?.sync_all()?;
    Ok(file)
}

fn guard<T>(
    action: &'static str,
    path: &Path,
    call: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    let translate = |error| translate(action, path, error);
    engine::guard(LogEngine::Sled, call, translate, |panic| {
        failed(action, path, panic)
    })
}

fn translate(action: &'static str, path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) => failed(action, path, source),
        sled::Error::Corruption { .. } => StoreError::Damaged {
            what: path.display().to_string(),
            reason: format!("sled found {error}"),
            advice: ADVICE,
        },
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_) => failed(action, path, io::Error::other(error)),
    }
}
