//! Bytes <-> what the journal has: segments, records and the mark. See the module above for the
//! layout.

use bytes::Bytes;

use super::super::engine::{Write, Writes};

/// How a segment begins; the last byte is the version of the format.
const SEGMENT_MAGIC: [u8; 4] = *b"LJs\x01";

/// How a record begins; the last byte is the version of the format.
const RECORD_MAGIC: [u8; 4] = *b"LJr\x01";

/// How the mark begins.
const MARK_VERSION: u8 = 1;

/// Where the records of a segment begin: its head has a block for itself.
pub(super) const RECORDS_AT: usize = 4096;

const SEGMENT_HEAD_BYTES: usize = 20;

/// Bytes of a record before its writes.
pub(super) const RECORD_HEAD_BYTES: usize = 40;

/// Records begin at multiples of this.
const ALIGNMENT: usize = 8;

/// Bytes of a write beside key and value.
const WRITE_HEAD_BYTES: usize = 6;

const MARK_BYTES: usize = 29;

const PUT: u8 = 0;
const REMOVE: u8 = 1;

/// What tells one journal from every other: drawn when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nonce(pub(super) u64);

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 23;

/// A short key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    len: u8,
    bytes: [u8; KEY_BYTES_MAX],
}

impl Key {
    /// Nothing if it is too long.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        let len = u8::try_from(key.len()).ok()?;
        Some(Self { len, bytes })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// How a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHead {
    /// Its number: one more than that of the record before, and never given again.
    pub(super) seq: u64,
    /// The newest record that need not be replayed.
    pub(super) covered: u64,
    /// The newest mark that was durable in the engine.
    pub(super) marked: u64,
}

/// A commit, as it stands in the journal.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) head: RecordHead,
    /// All of it.
    bytes: Bytes,
}

/// A write, out of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// A value, which shares the memory of its record.
    Put(Bytes),
    /// The end of a value of so many bytes.
    Remove(u32),
}

/// Writes that are about to be a record.
pub(super) struct Unsealed(Vec<u8>);

impl Unsealed {
    /// Nothing if a key or value is longer than a record can have.
    pub(super) fn new(writes: &Writes) -> Option<Self> {
        let bytes = writes.iter().map(write_bytes).sum::<usize>() + RECORD_HEAD_BYTES;
        let mut buffer = Vec::with_capacity(bytes.next_multiple_of(ALIGNMENT));
        buffer.resize(RECORD_HEAD_BYTES, 0);
        for write in writes.iter() {
            encode(write, &mut buffer)?;
        }
        u32::try_from(buffer.len()).ok()?;
        Some(Self(buffer))
    }

    /// Bytes that it will have.
    pub(super) fn len(&self) -> usize {
        self.0.len().next_multiple_of(ALIGNMENT)
    }

    pub(super) fn seal(self, nonce: Nonce, head: RecordHead) -> Record {
        let Self(mut buffer) = self;
        let body = u32::try_from(buffer.len() - RECORD_HEAD_BYTES).expect("it was measured");
        buffer[..4].copy_from_slice(&RECORD_MAGIC);
        buffer[4..8].copy_from_slice(&body.to_le_bytes());
        buffer[8..16].copy_from_slice(&head.seq.to_le_bytes());
        buffer[16..24].copy_from_slice(&head.covered.to_le_bytes());
        buffer[24..32].copy_from_slice(&head.marked.to_le_bytes());
        let sum = record_sum(nonce, &buffer);
        buffer[36..40].copy_from_slice(&sum.to_le_bytes());
        buffer.resize(buffer.len().next_multiple_of(ALIGNMENT), 0);
        Record {
            head,
            bytes: buffer.into(),
        }
    }
}

impl Record {
    /// All of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The record that begins here, if one does.
    fn read(nonce: Nonce, bytes: &Bytes) -> Option<Self> {
        let head = bytes.get(..RECORD_HEAD_BYTES)?;
        if head[..4] != RECORD_MAGIC {
            return None;
        }
        let body = u32::from_le_bytes(head[4..8].try_into().ok()?);
        let end = RECORD_HEAD_BYTES.checked_add(usize::try_from(body).ok()?)?;
        let sum = u32::from_le_bytes(head[36..40].try_into().ok()?);
        if sum != record_sum(nonce, bytes.get(..end)?) {
            return None;
        }
        let number = |at: usize| Some(u64::from_le_bytes(head[at..at + 8].try_into().ok()?));
        let head = RecordHead {
            seq: number(8)?,
            covered: number(16)?,
            marked: number(24)?,
        };
        let bytes = bytes.slice(..end.next_multiple_of(ALIGNMENT).min(bytes.len()));
        Some(Self { head, bytes }).filter(Self::is_sound)
    }

    /// The writes, in the order in which they were said: the last one of a key counts.
    pub(super) fn ops(&self) -> impl Iterator<Item = (Key, Op)> {
        let end = self.body_end();
        let mut at = RECORD_HEAD_BYTES;
        std::iter::from_fn(move || {
            if at == end {
                return None;
            }
            let (key, op, next) =
                take_op(&self.bytes, at, end).expect("it was looked through, or written here");
            at = next;
            Some((key, op))
        })
    }

