//! Bytes <-> records: the only module that names bincode.
//!
//! Whatever is stored is *sealed*: `[version u8][crc32c u32 LE][body]`, the checksum taken over the
//! key, the version and the body. Bincode alone notices one flipped bit in twenty, and a record
//! that stands under another's key not at all.
//!
//! Bodies, by what the key says:
//!
//! | record | body |
//! |---|---|
//! | store header, pool | bincode |
//! | log | `[head u64 LE][at u64 LE][epoch u32 LE]`, then entries |
//! | log, version 2 | as before, with `[first u64 LE]` before the entries |
//! | blob | the bytes themselves |
//!
//! An entry is `[kind u8][task 16 bytes][length u32 LE][that many bytes]`, so that it can be
//! skipped, or carried over, without being decoded. See [`Entry`] for the kinds.
//!
//! Version 2 is only of log records that stand for several ([`LogHead::first`]): what can be said in
//! version 1 is.
//!
//! # To change what is stored
//!
//! 1. Raise `VERSION`, and say in `READABLE` which versions can be read.
//! 2. Keep the old type beside the new one (`TaskV1`), with a `From` to the new one, and let
//!    [`Sealed`] remember the version and choose between them. Nothing old is rewritten at once: the log carries it
//!    over in time, so carried entries must be *re-encoded* while a record of an older version is
//!    among those carried from.
//! 3. Add golden bytes of the new version to `tests/golden`; never touch the old ones.
//! 4. A change that an older hub must not even try to read also raises `folder::FORMAT`.

use leasehold_core::{Epoch, PoolName, Task, TaskId, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Blob;

mod plain;
#[cfg(test)]
mod tests;

/// The newest version that is written.
pub(crate) const VERSION: u8 = JOINED;

/// Of all but log records that stand for several.
const PLAIN: u8 = 1;

/// Of a log record that stands for several.
const JOINED: u8 = 2;

/// The versions that can be read, for people.
pub(crate) const READABLE: &str = "1 and 2";

/// Bytes that a seal adds to a body.
pub(crate) const SEAL_BYTES: usize = 5;

/// Bytes of an entry before its own.
pub(crate) const ENTRY_HEAD_BYTES: usize = 21;

/// The longest bincode that is written or read, in bytes. A task in full, with
/// [`leasehold_core::limits::HISTORY_MAX`] attempts and their reasons, has a third of it.
pub(crate) const DECODE_BYTES_MAX: usize = 32 * 1024;

/// The longest payload or result, in bytes: what the 23 bits of its length in the index hold.
pub(crate) const BLOB_BYTES_MAX: usize = (1 << 23) - 1;

const _: () = assert!(leasehold_core::limits::BLOB_BYTES_MAX <= BLOB_BYTES_MAX);

const LOG_HEAD_BYTES: usize = 20;

/// Why stored bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// They are whole, but of a version that is not known here.
    Version(u8),
    /// They are not what was written.
    Damaged(&'static str),
}

/// What the store is: the first record in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The generation of the folder that it is in.
    pub(crate) generation: u64,
}

/// A pool, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolRecord {
    /// What it is called.
    #[serde(deserialize_with = "PoolName::deserialize_stored")]
    pub(crate) name: PoolName,
    /// Its newest owner's epoch.
    pub(crate) epoch: Epoch,
}

/// How a log record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogHead {
    /// The oldest record of the pool that stood after the commit of this one.
    pub(crate) head: u64,
    /// The hub's time at the commit.
    pub(crate) at: Timestamp,
    /// The owner that committed it.
    pub(crate) epoch: Epoch,
    /// The first record that it stands for, if it stands for all from there to itself.
    pub(crate) first: Option<u64>,
}

/// A part of a log record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The task that it is about.
    pub(crate) task: TaskId,
    /// What it says.
    pub(crate) what: What<'a>,
}

