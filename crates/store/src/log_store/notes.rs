//! What is kept of a pool beside its tasks: under keys of its own, and in memory whole. There is
//! little of it, and it changes rarely.

use std::collections::BTreeMap;

use leasehold_core::{Note, NoteName, PoolId};

use super::{
    damage,
    engine::{Engine, Writes},
    index::PoolLog,
    keys,
};
use crate::{
    StoreError,
    record::{self, PoolRecord, Sealed},
};

/// Notes of a pool, each with the bytes that it has as it is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    notes: BTreeMap<NoteName, (Note, usize)>,
    /// Whether there ever were any, which the pool's record says for ever.
    ever: bool,
    /// How many there must be by the pool's record, while the store is being read.
    expected: usize,
}

impl Notes {
    /// Of a pool whose record says that there are so many.
    pub(super) fn expecting(count: Option<u32>) -> Self {
        Self {
            notes: BTreeMap::new(),
            ever: count.is_some(),
            expected: count.unwrap_or(0) as usize,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Note> {
        self.notes.values().map(|(note, _)| note.clone()).collect()
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.notes.values().map(|(_, bytes)| *bytes as u64).sum()
    }

    /// What the pool's record is to say.
    pub(super) fn count(&self) -> Option<u32> {
        let count = u32::try_from(self.notes.len()).expect("notes are few");
        self.ever.then_some(count)
    }
}

/// Puts a note in place of the one of this name, or takes that away, with what the pool's record
/// says of it. Nothing if the note is longer than any may be.
pub(super) fn write(
    id: PoolId,
    log: &mut PoolLog,
    name: &NoteName,
    body: Option<&Note>,
    writes: &mut Writes,
) -> Option<()> {
    let key = keys::note(id, name);
    let value = match body {
        Some(note) => Some((note.clone(), record::seal_note(&key, note)?)),
        None => None,
    };
    if let Some((_, bytes)) = log.notes.notes.remove(name) {
        writes.remove(&key, bytes);
    }
    if let Some((note, value)) = value {
        let kept = (note, value.len());
        log.notes.notes.insert(name.clone(), kept);
        log.notes.ever = true;
        writes.put(&key, value);
    }
    write_pool(id, log, writes);
    Some(())
}

/// Puts the pool's record.
pub(super) fn write_pool(id: PoolId, log: &PoolLog, writes: &mut Writes) {
    let pool = PoolRecord {
        name: log.name.clone(),
        epoch: log.epoch,
    };
    let key = keys::pool(id);
    writes.put(&key, record::seal_pool(&key, &pool, log.notes.count()));
}

/// Puts all notes of a pool where none of them stands.
pub(super) fn copy(id: PoolId, log: &PoolLog, writes: &mut Writes) {
    for (name, (note, _)) in &log.notes.notes {
        let key = keys::note(id, name);
        let value = record::seal_note(&key, note).expect("it was short enough before");
        writes.put(&key, value);
    }
}

/// Reads the notes of all pools.
pub(super) fn load(
    engine: &dyn Engine,
    pools: &mut BTreeMap<PoolId, PoolLog>,
) -> Result<(), StoreError> {
    let values = engine.values();
    let folder = values.display();
    for value in engine.scan(keys::NOTES) {
        let (key, value) = value?;
        let what = || format!("the note at key {key:02x?} in {folder}");
        let note = Sealed::open(&key, &value).and_then(|sealed| sealed.note());
        let note = note.map_err(|error| damage::unreadable(what(), &error))?;
        let id = keys::parse_note(&key).filter(|id| keys::note(*id, &note.name()) == key);
        let id = id.ok_or_else(|| damage::damaged(what(), "its key is not its own"))?;
        let log = pools.get_mut(&id);
        let log =
            log.ok_or_else(|| damage::damaged(what(), "it is of a pool that is not there"))?;
        log.notes.notes.insert(note.name(), (note, value.len()));
    }
    for log in pools.values() {
        let (found, expected) = (log.notes.notes.len(), log.notes.expected);
        if found != expected {
            let what = format!("pool {} in {folder}", log.name);
            let why = format!("it has {expected} notes, and {found} are there");
            return Err(damage::damaged(what, why));
        }
    }
    Ok(())
}
