//! What is kept in memory of a pool's log: where everything live stands.

use std::collections::{HashMap, HashSet, VecDeque};

use leasehold_core::{Epoch, PoolName, TaskId, Timestamp};

use crate::{
    Blob,
    record::{ENTRY_HEAD_BYTES, Entry, PoolRecord, What},
};

/// The longest payload or result that stands in the log itself, in bytes. A longer one would be
/// carried over and over; it has a key of its own.
pub(super) const INLINE_BYTES_MAX: usize = 4 * 1024;

/// Tasks for which a pool keeps room, however few it has.
const SPARE_SLOTS: usize = 1024;

/// A pool's log.
#[derive(Debug)]
pub(super) struct PoolLog {
    pub(super) name: PoolName,
    pub(super) epoch: Epoch,
    /// Whether its owner opened it since the store was opened.
    pub(super) opened: bool,
    /// The newest time in it.
    pub(super) at: Timestamp,
    /// The sequence of the oldest record that stands.
    head: u64,
    /// From the oldest on.
    records: VecDeque<Weight>,
    tasks: HashMap<TaskId, Slot>,
    log_bytes: u64,
    live_bytes: u64,
    apart_bytes: u64,
}

/// A record's bytes, and how many of them are live.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    bytes: u32,
    live: u32,
}

/// Where the newest of a task's things stand: 24 bytes a task.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    state: Place,
    payload: Place,
    result: Place,
}

/// A record's sequence, and a length in bytes.
///
/// At two thousand records a second the 41 bits of the sequence last for 34 years, and a rewrite
/// begins again at 1. No sequence is 0, so that 0 means nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place(u64);

const LEN_BITS: u32 = 23;

impl Place {
    const NOWHERE: Self = Self(0);

    fn new(seq: u64, len: usize) -> Self {
        assert!(
            seq >> (64 - LEN_BITS) == 0,
            "the log has run out of sequence numbers"
        );
        assert!(len >> LEN_BITS == 0, "a blob is longer than 8 MiB");
        Self(seq << LEN_BITS | len as u64)
    }

    fn seq(self) -> u64 {
        self.0 >> LEN_BITS
    }

    fn len(self) -> usize {
        usize::try_from(self.0 & ((1 << LEN_BITS) - 1)).expect("23 bits fit")
    }
}

/// Where a payload or result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// In this log record.
    Inline(u64),
    /// Under its own key, with this length in bytes.
    Apart(usize),
}

impl PoolLog {
    pub(super) fn new(pool: PoolRecord) -> Self {
        Self {
            name: pool.name,
            epoch: pool.epoch,
            opened: false,
            at: Timestamp::default(),
            head: 1,
            records: VecDeque::new(),
            tasks: HashMap::new(),
            log_bytes: 0,
            live_bytes: 0,
            apart_bytes: 0,
        }
    }

    /// The sequence of the oldest record.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The sequence of the next record.
    pub(super) fn next(&self) -> u64 {
        self.head + self.records.len() as u64
    }

    /// Says where the oldest record is, before any was added.
    pub(super) fn begin_at(&mut self, head: u64) {
        debug_assert!(self.records.is_empty(), "a log begins once");
        self.head = head;
    }

    /// Adds the next record, of a length still unknown.
    pub(super) fn add_record(&mut self) -> u64 {
        self.records.push_back(Weight::default());
        self.next() - 1
    }

    /// Says how long a record is, in bytes.
    pub(super) fn weigh_record(&mut self, seq: u64, bytes: usize) {
        self.log_bytes += bytes as u64;
        self.weight(seq).bytes = u32::try_from(bytes).expect("a record is short");
    }

    /// Takes the oldest record away and returns its bytes. Nothing in it may be live.
    pub(super) fn drop_oldest(&mut self) -> usize {
        let Some(oldest) = self.records.pop_front() else {
            return 0;
        };
        debug_assert_eq!(oldest.live, 0, "what is live is carried over first");
        self.head += 1;
        self.log_bytes -= u64::from(oldest.bytes);
        oldest.bytes as usize
    }

    /// Bytes of a record, as it is stored.
    pub(super) fn record_bytes(&self, seq: u64) -> usize {
        let weight = seq
            .checked_sub(self.head)
            .and_then(|offset| self.records.get(usize::try_from(offset).ok()?));
        weight.map_or(0, |weight| weight.bytes as usize)
    }

    /// Live bytes of the oldest record.
    pub(super) fn oldest_live(&self) -> usize {
        self.records
            .front()
            .map_or(0, |oldest| oldest.live as usize)
    }

