//! What a lot of log records comes to: of each task only the last that is said in the lot.
//!
//! Most tasks are put in, granted and completed within milliseconds. A lot that holds all of that
//! keeps one state of it, without a payload. What is left of several records in a row stands in one,
//! under the key of the last of them, as an engine's cost is by key; it says which was the first, so
//! that a hole in the sequence still shows.
//!
//! Ends stay: what they ended may be in the engine.

use bytes::Bytes;
use hashbrown::HashMap;
use leasehold_core::{PoolId, TaskId};

use super::{draft::RECORD_BYTES_MAX, keys};
use crate::{
    Blob,
    record::{ENTRY_HEAD_BYTES, Entry, LogDraft, LogHead, Sealed, Unreadable, What},
};

/// A log record on its way: its sequence, and how it was sealed.
pub(super) type Sent = (u64, Bytes);

/// What stands for several records, or for one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joined {
    /// The first of them.
    pub(super) first: u64,
    /// The last of them, under whose key it stands.
    pub(super) last: u64,
    /// How it is sealed; nothing if it is one record, as it was.
    pub(super) value: Option<Vec<u8>>,
}

/// Joins records of a pool, which follow one another. Nothing if they are not what was written, or
/// do not follow one another: then each stays as it is, for whoever reads it to say so.
pub(super) fn fold(pool: PoolId, sent: &[Sent]) -> Option<Vec<Joined>> {
    let in_order = |pair: &[Sent]| pair[0].0 + 1 == pair[1].0;
    if !sent.windows(2).all(in_order) {
        return None;
    }
    let mut lot = Lot::default();
    for (seq, value) in sent.iter().rev() {
        lot.read(pool, *seq, value).ok()?;
    }
    Some(lot.join(pool))
}

/// Records, read from the last to the first.
#[derive(Default)]
struct Lot<'a> {
    records: Vec<Record>,
    /// What is left of them.
    kept: Vec<Entry<'a>>,
    said: HashMap<TaskId, Said>,
    /// Of the record that is being read.
    entries: Vec<Entry<'a>>,
}

/// A record, and how much is left of it.
struct Record {
    seq: u64,
    head: LogHead,
    entries: usize,
    bytes: usize,
    /// Whether nothing of it was left out.
    is_whole: bool,
}

/// What was said of a task later in the lot.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    state: bool,
    payload: bool,
    result: bool,
    forget: bool,
}

impl Said {
    /// Takes note of what is said, from the last to the first; returns whether it counts.
    fn note(&mut self, what: &What<'_>) -> bool {
        let said = match what {
            What::Forget => {
                let first = !self.forget;
                (self.state, self.payload, self.result) = (true, true, true);
                self.forget = true;
                return first;
            }
            What::Completed(_) => {
                // Also if there is a later state, which says nothing of the payload.
                let first = !(self.state && self.payload);
                (self.state, self.payload) = (true, true);
                return first;
            }
            What::State(_) => &mut self.state,
            What::Inline(Blob::Payload, _) | What::Apart(Blob::Payload, _) => &mut self.payload,
            What::Inline(Blob::Result, _) | What::Apart(Blob::Result, _) => &mut self.result,
        };
        !std::mem::replace(said, true)
    }
}

impl<'a> Lot<'a> {
    /// Reads the record before those that were read, and leaves out what they say anew.
    fn read(&mut self, pool: PoolId, seq: u64, value: &'a [u8]) -> Result<(), Unreadable> {
        let sealed = Sealed::open(&keys::record(pool, seq), value)?;
        self.entries.clear();
        let head = sealed.log_into(&mut self.entries)?;
        let (before, mut bytes) = (self.kept.len(), 0);
        for entry in self.entries.iter().rev() {
            if self.said.entry(entry.task).or_default().note(&entry.what) {
                bytes += entry_bytes(entry);
                self.kept.push(*entry);
            }
        }
        let entries = self.kept.len() - before;
        self.records.push(Record {
            seq,
            head,
            entries,
            bytes,
            is_whole: entries == self.entries.len(),
        });
        Ok(())
    }

    fn join(mut self, pool: PoolId) -> Vec<Joined> {
        self.records.reverse();
        self.kept.reverse();
        let (mut records, mut kept) = (&self.records[..], &self.kept[..]);
        let mut joined = Vec::new();
        while !records.is_empty() {
            let (run, records_after) = records.split_at(run_len(records));
            let entries = run.iter().map(|record| record.entries).sum();
            let (of_run, kept_after) = kept.split_at(entries);
            joined.extend(join_run(pool, run, of_run));
            (records, kept) = (records_after, kept_after);
        }
        joined
    }
}

/// How many records stand together: as many as fit into one, and one at least.
fn run_len(records: &[Record]) -> usize {
    let mut bytes = 0;
    let fits = records.iter().take_while(|record| {
        bytes += record.bytes;
        bytes <= RECORD_BYTES_MAX
    });
    fits.count().max(1)
}

fn join_run(pool: PoolId, run: &[Record], entries: &[Entry<'_>]) -> Option<Joined> {
    let (first, last) = (run.first()?, run.last()?);
    let is_as_it_was = run.len() == 1 && first.is_whole;
    Some(Joined {
        first: first.seq,
        last: last.seq,
        value: (!is_as_it_was).then(|| seal(pool, first.seq, last, entries)),
    })
}

fn seal(pool: PoolId, first: u64, last: &Record, entries: &[Entry<'_>]) -> Vec<u8> {
    let mut draft = LogDraft::with_capacity(RECORD_BYTES_MAX + ENTRY_HEAD_BYTES);
    for entry in entries {
        draft.push(entry);
    }
    let first = (first < last.seq).then_some(first);
    let head = LogHead { first, ..last.head };
    draft.seal(&keys::record(pool, last.seq), &head)
}

fn entry_bytes(entry: &Entry<'_>) -> usize {
    let len = match entry.what {
        What::State(state) | What::Completed(state) => state.bytes.len(),
        What::Inline(_, bytes) => bytes.len(),
        What::Apart(..) => size_of::<u32>(),
        What::Forget => 0,
    };
    ENTRY_HEAD_BYTES + len
}
