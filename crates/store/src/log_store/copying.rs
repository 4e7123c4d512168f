//! A copy of all that is kept, taken a slice at a time while commits go on.
//!
//! The logs themselves are what is read, each from its oldest record on, and of each record what is
//! live in it at that moment; and what ended in it, as that may have been read before. What is
//! committed meanwhile stands at the end of a log, so it is only ever a matter of getting there: when
//! there is nothing left to read in any of them, between two commits, then what was read is what is
//! kept at that moment. So nothing is copied to be read, nothing waits, and no memory is taken but
//! for the slice.
//!
//! It costs one thing: no record may be dropped before it was read, in a log of which any was, or the
//! ends in it would be lost. So logs grow by what is committed meanwhile and not read yet; past
//! [`super::LogOptions::held_bytes`] the copy is given up.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashSet;
use leasehold_core::{PoolId, TaskId};

use super::{
    damage,
    engine::Engine,
    index::{Kept, PoolLog},
    keys, places,
};
use crate::{
    Blob, StoreError,
    backup::frame::FrameWriter,
    record::{Entry, LogDraft, LogHead, PoolRecord, PoolSum, SEAL_BYTES, Sealed, What},
};

/// Bytes that are read beyond what there was at the beginning until slices are twice as long as
/// before: who commits faster than is read is caught up with at last, with longer pauses.
const PATIENCE_BYTES: u64 = 64 * 1024 * 1024;

/// How often they become twice as long at the most.
const DOUBLINGS_MAX: u64 = 8;

/// A copy that is being taken.
#[derive(Debug)]
pub(super) struct Copying {
    frames: FrameWriter,
    has_begun: bool,
    /// Of logs that were begun: the next record to be read.
    next: BTreeMap<PoolId, u64>,
    /// The log that is being read.
    at: PoolId,
    /// Bytes that are still to be read before slices become longer.
    patience: u64,
    /// Bytes that were read since.
    beyond: u64,
    /// What stands apart and is still to be read, before anything else.
    apart: VecDeque<(PoolId, TaskId, Blob)>,
    /// Bytes that all logs may have.
    log_bytes_max: u64,
}

impl Copying {
    pub(super) fn new(pools: &BTreeMap<PoolId, PoolLog>, held_bytes: u64) -> Self {
        Self {
            frames: FrameWriter::default(),
            has_begun: false,
            next: BTreeMap::new(),
            at: PoolId(0),
            patience: log_bytes(pools) + PATIENCE_BYTES,
            beyond: 0,
            apart: VecDeque::new(),
            log_bytes_max: log_bytes(pools) + held_bytes,
        }
    }

    /// Whether this record of a log may be dropped.
    pub(super) fn lets_go_of(&self, id: PoolId, seq: u64) -> bool {
        self.next.get(&id).is_none_or(|next| seq < *next)
    }

    /// Whether logs have grown past what may be held for it.
    pub(super) fn holds_too_much(&self, pools: &BTreeMap<PoolId, PoolLog>) -> bool {
        log_bytes(pools) > self.log_bytes_max
    }

    /// Adds about so many bytes of it, and returns whether that was all.
    pub(super) fn slice(
        &mut self,
        engine: &dyn Engine,
        pools: &BTreeMap<PoolId, PoolLog>,
        bytes: usize,
        to: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        if !self.has_begun {
            self.has_begun = true;
            FrameWriter::title(to);
        }
        let mut left = self.longer(bytes);
        loop {
            let cost = if let Some(of) = self.apart.pop_front() {
                self.read_apart(engine, pools, of, to)?
            } else if let Some(id) = self.next_log(pools) {
                self.read_record(engine, id, &pools[&id], to)?
            } else {
                self.end(pools, to);
                return Ok(true);
            };
            left = left.saturating_sub(cost);
            if left == 0 {
                return Ok(false);
            }
        }
    }

    /// How long a slice is by now.
    fn longer(&self, bytes: usize) -> usize {
        bytes << (self.beyond / PATIENCE_BYTES).min(DOUBLINGS_MAX)
    }

    fn has_read(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.beyond += bytes.saturating_sub(self.patience);
        self.patience = self.patience.saturating_sub(bytes);
    }

    fn is_behind(&self, id: PoolId, log: &PoolLog) -> bool {
        let next = self.next.get(&id).copied();
        next.unwrap_or_else(|| log.head()).max(log.head()) < log.next()
    }

