//! What is in the journal and not yet in the engine.

use std::collections::{HashMap, VecDeque, hash_map};

use bytes::Bytes;

use super::{
    super::engine::Writes,
    format::{Key, Op, Record},
};

/// What was committed last, over what the engine has.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    entries: HashMap<Key, Entry>,
    /// Those that are not covered, the oldest first.
    records: VecDeque<Record>,
    /// Bytes of those.
    bytes: usize,
    /// The newest record that need not be replayed.
    covered: u64,
}

/// What stands under a key.
#[derive(Debug)]
struct Entry {
    /// The newest record that says so.
    seq: u64,
    /// Nothing if it was removed.
    value: Option<Bytes>,
    /// Bytes of the longest value that the engine may have there.
    below: u32,
    /// Whether it is being written to the engine.
    under_way: bool,
}

/// What goes to the engine together.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    parts: Vec<Part>,
    /// The newest record that is covered when it is there.
    pub(super) upto: u64,
    /// The newest record that there is: what it removed is not here.
    pub(super) newest: u64,
}

#[derive(Debug)]
struct Part {
    key: Key,
    seq: u64,
    below: u32,
    value: Option<Bytes>,
}

/// How much may go to the engine together.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkBounds {
    /// The newest record.
    pub(super) upto: u64,
    /// Bytes of values; the last record of a chunk may exceed them.
    pub(super) bytes: usize,
    /// Writes that are looked at.
    pub(super) writes: usize,
}

impl Overlay {
    pub(super) fn new(covered: u64) -> Self {
        Self {
            covered,
            ..Self::default()
        }
    }

    /// Bytes of the records that are not covered.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The newest record that need not be replayed.
    pub(super) fn covered(&self) -> u64 {
        self.covered
    }

    /// The newest record.
    pub(super) fn newest(&self) -> u64 {
        self.records
            .back()
            .map_or(self.covered, |record| record.head.seq)
    }

    /// The newest record that has to be covered for so many bytes to be left at the most.
    pub(super) fn excess(&self, bytes: usize) -> u64 {
        let mut left = self.bytes;
        let excess = self.records.iter().take_while(|record| {
            let too_many = left > bytes;
            left -= record.bytes().len();
            too_many
        });
        excess.last().map_or(self.covered, |record| record.head.seq)
    }

    /// What stands under a key; nothing if only the engine knows.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let entry = self.entries.get(&Key::new(key)?)?;
        Some(entry.value.clone())
    }

    /// Takes a record, the newest one.
    pub(super) fn insert(&mut self, record: Record) {
        let seq = record.head.seq;
        for (key, op) in record.ops() {
            match op {
                Op::Put(value) => self.put(key, seq, value),
                Op::Remove(len) => self.remove(key, seq, len),
            }
        }
        self.bytes += record.bytes().len();
        self.records.push_back(record);
    }

    fn put(&mut self, key: Key, seq: u64, value: Bytes) {
        let below = self.entries.get(&key).map_or(0, Entry::may_stand_below);
        self.entries.insert(
            key,
            Entry {
                seq,
                value: Some(value),
                below,
                under_way: false,
            },
        );
    }

    /// What never came to the engine is never heard of there.
    fn remove(&mut self, key: Key, seq: u64, len: u32) {
        let removed = |below| Entry {
            seq,
            value: None,
            below,
            under_way: false,
        };
        match self.entries.entry(key) {
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert(removed(len));
            }
            hash_map::Entry::Occupied(mut occupied) => match occupied.get().may_stand_below() {
                0 => {
                    occupied.remove();
                }
                below => {
                    occupied.insert(removed(below));
                }
            },
        }
    }

    /// What of the oldest records has to go to the engine next. It stays here until
    /// [`Overlay::cover`].
    pub(super) fn take(&mut self, bounds: ChunkBounds) -> Chunk {
        let mut chunk = Chunk {
            parts: Vec::new(),
            upto: self.covered,
            newest: self.newest(),
        };
        let (mut bytes, mut writes) = (0, 0);
        for record in &self.records {
            let seq = record.head.seq;
            if seq > bounds.upto || bytes >= bounds.bytes || writes >= bounds.writes {
                break;
            }
            for (key, op) in record.ops() {
                writes += 1;
                let part = self
                    .entries
                    .get_mut(&key)
                    .and_then(|entry| entry.part(key, seq, &op));
                bytes += part.as_ref().map_or(0, Part::bytes);
                chunk.parts.extend(part);
            }
            chunk.upto = seq;
        }
        chunk
    }

    /// Forgets what the engine has now. Returns what is no longer needed, to be dropped where
    /// nobody waits.
    pub(super) fn cover(&mut self, chunk: &Chunk) -> Vec<Record> {
        for part in &chunk.parts {
            if let hash_map::Entry::Occupied(entry) = self.entries.entry(part.key)
                && entry.get().seq == part.seq
            {
                entry.remove();
            }
        }
        let is_covered = |record: &&Record| record.head.seq <= chunk.upto;
        let covered = self.records.iter().take_while(is_covered).count();
        let covered: Vec<_> = self.records.drain(..covered).collect();
        self.bytes -= covered
            .iter()
            .map(|record| record.bytes().len())
            .sum::<usize>();
        self.covered = chunk.upto;
        covered
    }
}

impl Entry {
    /// Bytes of the longest value that the engine may have once what is under way has come there.
    fn may_stand_below(&self) -> u32 {
        let under_way = self.value.as_ref().filter(|_| self.under_way);
        let len = under_way.map_or(0, |value| u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.below.max(len)
    }

    /// What has to be written for an operation of a record.
    fn part(&mut self, key: Key, seq: u64, op: &Op) -> Option<Part> {
        if self.seq == seq {
            let first = !std::mem::replace(&mut self.under_way, true);
            return first.then(|| Part {
                key,
                seq,
                below: self.below,
                value: self.value.clone(),
            });
        }
        // A later record says what stands there, and may be all that is replayed one day: by then
        // what it took the place of must be gone.
        (matches!(op, Op::Remove(_)) && self.below > 0).then(|| Part {
            key,
            seq,
            below: self.below,
            value: None,
        })
    }
}

impl Part {
    fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }
}

impl Chunk {
    /// Only a mark.
    pub(super) fn nothing(upto: u64) -> Self {
        Self {
            parts: Vec::new(),
            upto,
            newest: upto,
        }
    }

    /// Whether there is nothing to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What is to be written.
    pub(super) fn writes(&self) -> Writes {
        let mut writes = Writes::default();
        for part in &self.parts {
            if part.below as usize > part.bytes() {
                writes.remove(part.key.as_slice(), part.below as usize);
            }
            if let Some(value) = &part.value {
                writes.put(part.key.as_slice(), value.to_vec());
            }
        }
        writes
    }
}
