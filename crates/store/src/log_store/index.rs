//! What is kept in memory of a pool's log: where everything live stands.

use std::{collections::VecDeque, hash::Hash};

use hashbrown::{HashMap, HashSet};
use leasehold_core::{Epoch, PoolName, TaskId, Timestamp};

use super::{
    notes::Notes,
    states::States,
    tasks::{Place, Slot, Tasks},
};
use crate::{
    Blob,
    record::{ENTRY_HEAD_BYTES, Entry, PoolRecord, StateBytes, What},
};

/// The longest payload or result that stands in the log itself, in bytes. A longer one would be
/// carried over and over; it has a key of its own.
pub(super) const INLINE_BYTES_MAX: usize = 4 * 1024;

/// A map with room for so many is left as it is, however few it holds.
const SPARE: usize = 1024;

const _: () = assert!(INLINE_BYTES_MAX < u16::MAX as usize - 1);

/// A pool's log.
#[derive(Debug)]
pub(super) struct PoolLog {
    pub(super) name: PoolName,
    pub(super) epoch: Epoch,
    /// Whether its owner opened it since the store was opened.
    pub(super) opened: bool,
    /// The newest time in it.
    pub(super) at: Timestamp,
    pub(super) notes: Notes,
    /// The sequence of the oldest record that stands.
    head: u64,
    /// From the oldest on.
    records: VecDeque<Weight>,
    tasks: Tasks,
    /// Of tasks that have one.
    results: HashMap<TaskId, Place>,
    /// Lengths of what stands apart.
    apart: HashMap<(TaskId, Blob), u32>,
    /// From when the log is read until its pool is opened.
    states: Option<States>,
    log_bytes: u64,
    live_bytes: u64,
    apart_bytes: u64,
    /// The first record of which it is not known that it settled.
    unsettled: u64,
    /// Bytes of those from there on.
    unsettled_bytes: u64,
    /// Bytes of them that are live.
    unsettled_live: u64,
}

/// A record's bytes, and how many of them are live.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    /// Or [`Weight::ELSEWHERE`].
    bytes: u32,
    /// Or how many records further on it stands.
    live: u32,
}

impl Weight {
    /// It stands in a later record.
    const ELSEWHERE: u32 = u32::MAX;

    fn in_one_after(distance: u64) -> Self {
        Self {
            bytes: Self::ELSEWHERE,
            live: u32::try_from(distance).expect("records fit into memory"),
        }
    }

    /// How many records further on it stands.
    fn distance(self) -> u32 {
        if self.bytes == Self::ELSEWHERE {
            self.live
        } else {
            0
        }
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
            notes: Notes::default(),
            head: 1,
            records: VecDeque::new(),
            tasks: Tasks::new(),
            results: HashMap::new(),
            apart: HashMap::new(),
            states: None,
            log_bytes: 0,
            live_bytes: 0,
            apart_bytes: 0,
            unsettled: 1,
            unsettled_bytes: 0,
            unsettled_live: 0,
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
        self.unsettled = head;
    }

    /// Whether the oldest record is, or stands for, this one.
    pub(super) fn begins_with(&self, seq: u64) -> bool {
        (self.head..=self.oldest()).contains(&seq)
    }

    /// The sequence of the record in which the oldest one stands.
    pub(super) fn oldest(&self) -> u64 {
        self.place(self.head)
    }

    /// The sequence of the record in which a record stands.
    pub(super) fn place(&self, seq: u64) -> u64 {
        let weight = self.find(seq).copied().unwrap_or_default();
        seq + u64::from(weight.distance())
    }

    fn find(&self, seq: u64) -> Option<&Weight> {
        let offset = usize::try_from(seq.checked_sub(self.head)?).ok()?;
        self.records.get(offset)
    }

    /// Takes note that records stand in the last of them, in so many bytes. Those that were dropped
    /// meanwhile are no news.
    pub(super) fn settle(&mut self, first: u64, last: u64, bytes: usize) {
        self.unsettled = self.unsettled.max(last + 1);
        let mut settled = Weight::default();
        for seq in first.max(self.head)..=last {
            let moved = Weight::in_one_after(last - seq);
            let weight = std::mem::replace(self.weight(seq), moved);
            self.log_bytes -= u64::from(weight.bytes);
            self.unsettled_bytes -= u64::from(weight.bytes);
            self.unsettled_live -= u64::from(weight.live);
            settled.live += weight.live;
        }
        if last >= self.head {
            settled.bytes = u32::try_from(bytes).expect("a record is short");
            self.log_bytes += bytes as u64;
            *self.weight(last) = settled;
        }
    }

    /// Whether it is known of a record that it settled.
    pub(super) fn has_settled(&self, seq: u64) -> bool {
        seq < self.unsettled
    }

    /// Adds the next record, of a length still unknown.
    pub(super) fn add_record(&mut self) -> u64 {
        self.records.push_back(Weight::default());
        self.next() - 1
    }

