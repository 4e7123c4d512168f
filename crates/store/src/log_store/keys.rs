//! Where things stand: a space byte, then numbers, the most significant byte first.

use leasehold_core::{NoteName, PoolId, TaskId};

use crate::Blob;

/// The store's header.
pub(super) const HEADER: &[u8] = b"H";

/// The mark of the journal before the engine.
pub(super) const JOURNAL: &[u8] = b"J";

/// All pools.
pub(super) const POOLS: &[u8] = b"P";

/// All notes.
pub(super) const NOTES: &[u8] = b"N";

/// All log records.
pub(super) const LOGS: &[u8] = b"L";

/// All payloads and results that stand apart from the log.
pub(super) const BLOBS: &[u8] = b"B";

/// A pool.
pub(super) fn pool(pool: PoolId) -> [u8; 5] {
    join(b"P", &[&pool.0.to_be_bytes()])
}

/// The log records of a pool.
pub(super) fn log(pool: PoolId) -> [u8; 5] {
    join(b"L", &[&pool.0.to_be_bytes()])
}

/// A log record.
pub(super) fn record(pool: PoolId, seq: u64) -> [u8; 13] {
    join(b"L", &[&pool.0.to_be_bytes(), &seq.to_be_bytes()])
}

/// A payload or result that stands apart from the log.
pub(super) fn blob(pool: PoolId, task: TaskId, kind: Blob) -> [u8; 22] {
    let kind = match kind {
        Blob::Payload => 0,
        Blob::Result => 1,
    };
    join(b"B", &[&pool.0.to_be_bytes(), task.as_bytes(), &[kind]])
}

/// A note: after the pool's number its kind, and of a schedule its name.
pub(super) fn note(pool: PoolId, name: &NoteName) -> Vec<u8> {
    let (kind, name) = match name {
        NoteName::Policy => (0, ""),
        NoteName::Schedule(name) => (1, name.as_str()),
    };
    [NOTES, &pool.0.to_be_bytes(), &[kind], name.as_bytes()].concat()
}

/// The pool of a [`note`] key.
pub(super) fn parse_note(key: &[u8]) -> Option<PoolId> {
    let (pool, _) = key.strip_prefix(NOTES)?.split_first_chunk()?;
    Some(PoolId(u32::from_be_bytes(*pool)))
}

/// The pool of a [`pool`] key.
pub(super) fn parse_pool(key: &[u8]) -> Option<PoolId> {
    let number = key.strip_prefix(POOLS)?;
    Some(PoolId(u32::from_be_bytes(number.try_into().ok()?)))
}

/// The pool and sequence of a [`record`] key.
pub(super) fn parse_record(key: &[u8]) -> Option<(PoolId, u64)> {
    let (pool, seq) = key.strip_prefix(LOGS)?.split_first_chunk()?;
    Some((
        PoolId(u32::from_be_bytes(*pool)),
        u64::from_be_bytes(seq.try_into().ok()?),
    ))
}

/// What a [`blob`] key is of.
pub(super) fn parse_blob(key: &[u8]) -> Option<(PoolId, TaskId, Blob)> {
    let (pool, rest) = key.strip_prefix(BLOBS)?.split_first_chunk()?;
    let (task, kind) = rest.split_first_chunk()?;
    let kind = match kind {
        [0] => Blob::Payload,
        [1] => Blob::Result,
        _ => return None,
    };
    let pool = PoolId(u32::from_be_bytes(*pool));
    Some((pool, TaskId::from_bytes(*task), kind))
}

fn join<const N: usize>(space: &[u8; 1], parts: &[&[u8]]) -> [u8; N] {
    let mut key = [0; N];
    let mut rest = key.as_mut_slice();
    for part in [space.as_slice()].iter().chain(parts) {
        let (place, left) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = left;
    }
    key
}
