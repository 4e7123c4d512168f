//! What is in the journal and not yet in the engine.

use std::collections::{BTreeMap, HashMap, VecDeque, hash_map};

use bytes::Bytes;

use leasehold_core::PoolId;

use super::{
    super::{
        engine::{Settled, Writes},
        fold, keys,
    },
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
    /// Log records that the engine has, as who reads them is yet to be told.
    settled: Vec<Settled>,
    /// Where these were, with the record that said so, which they are read from until then.
    replaced: Vec<(Key, u64)>,
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
    /// Log records in it.
    settled: Vec<Settled>,
    /// The newest record that is covered when it is there.
    pub(super) upto: u64,
    /// The newest record that there is: what it removed is not here.
    pub(super) newest: u64,
    /// Bytes of values, before they are folded.
    bytes: usize,
}

#[derive(Debug)]
struct Part {
    key: Key,
    seq: u64,
    below: u32,
    value: Option<Bytes>,
    /// Whether it is said by a later part, and nothing is written.
    is_said_later: bool,
}

/// How much may go to the engine together.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkBounds {
    /// The newest record.
    pub(super) upto: u64,
    /// Bytes of values in the chunk; the last record of it may exceed them.
    pub(super) bytes: usize,
    /// Writes that are looked at in one go.
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

    /// Begins to take what has to go to the engine next, the oldest records.
    pub(super) fn begin(&self) -> Chunk {
        Chunk {
            upto: self.covered,
            ..Chunk::default()
        }
    }

    /// Takes more of the records into a chunk; returns whether there is still more to take. What is
    /// in it stays here until [`Overlay::cover`].
    pub(super) fn take(&mut self, chunk: &mut Chunk, bounds: ChunkBounds) -> bool {
        // What a later record says is left out, so that one must be there.
        chunk.newest = self.newest();
        let taken = self
            .records
            .partition_point(|record| record.head.seq <= chunk.upto);
        let mut writes = 0;
        for record in self.records.range(taken..) {
            let seq = record.head.seq;
            if seq > bounds.upto || chunk.bytes >= bounds.bytes {
                return false;
            }
            if writes >= bounds.writes {
                return true;
            }
            for (key, op) in record.ops() {
                writes += 1;
                let entry = self.entries.get_mut(&key);
                let part = entry.and_then(|entry| entry.part(key, seq, &op));
                chunk.bytes += part.as_ref().map_or(0, Part::bytes);
                chunk.parts.extend(part);
            }
            chunk.upto = seq;
        }
        false
    }

    /// Forgets what the engine has now, but log records, of which it has to be told first. Returns
    /// what is no longer needed, to be dropped where nobody waits.
    pub(super) fn cover(&mut self, chunk: &Chunk) -> Vec<Record> {
        for part in &chunk.parts {
            if part.log_record().is_some() {
                self.replaced.push((part.key, part.seq));
            } else {
                self.forget(part.key, part.seq);
            }
        }
        self.settled.extend_from_slice(&chunk.settled);
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

    /// Takes note of log records that came to the engine past the journal.
    pub(super) fn note(&mut self, writes: &Writes) {
        let records = writes.puts().filter_map(|(key, value)| {
            let (pool, seq) = keys::parse_record(key)?;
            Some(Settled::alone(pool, seq, value.len()))
        });
        self.settled.extend(records);
    }

    /// Where log records stand now in the engine: from here on that is where they are read.
    pub(super) fn settled(&mut self) -> Vec<Settled> {
        for (key, seq) in std::mem::take(&mut self.replaced) {
            self.forget(key, seq);
        }
        std::mem::take(&mut self.settled)
    }

    fn forget(&mut self, key: Key, seq: u64) {
        if let hash_map::Entry::Occupied(entry) = self.entries.entry(key)
            && entry.get().seq == seq
        {
            entry.remove();
        }
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
                is_said_later: false,
            });
        }
        // A later record says what stands there, and may be all that is replayed one day: by then
        // what it took the place of must be gone.
        (matches!(op, Op::Remove(_)) && self.below > 0).then(|| Part {
            key,
            seq,
            below: self.below,
            value: None,
            is_said_later: false,
        })
    }
}

impl Part {
    fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }

    /// The log record that it puts.
    fn log_record(&self) -> Option<(PoolId, u64)> {
        self.value.as_ref()?;
        keys::parse_record(self.key.as_slice())
    }
}

impl Chunk {
    /// Only a mark.
    pub(super) fn nothing(upto: u64) -> Self {
        Self {
            upto,
            newest: upto,
            ..Self::default()
        }
    }

    /// Leaves out of its log records what later ones of them end.
    pub(super) fn fold(&mut self) {
        let mut records: BTreeMap<PoolId, Vec<(usize, fold::Sent)>> = BTreeMap::new();
        for (at, part) in self.parts.iter().enumerate() {
            if let Some(((pool, seq), value)) = part.log_record().zip(part.value.clone()) {
                records.entry(pool).or_default().push((at, (seq, value)));
            }
        }
        for (pool, records) in records {
            let (places, records): (Vec<_>, Vec<_>) = records.into_iter().unzip();
            match fold::fold(pool, &records) {
                Some(joined) => self.replace(pool, &places, joined),
                None => self.settled.extend(
                    records
                        .iter()
                        .map(|(seq, value)| Settled::alone(pool, *seq, value.len())),
                ),
            }
        }
    }

    /// Replaces the values of log records, of which the places among the parts are given in order.
    fn replace(&mut self, pool: PoolId, mut places: &[usize], joined: Vec<fold::Joined>) {
        for fold::Joined { first, last, value } in joined {
            let count = usize::try_from(last - first + 1).expect("they are in memory");
            let (run, rest) = places.split_at(count);
            places = rest;
            for place in run {
                self.parts[*place].is_said_later = true;
            }
            let part = &mut self.parts[run[count - 1]];
            part.is_said_later = false;
            if let Some(value) = value {
                part.value = Some(value.into());
            }
            let bytes = part.bytes();
            self.settled.push(Settled {
                pool,
                first,
                last,
                bytes,
            });
        }
    }

    /// Whether there is nothing to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What is to be written.
    pub(super) fn writes(&self) -> Writes {
        let mut writes = Writes::default();
        for part in self.parts.iter().filter(|part| !part.is_said_later) {
            if part.below as usize > part.bytes() {
                writes.remove(part.key.as_slice(), part.below as usize);
            }
            if let Some(value) = &part.value {
                writes.put(part.key.as_slice(), value.clone());
            }
        }
        writes
    }
}
