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
use leasehold_core::TaskId;

use super::{draft::RECORD_BYTES_MAX, keys};
use crate::{
    Blob,
    record::{ENTRY_HEAD_BYTES, Entry, LogDraft, LogHead, Sealed, Unreadable, What},
};
use leasehold_core::PoolId;

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
    let opened: Result<Vec<_>, _> = sent.iter().map(|sent| open(pool, sent)).collect();
    let mut records = opened.ok()?;
    keep_last(&mut records);
    Some(join(pool, &records))
}

/// A record, opened.
struct Record<'a> {
    seq: u64,
    head: LogHead,
    entries: Vec<Entry<'a>>,
    /// Whether nothing of it was left out.
    is_whole: bool,
}

fn open(pool: PoolId, (seq, value): &Sent) -> Result<Record<'_>, Unreadable> {
    let (head, entries) = Sealed::open(&keys::record(pool, *seq), value)?.log()?;
    Ok(Record {
        seq: *seq,
        head,
        entries,
        is_whole: true,
    })
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

/// Leaves out what is said again later.
fn keep_last(records: &mut [Record<'_>]) {
    let entries = records.iter().map(|record| record.entries.len());
    let mut said: HashMap<TaskId, Said> = HashMap::with_capacity(entries.sum::<usize>() / 3);
    for record in records.iter_mut().rev() {
        let before = record.entries.len();
        let mut kept = std::mem::take(&mut record.entries);
        kept.reverse();
        kept.retain(|entry| said.entry(entry.task).or_default().note(&entry.what));
        kept.reverse();
        record.is_whole = kept.len() == before;
        record.entries = kept;
    }
}

fn join(pool: PoolId, records: &[Record<'_>]) -> Vec<Joined> {
    let mut joined = Vec::new();
    let mut rest = records;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(run_len(rest));
        joined.extend(join_run(pool, run));
        rest = after;
    }
    joined
}

/// How many records stand together: as many as fit into one, and one at least.
fn run_len(records: &[Record<'_>]) -> usize {
    let mut bytes = 0;
    let fits = records.iter().take_while(|record| {
        bytes += record.entries.iter().map(entry_bytes).sum::<usize>();
        bytes <= RECORD_BYTES_MAX
    });
    fits.count().max(1)
}

fn join_run(pool: PoolId, run: &[Record<'_>]) -> Option<Joined> {
    let (first, last) = (run.first()?, run.last()?);
    let is_as_it_was = run.len() == 1 && first.is_whole;
    Some(Joined {
        first: first.seq,
        last: last.seq,
        value: (!is_as_it_was).then(|| seal(pool, run, first.seq, last)),
    })
}

fn seal(pool: PoolId, run: &[Record<'_>], first: u64, last: &Record<'_>) -> Vec<u8> {
    let mut draft = LogDraft::with_capacity(RECORD_BYTES_MAX + ENTRY_HEAD_BYTES);
    for entry in run.iter().flat_map(|record| &record.entries) {
        draft.push(entry);
    }
    let first = (first < last.seq).then_some(first);
    let head = LogHead { first, ..last.head };
    draft.seal(&keys::record(pool, last.seq), &head)
}

fn entry_bytes(entry: &Entry<'_>) -> usize {
    let len = match entry.what {
        What::State(bytes) | What::Completed(bytes) | What::Inline(_, bytes) => bytes.len(),
        What::Apart(..) => size_of::<u32>(),
        What::Forget => 0,
    };
    ENTRY_HEAD_BYTES + len
}