    /// Says how long a record is, in bytes.
    pub(super) fn weigh_record(&mut self, seq: u64, bytes: usize) {
        self.log_bytes += bytes as u64;
        self.unsettled_bytes += bytes as u64;
        self.weight(seq).bytes = u32::try_from(bytes).expect("a record is short");
    }

    /// Takes the oldest record away, with all that stand in it, and returns its bytes. Nothing in
    /// it may be live.
    pub(super) fn drop_oldest(&mut self) -> usize {
        let seq = self.oldest();
        let oldest = self.find(seq).copied().unwrap_or_default();
        debug_assert_eq!(oldest.live, 0, "what is live is carried over first");
        let dropped = usize::try_from(seq - self.head + 1).expect("records fit into memory");
        self.records.drain(..dropped.min(self.records.len()));
        self.head = seq + 1;
        self.log_bytes -= u64::from(oldest.bytes);
        if seq >= self.unsettled {
            self.unsettled_bytes -= u64::from(oldest.bytes);
        }
        oldest.bytes as usize
    }

    /// Bytes of a record in which some stand, as it is stored.
    pub(super) fn record_bytes(&self, seq: u64) -> usize {
        self.find(seq).map_or(0, |weight| weight.bytes as usize)
    }

    /// Live bytes of the oldest record.
    pub(super) fn oldest_live(&self) -> usize {
        let oldest = self.find(self.oldest());
        oldest.map_or(0, |oldest| oldest.live as usize)
    }

    /// Bytes of all records.
    pub(super) fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Bytes of all records when those that are on their way have settled, without what is not live
    /// in them.
    pub(super) fn folded_bytes(&self) -> u64 {
        self.log_bytes - self.unsettled_bytes + self.unsettled_live
    }