    /// What it says of a key, if anything: the value, or that there is none.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let said = self.ops().filter(|(said, _)| said.as_slice() == key);
        said.last().map(|(_, op)| match op {
            Op::Put(value) => Some(value),
            Op::Remove(_) => None,
        })
    }

    /// Whether the body is writes and nothing else. The sum says that it is what was written, and not
    /// by whom.
    fn is_sound(&self) -> bool {
        let end = self.body_end();
        let mut at = RECORD_HEAD_BYTES;
        while let Some((_, _, next)) = take_op(&self.bytes, at, end) {
            at = next;
        }
        at == end
    }

    fn body_end(&self) -> usize {
        let body = u32::from_le_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]]);
        RECORD_HEAD_BYTES + body as usize
    }
}

/// The write that begins here and ends no later than there, if there is one, and where it ends.
fn take_op(record: &Bytes, at: usize, end: usize) -> Option<(Key, Op, usize)> {
    let head = record.get(at..at + WRITE_HEAD_BYTES)?;
    let len = u32::from_le_bytes([head[2], head[3], head[4], head[5]]);
    let key_at = at + WRITE_HEAD_BYTES;
    let value_at = key_at + usize::from(head[1]);
    let key = Key::new(record.get(key_at..value_at)?)?;
    let (op, next) = match head[0] {
        PUT => {
            let next = value_at.checked_add(len as usize)?;
            record.get(value_at..next)?;
            (Op::Put(record.slice(value_at..next)), next)
        }
        REMOVE => (Op::Remove(len), value_at),
        _ => return None,
    };
    (next <= end).then_some((key, op, next))
}

/// The records of a segment, with the place of each, in the order in which they stand: those of its
/// latest use, and what is left of earlier ones.
pub(super) fn records(nonce: Nonce, segment: &Bytes) -> Vec<(usize, Record)> {
    let mut records = Vec::new();
    let mut at = RECORDS_AT;
    while let Some(rest) = segment.get(at..at + RECORD_HEAD_BYTES) {
        let record = (rest[..4] == RECORD_MAGIC)
            .then(|| Record::read(nonce, &segment.slice(at..)))
            .flatten();
        match record {
            Some(record) => {
                let len = record.bytes.len();
                records.push((at, record));
                at += len;
            }
            None => at += ALIGNMENT,
        }
    }
    records
}

/// A segment without records, of so many bytes.
pub(super) fn empty_segment(nonce: Nonce, bytes: u32) -> Vec<u8> {
    let mut segment = vec![0; bytes as usize];
    segment[..4].copy_from_slice(&SEGMENT_MAGIC);
    segment[4..8].copy_from_slice(&bytes.to_le_bytes());
    segment[8..16].copy_from_slice(&nonce.0.to_le_bytes());
    let sum = crc32c::crc32c(&segment[..16]);
    segment[16..SEGMENT_HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
    segment
}

/// The journal that a segment is of; why not, if it does not say.
pub(super) fn segment_nonce(segment: &[u8]) -> Result<Nonce, &'static str> {
    let head = segment.get(..SEGMENT_HEAD_BYTES).ok_or("it is cut short")?;
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if head[..4] != SEGMENT_MAGIC || number(16) != crc32c::crc32c(&head[..16]) {
        return Err("it does not begin as it was written");
    }
    if number(4) as usize != segment.len() {
        return Err("it has another length than it had");
    }
    Ok(Nonce(u64::from(number(8)) | u64::from(number(12)) << 32))
}

/// What stands in the engine, of the journal before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Of the journal that is its own.
    pub(super) nonce: Nonce,
    /// The newest record that is in the engine for sure.
    pub(super) seq: u64,
    /// The newest record that there was: what it removed may never have come to the engine.
    pub(super) newest: u64,
}

impl Mark {
    pub(super) fn to_bytes(self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        bytes[0] = MARK_VERSION;
        bytes[1..9].copy_from_slice(&self.nonce.0.to_le_bytes());
        bytes[9..17].copy_from_slice(&self.seq.to_le_bytes());
        bytes[17..25].copy_from_slice(&self.newest.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..25]);
        bytes[25..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Nothing if it is not what was written.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let mark = Self {
            nonce: Nonce(number(1)?),
            seq: number(9)?,
            newest: number(17)?,
        };
        (mark.to_bytes() == bytes).then_some(mark)
    }
}

/// Bytes that the mark has in the engine.
pub(super) const fn mark_bytes() -> usize {
    MARK_BYTES
}

fn write_bytes(write: &Write) -> usize {
    match write {
        Write::Put(key, value) => WRITE_HEAD_BYTES + key.len() + value.len(),
        Write::Remove(key, _) => WRITE_HEAD_BYTES + key.len(),
    }
}

fn encode(write: &Write, buffer: &mut Vec<u8>) -> Option<()> {
    let (kind, key, len, value) = match write {
        Write::Put(key, value) => (PUT, key, value.len(), &value[..]),
        Write::Remove(key, len) => (REMOVE, key, *len, [].as_slice()),
    };
    buffer.push(kind);
    buffer.push(Key::new(key)?.len);
    buffer.extend_from_slice(&u32::try_from(len).ok()?.to_le_bytes());
    buffer.extend_from_slice(key);
    buffer.extend_from_slice(value);
    Some(())
}

/// Over the journal's nonce, the head but the sum itself, and the body.
fn record_sum(nonce: Nonce, record: &[u8]) -> u32 {
    let sum = crc32c::crc32c(&nonce.0.to_le_bytes());
    let sum = crc32c::crc32c_append(sum, &record[..36]);
    crc32c::crc32c_append(sum, &record[RECORD_HEAD_BYTES..])
}
