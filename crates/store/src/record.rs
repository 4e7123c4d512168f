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
//! | store header, pool, note | bincode |
//! | pool, version 3 | as before, with `[notes u32 LE]` behind it |
//! | log | `[head u64 LE][at u64 LE][epoch u32 LE]`, then entries |
//! | log, versions 2 and 3 | as before, with `[first u64 LE]` before the entries |
//! | blob | the bytes themselves |
//!
//! An entry is `[kind u8][task 16 bytes][length u32 LE][that many bytes]`, so that it can be
//! skipped, or carried over, without being decoded. See [`Entry`] for the kinds.
//!
//! A record is of the least version that can say it, so that a hub that never had what came with a
//! later one can be gone back to. Version 2 is of log records that stand for several
//! ([`LogHead::first`]). Version 3 is of those that hold states with extras ([`StateBytes`]), whether
//! they stand for several or not, when `first` is 0; and of notes, and of pools that have notes.
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

use std::sync::Arc;

use leasehold_core::{AttemptEnding, Death, Epoch, Extras, State, Task, TaskId, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(crate) use self::copies::{PoolSum, seal_sums};
pub(crate) use self::pools::{PoolRecord, seal_note, seal_pool};
use crate::Blob;

mod copies;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod plain;
mod pools;
#[cfg(test)]
mod tests;

/// The newest version that is written.
pub(crate) const VERSION: u8 = EXTRAS;

/// Of all but log records that stand for several.
const PLAIN: u8 = 1;

/// Of a log record that stands for several.
const JOINED: u8 = 2;

/// Of a log record with states that have extras.
const EXTRAS: u8 = 3;

/// The versions that can be read, for people.
pub(crate) const READABLE: &str = "1 to 3";

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

/// Where the entries of a draft begin.
const ENTRIES_AT: usize = SEAL_BYTES + LOG_HEAD_BYTES;

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
    /// The whole state.
    State(StateBytes<'a>),
    /// The whole state of a task that has completed: its payload is no longer kept. A completion that
    /// was written before there was this kind is a [`What::State`], and keeps it.
    Completed(StateBytes<'a>),
    /// The payload or result.
    Inline(Blob, &'a [u8]),
    /// There is a payload or result of this many bytes, under a key of its own.
    Apart(Blob, u32),
    /// It is remembered no longer.
    Forget,
}

/// A state as it is stored: the task in bincode, and behind it the list of its extras, if it has
/// any. They are told apart by the kind of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateBytes<'a> {
    /// All of it.
    pub(crate) bytes: &'a [u8],
    /// Whether extras stand behind the task.
    pub(crate) has_extras: bool,
}

impl<'a> StateBytes<'a> {
    /// Of a task without extras.
    const fn plain(bytes: &'a [u8]) -> Self {
        let has_extras = false;
        Self { bytes, has_extras }
    }

    /// Of a task with extras.
    const fn with_extras(bytes: &'a [u8]) -> Self {
        let has_extras = true;
        Self { bytes, has_extras }
    }
}

/// A log record in the making.
#[derive(Debug)]
pub(crate) struct LogDraft {
    bytes: Vec<u8>,
    /// Where the first and the last state with extras are.
    extras: Option<(usize, usize)>,
}

impl LogDraft {
    /// An empty one, with room for so many bytes.
    #[must_use]
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(bytes);
        buffer.resize(ENTRIES_AT, 0);
        Self {
            bytes: buffer,
            extras: None,
        }
    }

    /// Bytes that it will have, sealed.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == ENTRIES_AT
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: &Entry<'_>) {
        match entry.what {
            What::State(state) => self.push_state([0, 7], entry.task, state),
            What::Inline(Blob::Payload, bytes) => self.push_bytes(1, entry.task, bytes),
            What::Inline(Blob::Result, bytes) => self.push_bytes(2, entry.task, bytes),
            What::Apart(Blob::Payload, len) => self.push_bytes(3, entry.task, &len.to_le_bytes()),
            What::Apart(Blob::Result, len) => self.push_bytes(4, entry.task, &len.to_le_bytes()),
            What::Forget => self.push_bytes(5, entry.task, &[]),
            What::Completed(state) => self.push_state([6, 8], entry.task, state),
        }
    }

    /// Adds the entry of a task's state and returns the length of the state in bytes, or nothing,
    /// if it is longer than could be read back.
    pub(crate) fn push_task(&mut self, task: &Task) -> Option<usize> {
        let (start, before) = (self.bytes.len(), self.extras);
        let has_extras = task.extras.is_some() || is_told_by_extras(task);
        let keeps_payload = Blob::Payload.is_kept_by(task.state.kind());
        let kinds = if keeps_payload { [0, 7] } else { [6, 8] };
        self.push_head(kinds[usize::from(has_extras)], task.id, 0);
        let body = start + ENTRY_HEAD_BYTES;
        plain::put_task(task, &mut self.bytes);
        if has_extras {
            encode(
                task.extras.as_deref().unwrap_or(&Extras::default()),
                &mut self.bytes,
            );
            self.note_extras(start);
        }
        let len = self.bytes.len() - body;
        if len > DECODE_BYTES_MAX {
            self.bytes.truncate(start);
            self.extras = before;
            return None;
        }
        self.bytes[body - 4..body].copy_from_slice(&length(len));
        Some(len)
    }

    /// Moves the entries from this offset on to an empty draft.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        let mut rest = Self::with_capacity(self.bytes.capacity());
        rest.bytes.extend_from_slice(&self.bytes[at..]);
        self.bytes.truncate(at);
        if let Some((first, last)) = self.extras {
            // Where in between is nobody's business: it is asked whether there are any.
            rest.extras = (last >= at).then(|| (ENTRIES_AT, ENTRIES_AT + last - at));
            self.extras = (first < at).then_some((first, last.min(at)));
        }
        rest
    }

    /// The record as it is stored under this key.
    #[must_use]
    pub(crate) fn seal(mut self, key: &[u8], head: &LogHead) -> Vec<u8> {
        let place = &mut self.bytes[SEAL_BYTES..ENTRIES_AT];
        place[..8].copy_from_slice(&head.head.to_le_bytes());
        place[8..16].copy_from_slice(&head.at.as_millis().to_le_bytes());
        place[16..].copy_from_slice(&head.epoch.0.to_le_bytes());
        let version = match (self.extras, head.first) {
            (Some(_), _) => EXTRAS,
            (None, Some(_)) => JOINED,
            (None, None) => return close(key, PLAIN, self.bytes),
        };
        let first = head.first.unwrap_or(0).to_le_bytes();
        self.bytes.splice(ENTRIES_AT..ENTRIES_AT, first);
        close(key, version, self.bytes)
    }

    fn push_state(&mut self, kinds: [u8; 2], task: TaskId, state: StateBytes<'_>) {
        if state.has_extras {
            self.note_extras(self.bytes.len());
        }
        self.push_bytes(kinds[usize::from(state.has_extras)], task, state.bytes);
    }

    fn note_extras(&mut self, at: usize) {
        let (first, _) = self.extras.unwrap_or((at, at));
        self.extras = Some((first, at));
    }

    fn push_bytes(&mut self, kind: u8, task: TaskId, bytes: &[u8]) {
        self.push_head(kind, task, bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn push_head(&mut self, kind: u8, task: TaskId, len: usize) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(task.as_bytes());
        self.bytes.extend_from_slice(&length(len));
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
        if self.version >= JOINED {
            let first = u64::from_le_bytes(take(&mut rest)?);
            head.first = (self.version == JOINED || first > 0).then_some(first);
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
    let mut value = vec![0; SEAL_BYTES];
    encode(header, &mut value);
    close(key, PLAIN, value)
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
pub(crate) fn decode_task(state: StateBytes<'_>) -> Result<Task, Unreadable> {
    if !state.has_extras {
        return decode(state.bytes);
    }
    let (mut task, extras) = decode_first::<Task>(state.bytes)?;
    task.extras = Some(Arc::new(decode(extras)?));
    Ok(task)
}

/// Whether a state says what was not there before there were extras: then a hub of that time must
/// not read it, and an empty list says so.
fn is_told_by_extras(task: &Task) -> bool {
    let is_new_death = |cause| match cause {
        Death::AttemptsSpent | Death::LostTooOften | Death::InterruptedTooOften => false,
        Death::Expired | Death::Hopeless | Death::ParentGone => true,
    };
    matches!(task.state, State::Dead { cause, .. } if is_new_death(cause))
        || (task.history.iter()).any(|attempt| attempt.ending == AttemptEnding::Overran)
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
        0 => What::State(StateBytes::plain(bytes)),
        1 => What::Inline(Blob::Payload, bytes),
        2 => What::Inline(Blob::Result, bytes),
        3 => What::Apart(Blob::Payload, apart(bytes)?),
        4 => What::Apart(Blob::Result, apart(bytes)?),
        5 => What::Forget,
        6 => What::Completed(StateBytes::plain(bytes)),
        7 => What::State(StateBytes::with_extras(bytes)),
        8 => What::Completed(StateBytes::with_extras(bytes)),
        _ => return Err(Unreadable::Damaged("an entry is of no known kind")),
    };
    Ok(Entry { task, what })
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

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    match decode_first(bytes)? {
        (value, []) => Ok(value),
        (_, _) => Err(Unreadable::Damaged("it is longer than what it says")),
    }
}

fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), Unreadable> {
    decode_within::<T, { 2 * DECODE_BYTES_MAX }>(bytes)
}

/// What the bytes begin with, and those behind it. The limit keeps a length out of damaged bytes
/// from being allocated.
fn decode_within<T: DeserializeOwned, const LIMIT: usize>(
    bytes: &[u8],
) -> Result<(T, &[u8]), Unreadable> {
    let config = bincode::config::standard().with_limit::<LIMIT>();
    let (value, consumed) = bincode::serde::decode_from_slice(bytes, config)
        .map_err(|_| Unreadable::Damaged("it does not decode"))?;
    Ok((value, &bytes[consumed..]))
}