/// What an [`Entry`] says of its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What<'a> {
    /// The whole state, in bincode.
    State(&'a [u8]),
    /// The whole state of a task that has completed, in bincode: its payload is no longer kept. A
    /// completion that was written before there was this kind is a [`What::State`], and keeps it.
    Completed(&'a [u8]),
    /// The payload or result.
    Inline(Blob, &'a [u8]),
    /// There is a payload or result of this many bytes, under a key of its own.
    Apart(Blob, u32),
    /// It is remembered no longer.
    Forget,
}

/// A log record in the making.
#[derive(Debug)]
pub(crate) struct LogDraft(Vec<u8>);

impl LogDraft {
    /// An empty one, with room for so many bytes.
    #[must_use]
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(bytes);
        buffer.resize(SEAL_BYTES + LOG_HEAD_BYTES, 0);
        Self(buffer)
    }

    /// Bytes that it will have, sealed.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == SEAL_BYTES + LOG_HEAD_BYTES
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: &Entry<'_>) {
        match entry.what {
            What::State(state) => self.push_bytes(0, entry.task, state),
            What::Inline(Blob::Payload, bytes) => self.push_bytes(1, entry.task, bytes),
            What::Inline(Blob::Result, bytes) => self.push_bytes(2, entry.task, bytes),
            What::Apart(Blob::Payload, len) => self.push_bytes(3, entry.task, &len.to_le_bytes()),
            What::Apart(Blob::Result, len) => self.push_bytes(4, entry.task, &len.to_le_bytes()),
            What::Forget => self.push_bytes(5, entry.task, &[]),
            What::Completed(state) => self.push_bytes(6, entry.task, state),
        }
    }

    /// Adds the entry of a task's state and returns the length of the state in bytes, or nothing,
    /// if it is longer than could be read back.
    pub(crate) fn push_task(&mut self, task: &Task) -> Option<usize> {
        let start = self.0.len();
        let keeps_payload = Blob::Payload.is_kept_by(task.state.kind());
        self.push_head(if keeps_payload { 0 } else { 6 }, task.id, 0);
        let body = start + ENTRY_HEAD_BYTES;
        plain::put_task(task, &mut self.0);
        let len = self.0.len() - body;
        if len > DECODE_BYTES_MAX {
            self.0.truncate(start);
            return None;
        }
        self.0[body - 4..body].copy_from_slice(&length(len));
        Some(len)
    }

    /// Moves the entries from this offset on to an empty draft.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        let mut rest = Self::with_capacity(self.0.capacity());
        rest.0.extend_from_slice(&self.0[at..]);
        self.0.truncate(at);
        rest
    }

    /// The record as it is stored under this key.
    #[must_use]
    pub(crate) fn seal(mut self, key: &[u8], head: &LogHead) -> Vec<u8> {
        let place = &mut self.0[SEAL_BYTES..SEAL_BYTES + LOG_HEAD_BYTES];
        place[..8].copy_from_slice(&head.head.to_le_bytes());
        place[8..16].copy_from_slice(&head.at.as_millis().to_le_bytes());
        place[16..].copy_from_slice(&head.epoch.0.to_le_bytes());
        let Some(first) = head.first else {
            return close(key, PLAIN, self.0);
        };
        let entries_at = SEAL_BYTES + LOG_HEAD_BYTES;
        self.0.splice(entries_at..entries_at, first.to_le_bytes());
        close(key, JOINED, self.0)
    }

    fn push_bytes(&mut self, kind: u8, task: TaskId, bytes: &[u8]) {
        self.push_head(kind, task, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn push_head(&mut self, kind: u8, task: TaskId, len: usize) {
        self.0.push(kind);
        self.0.extend_from_slice(task.as_bytes());
        self.0.extend_from_slice(&length(len));
    }
}

/// A sealed value that was found whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed<'a> {
    version: u8,
    body: &'a [u8],
}

impl<'a> Sealed<'a> {
    /// Checks a stored value.
    ///
    /// # Errors
    /// When it is not what was written under this key, or of an unknown version.
    pub(crate) fn open(key: &[u8], value: &'a [u8]) -> Result<Self, Unreadable> {
        let Some((seal, body)) = value.split_first_chunk::<SEAL_BYTES>() else {
            return Err(Unreadable::Damaged("it is cut short"));
        };
        let [version, crc @ ..] = *seal;
        if u32::from_le_bytes(crc) != checksum(key, version, body) {
            return Err(Unreadable::Damaged("its checksum does not match"));
        }
        if !(PLAIN..=VERSION).contains(&version) {
            return Err(Unreadable::Version(version));
        }
        Ok(Self { version, body })
    }