    /// The log that is to be read on, if there is one.
    fn next_log(&mut self, pools: &BTreeMap<PoolId, PoolLog>) -> Option<PoolId> {
        let is_behind = |(id, log): &(&PoolId, &PoolLog)| self.is_behind(**id, log);
        let from_here = pools.range(self.at..).find(is_behind);
        if let Some((id, _)) = from_here {
            self.at = *id;
            return Some(*id);
        }
        let (first, _) = pools.iter().find(is_behind)?;
        self.at = *first;
        Some(self.at)
    }

    /// Reads the next record of a log; returns what that cost, in bytes.
    fn read_record(
        &mut self,
        engine: &dyn Engine,
        id: PoolId,
        log: &PoolLog,
        to: &mut Vec<u8>,
    ) -> Result<usize, StoreError> {
        let next = self.next.get(&id).copied();
        if next.is_none() {
            let pool = record_of(log);
            self.frames.pool(id, &pool, 0, to);
        }
        let seq = log.place(next.unwrap_or_else(|| log.head()).max(log.head()));
        let key = keys::record(id, seq);
        let what = || damage::record(&engine.values(), &log.name, seq);
        let value = engine
            .get(&key, log.record_bytes(seq))?
            .ok_or_else(|| damage::damaged(what(), "it is gone"))?;
        let entries = Sealed::open(&key, &value).and_then(|sealed| sealed.log());
        let (_, entries) = entries.map_err(|error| damage::unreadable(what(), &error))?;
        let mut draft = LogDraft::with_capacity(value.len());
        for entry in &ends_and_live(log, seq, &entries) {
            match entry.what {
                What::Apart(kind, _) => self.apart.push_back((id, entry.task, kind)),
                What::State(_) | What::Completed(_) | What::Inline(..) | What::Forget => {
                    draft.push(entry);
                }
            }
        }
        if !draft.is_empty() {
            self.frames.entries(id, draft, &head_of(log), to);
        }
        self.next.insert(id, seq + 1);
        self.has_read(value.len());
        Ok(value.len())
    }

    /// What stands apart now: if it is another than when its entry was read, it comes again.
    fn read_apart(
        &mut self,
        engine: &dyn Engine,
        pools: &BTreeMap<PoolId, PoolLog>,
        (id, task, kind): (PoolId, TaskId, Blob),
        to: &mut Vec<u8>,
    ) -> Result<usize, StoreError> {
        let Some(log) = pools.get(&id) else {
            return Ok(0);
        };
        let Some(Kept::Apart(len)) = log.kept(task, kind) else {
            return Ok(0);
        };
        let value = places::apart(engine, id, &log.name, task, kind, len)?;
        let mut draft = LogDraft::new();
        draft.push(&Entry {
            task,
            what: What::Inline(kind, &value[SEAL_BYTES..]),
        });
        self.frames.entries(id, draft, &head_of(log), to);
        Ok(value.len())
    }

    fn end(&mut self, pools: &BTreeMap<PoolId, PoolLog>, to: &mut Vec<u8>) {
        let mut sums = Vec::with_capacity(pools.len());
        for (id, log) in pools {
            let notes = log.notes.all();
            let count = u32::try_from(notes.len()).expect("notes are few");
            self.frames.pool(*id, &record_of(log), count, to);
            for note in &notes {
                self.frames.note(*id, note, to);
            }
            sums.push(PoolSum {
                pool: id.0,
                at: log.at.as_millis(),
                tasks: log.len() as u64,
                notes: count,
            });
        }
        self.frames.end(&sums, to);
    }
}

fn record_of(log: &PoolLog) -> PoolRecord {
    PoolRecord {
        name: log.name.clone(),
        epoch: log.epoch,
    }
}

fn head_of(log: &PoolLog) -> LogHead {
    LogHead {
        head: log.head(),
        at: log.at,
        epoch: log.epoch,
        first: None,
    }
}

/// What is live in a record, behind what ended in it: that came before what is live, or it would be
/// live no longer.
fn ends_and_live<'a>(log: &PoolLog, seq: u64, entries: &[Entry<'a>]) -> Vec<Entry<'a>> {
    let live = log.live(seq, entries);
    let completed = live.iter().filter(|entry| is_completed(entry));
    let completed: HashSet<_> = completed.map(|entry| entry.task).collect();
    let is_end = |entry: &&Entry<'_>| {
        let ends_payload = is_completed(entry) && !completed.contains(&entry.task);
        ends_payload || entry.what == What::Forget
    };
    let mut found: Vec<_> = entries.iter().filter(is_end).copied().collect();
    found.extend(live);
    found
}

fn is_completed(entry: &Entry<'_>) -> bool {
    matches!(entry.what, What::Completed(_))
}

fn log_bytes(pools: &BTreeMap<PoolId, PoolLog>) -> u64 {
    pools.values().map(PoolLog::log_bytes).sum()
}