    /// Bytes of what is live in the records.
    pub(super) fn live_log_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Bytes of all that is live.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes + self.apart_bytes + self.notes.bytes()
    }

    /// Tasks in it.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Keeps the newest states of tasks from now on, as long as no task is there yet.
    pub(super) fn keep_states(&mut self) {
        self.states = Some(States::default());
    }

    /// The newest states of tasks, if they were kept; they are no longer.
    pub(super) fn take_states(&mut self) -> Option<States> {
        self.states.take()
    }

    /// The number of a task, if its state in this record is the newest.
    pub(super) fn newest_in(&self, seq: u64, task: TaskId) -> Option<u32> {
        let (number, slot) = self.tasks.find(task)?;
        let (record, _) = slot.state.get()?;
        (self.seq(record) == seq).then_some(number)
    }

    /// A task of which there is a payload or result but no state, which never is.
    pub(super) fn orphan(&self) -> Option<TaskId> {
        let orphan = |slot: &&Slot| slot.state == Place::NOWHERE;
        self.tasks.iter().find(orphan).map(|slot| slot.id)
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
            What::State(state) => self.note_whole_state(seq, entry.task, state),
            What::Completed(state) => {
                self.note_whole_state(seq, entry.task, state);
                self.note_no_payload(entry.task, gone);
            }
            What::Inline(kind, bytes) => {
                let place = Place::new(low(seq), bytes.len());
                self.note_blob(entry.task, kind, place, bytes.len(), gone);
            }
            What::Apart(kind, len) => {
                self.note_blob(entry.task, kind, Place::apart(low(seq)), len as usize, gone);
            }
            What::Forget => self.note_forget(entry.task, gone),
        }
    }

    fn note_whole_state(&mut self, seq: u64, task: TaskId, state: StateBytes<'_>) {
        self.note_state(seq, task, state.bytes.len());
        if let Some(states) = &mut self.states {
            states.put(self.tasks.number(task), task, state);
        }
    }

    /// Takes note that a task keeps its payload no longer.
    pub(super) fn note_no_payload(
        &mut self,
        task: TaskId,
        gone: &mut impl FnMut(TaskId, Blob, usize),
    ) {
        let payload = &mut self.tasks.of(task).payload;
        let old = std::mem::replace(payload, Place::NOWHERE);
        self.retire_blob(task, Blob::Payload, old, gone);
    }

    /// Takes note of a state of so many bytes.
    pub(super) fn note_state(&mut self, seq: u64, task: TaskId, len: usize) {
        let place = Place::new(low(seq), len);
        let old = std::mem::replace(&mut self.tasks.of(task).state, place);
        self.count(place);
        self.discount(old);
    }

    /// What stood apart is discounted before the new length takes the place of the old one.
    fn note_blob(
        &mut self,
        task: TaskId,
        kind: Blob,
        place: Place,
        len: usize,
        gone: &mut impl FnMut(TaskId, Blob, usize),
    ) {
        let slot = self.tasks.of(task);
        let old = match kind {
            Blob::Payload => std::mem::replace(&mut slot.payload, place),
            Blob::Result => self.results.insert(task, place).unwrap_or(Place::NOWHERE),
        };
        self.retire_blob(task, kind, old, gone);
        self.count(place);
        if is_apart(place) {
            self.apart_bytes += len as u64;
            let len = u32::try_from(len).expect("a blob is shorter than 8 MiB");
            self.apart.insert((task, kind), len);
        }
    }

    fn note_forget(&mut self, task: TaskId, gone: &mut impl FnMut(TaskId, Blob, usize)) {
        let Some((number, slot)) = self.tasks.remove(task) else {
            return;
        };
        if let Some(states) = &mut self.states {
            states.remove(number, self.tasks.len());
        }
        self.discount(slot.state);
        self.retire_blob(task, Blob::Payload, slot.payload, gone);
        if let Some(result) = self.results.remove(&task) {
            self.retire_blob(task, Blob::Result, result, gone);
        }
        shrink(&mut self.results);
        shrink(&mut self.apart);
    }

    fn retire_blob(
        &mut self,
        task: TaskId,
        kind: Blob,
        old: Place,
        gone: &mut impl FnMut(TaskId, Blob, usize),
    ) {
        self.discount(old);
        if is_apart(old)
            && let Some(len) = self.apart.remove(&(task, kind))
        {
            self.apart_bytes -= u64::from(len);
            gone(task, kind, len as usize);
        }
    }

    fn count(&mut self, place: Place) {
        if let Some((record, len)) = place.get() {
            let bytes = entry_bytes(len);
            self.live_bytes += bytes as u64;
            let seq = self.seq(record);
            self.weight(seq).live += u32::try_from(bytes).expect("an entry is short");
            if seq >= self.unsettled {
                self.unsettled_live += bytes as u64;
            }
        }
    }

    fn discount(&mut self, place: Place) {
        if let Some((record, len)) = place.get() {
            let bytes = entry_bytes(len);
            self.live_bytes -= bytes as u64;
            let seq = self.seq(record);
            self.weight(seq).live -= u32::try_from(bytes).expect("an entry is short");
            if seq >= self.unsettled {
                self.unsettled_live -= bytes as u64;
            }
        }
    }

    fn weight(&mut self, seq: u64) -> &mut Weight {
        let offset = usize::try_from(seq - self.head).expect("records fit into memory");
        &mut self.records[offset]
    }

    /// The sequence of the record in which a record stands, by its lower half: no log has as many
    /// records at once as that can tell apart.
    fn seq(&self, record: u32) -> u64 {
        self.place(self.head + u64::from(record.wrapping_sub(low(self.head))))
    }

    /// Where a task's payload or result is.
    pub(super) fn kept(&self, task: TaskId, kind: Blob) -> Option<Kept> {
        let place = match kind {
            Blob::Payload => self.tasks.get(task)?.payload,
            Blob::Result => *self.results.get(&task)?,
        };
        match place.get()? {
            (record, Some(_)) => Some(Kept::Inline(self.seq(record))),
            (_, None) => Some(Kept::Apart(*self.apart.get(&(task, kind))? as usize)),
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
        let Some(slot) = self.tasks.get(entry.task) else {
            return false;
        };
        let place = match entry.what {
            What::State(_) | What::Completed(_) => Some(&slot.state),
            What::Inline(Blob::Payload, _) | What::Apart(Blob::Payload, _) => Some(&slot.payload),
            What::Inline(Blob::Result, _) | What::Apart(Blob::Result, _) => {
                self.results.get(&entry.task)
            }
            What::Forget => None,
        };
        let stands = place.and_then(|place| place.get());
        stands.is_some_and(|(record, _)| self.seq(record) == seq)
    }

    /// All that stands apart: task, kind and length in bytes.
    pub(super) fn all_apart(&self) -> impl Iterator<Item = (TaskId, Blob, usize)> {
        let apart = self.apart.iter();
        apart.map(|((task, kind), len)| (*task, *kind, *len as usize))
    }
}

fn low(seq: u64) -> u32 {
    u32::try_from(seq & u64::from(u32::MAX)).expect("it is 32 bits")
}

/// Gives memory back after a peak.
fn shrink<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() / 8 > map.len() + SPARE {
        map.shrink_to(2 * map.len());
    }
}

fn kind(entry: &Entry<'_>) -> Option<Blob> {
    match entry.what {
        What::State(_) | What::Completed(_) | What::Forget => None,
        What::Inline(kind, _) | What::Apart(kind, _) => Some(kind),
    }
}

fn is_apart(place: Place) -> bool {
    matches!(place.get(), Some((_, None)))
}

/// Bytes of an entry whose own bytes are that long; of what stands apart it says the length.
fn entry_bytes(len: Option<usize>) -> usize {
    ENTRY_HEAD_BYTES + len.unwrap_or(size_of::<u32>())
}