    /// The store's header.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn header(&self) -> Result<Header, Unreadable> {
        decode(self.body)
    }

    /// A pool.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn pool(&self) -> Result<PoolRecord, Unreadable> {
        decode(self.body)
    }

    /// A log record, and its entries in the order in which they were pushed.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn log(&self) -> Result<(LogHead, Vec<Entry<'a>>), Unreadable> {
        let mut entries = Vec::with_capacity(self.body.len() / 64);
        let head = self.log_into(&mut entries)?;
        Ok((head, entries))
    }

    /// [`Sealed::log`], with the entries behind those that are there.
    ///
    /// # Errors
    /// When it is none. Some entries may be there then.
    pub(crate) fn log_into(&self, entries: &mut Vec<Entry<'a>>) -> Result<LogHead, Unreadable> {
        let mut rest = self.body;
        let mut head = LogHead {
            head: u64::from_le_bytes(take(&mut rest)?),
            at: Timestamp::from_millis(u64::from_le_bytes(take(&mut rest)?)),
            epoch: Epoch(u32::from_le_bytes(take(&mut rest)?)),
            first: None,
        };
        if self.version == JOINED {
            head.first = Some(u64::from_le_bytes(take(&mut rest)?));
        }
        while !rest.is_empty() {
            entries.push(take_entry(&mut rest)?);
        }
        Ok(head)
    }
}

/// A store's header, as it is stored under this key.
#[must_use]
pub(crate) fn seal_header(key: &[u8], header: &Header) -> Vec<u8> {
    seal_bincode(key, header)
}

/// A pool, as it is stored under this key.
#[must_use]
pub(crate) fn seal_pool(key: &[u8], pool: &PoolRecord) -> Vec<u8> {
    seal_bincode(key, pool)
}

/// A payload or result, as it is stored under this key.
#[must_use]
pub(crate) fn seal_blob(key: &[u8], blob: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(SEAL_BYTES + blob.len());
    value.resize(SEAL_BYTES, 0);
    value.extend_from_slice(blob);
    close(key, PLAIN, value)
}

/// A task out of [`What::State`].
///
/// # Errors
/// When it is none.
pub(crate) fn decode_task(state: &[u8]) -> Result<Task, Unreadable> {
    decode(state)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    let (taken, left) = rest
        .split_first_chunk()
        .ok_or(Unreadable::Damaged("it ends too soon"))?;
    *rest = left;
    Ok(*taken)
}

fn take_entry<'a>(rest: &mut &'a [u8]) -> Result<Entry<'a>, Unreadable> {
    let [kind] = take(rest)?;
    let task = TaskId::from_bytes(take(rest)?);
    let len = u32::from_le_bytes(take(rest)?) as usize;
    let (bytes, left) = rest
        .split_at_checked(len)
        .ok_or(Unreadable::Damaged("an entry ends too soon"))?;
    *rest = left;
    let apart = |mut bytes| take(&mut bytes).map(u32::from_le_bytes);
    let what = match kind {
        0 => What::State(bytes),
        1 => What::Inline(Blob::Payload, bytes),
        2 => What::Inline(Blob::Result, bytes),
        3 => What::Apart(Blob::Payload, apart(bytes)?),
        4 => What::Apart(Blob::Result, apart(bytes)?),
        5 => What::Forget,
        6 => What::Completed(bytes),
        _ => return Err(Unreadable::Damaged("an entry is of no known kind")),
    };
    Ok(Entry { task, what })
}

fn seal_bincode<T: Serialize>(key: &[u8], body: &T) -> Vec<u8> {
    let mut value = vec![0; SEAL_BYTES];
    encode(body, &mut value);
    close(key, PLAIN, value)
}

/// Fills in the seal, for which room was left.
fn close(key: &[u8], version: u8, mut value: Vec<u8>) -> Vec<u8> {
    value[0] = version;
    let crc = checksum(key, version, &value[SEAL_BYTES..]);
    value[1..SEAL_BYTES].copy_from_slice(&crc.to_le_bytes());
    value
}

fn checksum(key: &[u8], version: u8, body: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), &[version]);
    crc32c::crc32c_append(crc, body)
}

fn length(len: usize) -> [u8; 4] {
    u32::try_from(len)
        .expect("an entry is far shorter than 4 GiB")
        .to_le_bytes()
}

fn encode<T: Serialize>(value: &T, to: &mut Vec<u8>) {
    bincode::serde::encode_into_std_write(value, to, bincode::config::standard())
        .expect("a record encodes, and a vector takes it");
}

/// The limit keeps a length out of damaged bytes from being allocated.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    let config = bincode::config::standard().with_limit::<{ 2 * DECODE_BYTES_MAX }>();
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((value, consumed)) if consumed == bytes.len() => Ok(value),
        Ok(_) => Err(Unreadable::Damaged("it is longer than what it says")),
        Err(_) => Err(Unreadable::Damaged("it does not decode")),
    }
}
