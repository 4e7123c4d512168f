//! What a log store asks of an engine: an ordered map with atomic batches, no more.
//!
//! The log above keeps out of an engine what engines are bad at: a task's many states are not keys,
//! what is old is deleted in order, and nothing but payloads is read back.

use std::{fmt, io, path::Path};

use super::LogEngine;
use crate::StoreError;

/// What to do about damage.
pub(super) const ADVICE: &str = "stop the hub, keep a copy of the folder, and put back the last \
     copy of it that was good; nothing was changed";

/// A key and what stands there.
pub(super) type Value = (Vec<u8>, Vec<u8>);

/// See [`Engine::scan`].
pub(super) type Scan<'a> = Box<dyn Iterator<Item = Result<Value, StoreError>> + 'a>;

/// An open folder of an engine. After an error nothing of it is used but [`Engine::close`].
pub(super) trait Engine: fmt::Debug + Send + Sync {
    /// The folder.
    fn path(&self) -> &Path;

    /// Makes the writes, together or not at all. They are not durable before [`Engine::sync`].
    fn apply(&self, writes: Writes) -> Result<(), StoreError>;

    /// Makes durable what was written, against a power cut too.
    fn sync(&self) -> Result<(), StoreError>;

    /// A value of which the length is known; nothing if it, or a part of it, is not there.
    fn get(&self, key: &[u8], len: usize) -> Result<Option<Vec<u8>>, StoreError>;

    /// All values under keys that begin so, in their order.
    fn scan(&self, prefix: &[u8]) -> Scan<'_>;

    /// Closes it, and returns when it can be opened again. An engine that has failed may fail at
    /// that as well: no news, so it is logged and no more.
    fn close(self: Box<Self>);
}

/// Opens the folder with this engine, or makes it.
pub(super) fn open(
    engine: LogEngine,
    path: &Path,
    cache_bytes: u64,
) -> Result<Box<dyn Engine>, StoreError> {
    match engine {
        LogEngine::Sled => Ok(Box::new(super::sled_engine::SledEngine::open(
            path,
            cache_bytes,
        )?)),
    }
}

/// Writes that are made together or not at all.
#[derive(Debug, Default)]
pub(super) struct Writes(Vec<Write>);

/// One of them.
#[derive(Debug)]
pub(super) enum Write {
    /// A value of any length.
    Put(Vec<u8>, Vec<u8>),
    /// The end of a value that has this many bytes.
    Remove(Vec<u8>, usize),
}

impl Writes {
    /// Puts a value of any length. A longer value that stood there must be removed first.
    pub(super) fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.0.push(Write::Put(key.to_vec(), value));
    }

    /// Removes a value that has this many bytes.
    pub(super) fn remove(&mut self, key: &[u8], len: usize) {
        self.0.push(Write::Remove(key.to_vec(), len));
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

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    let source = io::Error::new(source.kind(), format!("{}: {source}", path.display()));
    StoreError::Io { action, source }
}