    /// Bytes of all records.
    pub(super) fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Bytes of what is live in the records.
    pub(super) fn live_log_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Bytes of all that is live.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes + self.apart_bytes
    }

    /// Tasks in it.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// A task of which there is a payload or result but no state, which never is.
    pub(super) fn orphan(&self) -> Option<TaskId> {
        let orphan = |slot: &Slot| slot.state == Place::NOWHERE;
        self.tasks
            .iter()
            .find(|(_, slot)| orphan(slot))
            .map(|(id, _)| *id)
    }

    /// Takes note of an entry in a record. What stood apart and is no longer needed goes to
    /// `gone`, with its length in bytes.
    pub(super) fn note(
        &mut self,
        seq: u64,
        entry: &Entry<'_>,
        gone: &mut impl FnMut(TaskId, Blob, usize),
    ) {
        match entry.what {
            What::State(state) => self.note_state(seq, entry.task, state.len()),
            What::Inline(kind, bytes) => {
                self.note_blob(seq, entry.task, kind, bytes.len(), gone);
            }
            What::Apart(kind, len) => self.note_blob(seq, entry.task, kind, len as usize, gone),
            What::Forget => self.note_forget(entry.task, gone),
        }
    }

    /// Takes note of a state of so many bytes.
    pub(super) fn note_state(&mut self, seq: u64, task: TaskId, len: usize) {
        let place = Place::new(seq, len);
        let old = std::mem::replace(&mut self.tasks.entry(task).or_default().state, place);
        self.count(place, ENTRY_HEAD_BYTES + len);
        self.discount(old, ENTRY_HEAD_BYTES + old.len());
    }

    fn note_blob(
        &mut self,
        seq: u64,
        task: TaskId,
        kind: Blob,
        len: usize,
        gone: &mut impl FnMut(TaskId, Blob, usize),
    ) {
        let place = Place::new(seq, len);
        let slot = self.tasks.entry(task).or_default();
        let old = std::mem::replace(slot.blob_mut(kind), place);
        self.count(place, blob_entry_bytes(len));
        self.apart_bytes += apart_bytes(place).unwrap_or(0) as u64;
        self.retire_blob(old, |len| gone(task, kind, len));
    }

    fn note_forget(&mut self, task: TaskId, gone: &mut impl FnMut(TaskId, Blob, usize)) {
        let Some(slot) = self.tasks.remove(&task) else {
            return;
        };
        self.discount(slot.state, ENTRY_HEAD_BYTES + slot.state.len());
        self.retire_blob(slot.payload, |len| gone(task, Blob::Payload, len));
        self.retire_blob(slot.result, |len| gone(task, Blob::Result, len));
        self.shrink();
    }

    /// Gives memory back after a peak.
    fn shrink(&mut self) {
        if self.tasks.capacity() / 8 > self.tasks.len() + SPARE_SLOTS {
            self.tasks.shrink_to(2 * self.tasks.len());
        }
    }

    fn retire_blob(&mut self, old: Place, gone: impl FnOnce(usize)) {
        self.discount(old, blob_entry_bytes(old.len()));
        if let Some(len) = apart_bytes(old) {
            self.apart_bytes -= len as u64;
            gone(len);
        }
    }

    fn count(&mut self, place: Place, bytes: usize) {
        self.live_bytes += bytes as u64;
        self.weight(place.seq()).live += u32::try_from(bytes).expect("an entry is short");
    }

    fn discount(&mut self, place: Place, bytes: usize) {
        if place == Place::NOWHERE {
            return;
        }
        self.live_bytes -= bytes as u64;
        self.weight(place.seq()).live -= u32::try_from(bytes).expect("an entry is short");
    }

    fn weight(&mut self, seq: u64) -> &mut Weight {
        let offset = usize::try_from(seq - self.head).expect("records fit into memory");
        &mut self.records[offset]
    }

    /// Where a task's payload or result is.
    pub(super) fn kept(&self, task: TaskId, kind: Blob) -> Option<Kept> {
        let place = self.tasks.get(&task)?.blob(kind);
        match apart_bytes(place) {
            _ if place == Place::NOWHERE => None,
            Some(len) => Some(Kept::Apart(len)),
            None => Some(Kept::Inline(place.seq())),
        }
    }

    /// Those entries of a record that are live, in their order. A record may hold several states of
    /// one task: the last one counts.
    pub(super) fn live<'a>(&self, seq: u64, entries: &[Entry<'a>]) -> Vec<Entry<'a>> {
        let mut seen = HashSet::with_capacity(entries.len());
        let mut live: Vec<_> = entries
            .iter()
            .rev()
            .filter(|entry| self.stands_at(seq, entry) && seen.insert((entry.task, kind(entry))))
            .copied()
            .collect();
        live.reverse();
        live
    }

    fn stands_at(&self, seq: u64, entry: &Entry<'_>) -> bool {
        let Some(slot) = self.tasks.get(&entry.task) else {
            return false;
        };
        let place = match entry.what {
            What::State(_) => slot.state,
            What::Inline(kind, _) | What::Apart(kind, _) => slot.blob(kind),
            What::Forget => return false,
        };
        place != Place::NOWHERE && place.seq() == seq
    }

    /// All that stands apart: task, kind and length in bytes.
    pub(super) fn all_apart(&self) -> impl Iterator<Item = (TaskId, Blob, usize)> {
        self.tasks.iter().flat_map(|(id, slot)| {
            [Blob::Payload, Blob::Result]
                .into_iter()
                .filter_map(|kind| Some((*id, kind, apart_bytes(slot.blob(kind))?)))
        })
    }
}

impl Slot {
    fn blob(&self, kind: Blob) -> Place {
        match kind {
            Blob::Payload => self.payload,
            Blob::Result => self.result,
        }
    }

    fn blob_mut(&mut self, kind: Blob) -> &mut Place {
        match kind {
            Blob::Payload => &mut self.payload,
            Blob::Result => &mut self.result,
        }
    }
}

fn kind(entry: &Entry<'_>) -> Option<Blob> {
    match entry.what {
        What::State(_) | What::Forget => None,
        What::Inline(kind, _) | What::Apart(kind, _) => Some(kind),
    }
}

fn apart_bytes(place: Place) -> Option<usize> {
    Some(place.len()).filter(|len| *len > INLINE_BYTES_MAX)
}

fn blob_entry_bytes(len: usize) -> usize {
    ENTRY_HEAD_BYTES
        + if len > INLINE_BYTES_MAX {
            size_of::<u32>()
        } else {
            len
        }
}
