//! A commit in the making: changes become entries, entries records, and the oldest records of logs
//! that have grown too long are carried over.

use std::{collections::BTreeMap, io};

use bytes::Bytes;
use leasehold_core::{Change, Note, NoteName, PoolId, Task, TaskId};

use super::{
    copying::Copying,
    damage,
    engine::{Engine, Writes},
    index::{INLINE_BYTES_MAX, PoolLog},
    keys, notes,
};
use crate::{
    Blob, PoolBatch, StoreError,
    record::{self, Entry, LogDraft, LogHead, SEAL_BYTES, Sealed, What},
};

/// The longest record, in bytes, unless a single entry is longer.
pub(super) const RECORD_BYTES_MAX: usize = 32 * 1024;

/// Room for a record, in bytes, and for the entry that turns out to be too much: a record that had
/// to grow for it would be copied whole.
const RECORD_ROOM: usize = RECORD_BYTES_MAX + 2 * INLINE_BYTES_MAX;

/// What the logs of all pools together may have beyond seven quarters of what is live, in bytes.
/// What an engine has on disk beside them, the `churn` example shows.
const LOG_SLACK_BYTES: u64 = 1024 * 1024;

/// What the log of one pool may have at least, however many there are, in bytes.
const POOL_SLACK_BYTES: u64 = 64 * 1024;

/// What a commit carries over at the most beyond what it brings itself, in bytes.
const CARRY_BYTES: usize = 64 * 1024;

/// What dropping a record costs even if nothing in it is live, in bytes carried.
const DROP_COST_BYTES: usize = 512;

/// A commit in the making.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pools: &'a mut BTreeMap<PoolId, PoolLog>,
    tails: BTreeMap<PoolId, Tail>,
    writes: Writes,
    /// Bytes of blobs that stand apart.
    apart_bytes: usize,
    /// A copy that is being taken.
    copying: Option<&'a Copying>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(pools: &'a mut BTreeMap<PoolId, PoolLog>) -> Self {
        Self {
            pools,
            tails: BTreeMap::new(),
            writes: Writes::default(),
            apart_bytes: 0,
            copying: None,
        }
    }

    /// While this copy is being taken.
    pub(super) fn beside(self, copying: Option<&'a Copying>) -> Self {
        Self { copying, ..self }
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.tails.is_empty()
    }

    /// Bytes that it has come to.
    pub(super) fn bytes(&self) -> usize {
        self.tails.values().map(Tail::bytes).sum::<usize>() + self.apart_bytes
    }

    /// Adds the durable changes of a batch.
    pub(super) fn append(&mut self, batch: &PoolBatch) -> Result<(), StoreError> {
        let mut durable = batch
            .changes
            .iter()
            .filter(|change| change.is_durable())
            .peekable();
        if durable.peek().is_none() {
            return Ok(());
        }
        let log = self
            .pools
            .get_mut(&batch.pool)
            .ok_or(StoreError::NotOpen(batch.pool))?;
        log.at = log.at.max(batch.at);
        let mut pool = PoolDraft {
            id: batch.pool,
            log,
            tail: self.tails.entry(batch.pool).or_default(),
            writes: &mut self.writes,
        };
        for change in durable {
            self.apart_bytes += pool.change(change)?;
        }
        Ok(())
    }

    /// Adds entries as they are, without touching what stands apart.
    pub(super) fn carry(&mut self, id: PoolId, entries: &[Entry<'_>]) -> Result<(), StoreError> {
        let log = self.pools.get_mut(&id).ok_or(StoreError::NotOpen(id))?;
        let tail = self.tails.entry(id).or_default();
        tail.begin(log);
        tail.carry(log, entries);
        Ok(())
    }

    /// Adds an entry out of a copy, as if it had just been said: a payload or result is there with
    /// it, of whatever length.
    pub(super) fn replay(&mut self, id: PoolId, entry: &Entry<'_>) -> Result<(), StoreError> {
        let log = self.pools.get_mut(&id).ok_or(StoreError::NotOpen(id))?;
        let mut pool = PoolDraft {
            id,
            log,
            tail: self.tails.entry(id).or_default(),
            writes: &mut self.writes,
        };
        match entry.what {
            What::Inline(kind, bytes) if bytes.len() > INLINE_BYTES_MAX => {
                let blob = Bytes::copy_from_slice(bytes);
                self.apart_bytes += pool.blob(entry.task, kind, &blob)?;
            }
            What::Apart(..) => return Err(invalid("a payload is not in the copy".to_owned())),
            What::Inline(..) | What::State(_) | What::Completed(_) | What::Forget => {
                pool.entry(entry);
            }
        }
        Ok(())
    }

    /// Adds a blob that stands apart, sealed.
    pub(super) fn put_apart(&mut self, key: &[u8], value: Vec<u8>) {
        self.apart_bytes += value.len();
        self.writes.put(key, value);
    }

    /// Carries over the oldest records of logs that are too long: about as many bytes as the commit
    /// brings, so that a commit's cost is bounded and no log grows for ever.
    /// Only what a copy that is being taken lets go of is dropped.
    pub(super) fn compact(&mut self, engine: &dyn Engine) -> Result<(), StoreError> {
        let copying = self.copying;
        let slack = (LOG_SLACK_BYTES / self.pools.len().max(1) as u64).max(POOL_SLACK_BYTES);
        let mut budget = self.bytes() + CARRY_BYTES;
        let folds = engine.folds();
        let is_too_long = |log: &PoolLog| is_too_long(log, folds, slack);
        for (id, log) in self.pools.iter_mut().filter(|(_, log)| is_too_long(log)) {
            let tail = self.tails.entry(*id).or_default();
            let end = tail.begin(log);
            let is_free =
                |log: &PoolLog| copying.is_none_or(|copying| copying.lets_go_of(*id, log.oldest()));
            while budget > 0 && log.head() < end && is_too_long(log) && is_free(log) {
                budget = budget.saturating_sub(log.oldest_live() + DROP_COST_BYTES);
                carry_oldest(*id, log, tail, engine, &mut self.writes)?;
            }
        }
        Ok(())
    }

    /// All that is to be written.
    pub(super) fn finish(mut self) -> Writes {
        for (id, tail) in self.tails {
            let Some(log) = self.pools.get_mut(&id) else {
                continue;
            };
            let head = LogHead {
                head: log.head(),
                at: log.at,
                epoch: log.epoch,
                first: None,
            };
            for (seq, draft) in tail.records {
                let key = keys::record(id, seq);
                let value = draft.seal(&key, &head);
                log.weigh_record(seq, value.len());
                self.writes.put(&key, value);
            }
        }
        self.writes
    }
}

/// What is on its way to where it is folded is taken for what it will be.
fn is_too_long(log: &PoolLog, folds: bool, slack: u64) -> bool {
    let bytes = if folds {
        log.folded_bytes()
    } else {
        log.log_bytes()
    };
    bytes > log.live_log_bytes() / 4 * 7 + slack
}

/// Writes what is live in the oldest record once more, and removes the record. Only ever the oldest:
/// so an end is never lost before its beginning.
///
/// Nor one that has not settled where records do: it may be on its way as one of several that stand
/// for each other under the key of the last, and its removal would not meet them there, while the
/// head, which a restart believes, would point into their midst. It never comes to that, since
/// records settle in order: while the oldest has not settled none has, and the log is taken for what
/// is live in it, which [`is_too_long`] never finds too much.
fn carry_oldest(
    id: PoolId,
    log: &mut PoolLog,
    tail: &mut Tail,
    engine: &dyn Engine,
    writes: &mut Writes,
) -> Result<(), StoreError> {
    let seq = log.oldest();
    debug_assert!(
        !engine.folds() || log.has_settled(seq),
        "record {seq} of pool {} has not settled, and is to be removed",
        log.name
    );
    let key = keys::record(id, seq);
    if log.oldest_live() > 0 {
        let what = || damage::record(&engine.values(), &log.name, seq);
        let value = engine
            .get(&key, log.record_bytes(seq))?
            .ok_or_else(|| damage::damaged(what(), "it is gone"))?;
        let entries = Sealed::open(&key, &value).and_then(|sealed| sealed.log());
        let (_, entries) = entries.map_err(|error| damage::unreadable(what(), &error))?;
        let live = log.live(seq, &entries);
        tail.carry(log, &live);
    }
    writes.remove(&key, log.drop_oldest());
    Ok(())
}

/// The records that a commit adds to a pool.
#[derive(Debug, Default)]
struct Tail {
    records: Vec<(u64, LogDraft)>,
}

impl Tail {
    /// Makes sure that there is a record, and returns the sequence of the first.
    fn begin(&mut self, log: &mut PoolLog) -> u64 {
        if self.records.is_empty() {
            self.records
                .push((log.add_record(), LogDraft::with_capacity(RECORD_ROOM)));
        }
        self.records[0].0
    }

    /// Pushes something to the last record, or to a new one if it becomes too long. Returns the
    /// sequence of the record in which it came to stand.
    fn push<T>(&mut self, log: &mut PoolLog, push: impl FnOnce(&mut LogDraft) -> T) -> (u64, T) {
        self.begin(log);
        let (seq, draft) = self.records.last_mut().expect("it was begun");
        let (start, first) = (draft.len(), draft.is_empty());
        let pushed = push(draft);
        if first || draft.len() <= RECORD_BYTES_MAX {
            return (*seq, pushed);
        }
        let rest = draft.split_off(start);
        let seq = log.add_record();
        self.records.push((seq, rest));
        (seq, pushed)
    }

    fn carry(&mut self, log: &mut PoolLog, entries: &[Entry<'_>]) {
        for entry in entries {
            let (seq, ()) = self.push(log, |draft| draft.push(entry));
            log.note(seq, entry, &mut |_, _, _| {});
        }
    }

    fn bytes(&self) -> usize {
        self.records.iter().map(|(_, draft)| draft.len()).sum()
    }
}

/// A pool's share of a commit.
struct PoolDraft<'d> {
    id: PoolId,
    log: &'d mut PoolLog,
    tail: &'d mut Tail,
    writes: &'d mut Writes,
}

impl PoolDraft<'_> {
    /// Adds a change; returns the bytes of it that stand apart.
    fn change(&mut self, change: &Change) -> Result<usize, StoreError> {
        match change {
            Change::Put { task, cause, blob } => {
                let kind = Blob::brought_by(*cause);
                let kept = kind.filter(|kind| kind.is_kept_by(task.state.kind()));
                let apart = match kept.zip(blob.as_ref()) {
                    Some((kind, blob)) => self.blob(task.id, kind, blob)?,
                    None => 0,
                };
                self.task(task)?;
                Ok(apart)
            }
            Change::Note { name, body } => self.note(name, body.as_deref()).map(|()| 0),
            Change::Forget(id) => {
                self.entry(&Entry {
                    task: *id,
                    what: What::Forget,
                });
                Ok(0)
            }
        }
    }

    /// Writes a note in the commit of a record of the pool, if only for its time.
    fn note(&mut self, name: &NoteName, body: Option<&Note>) -> Result<(), StoreError> {
        self.tail.begin(self.log);
        notes::write(self.id, self.log, name, body, self.writes)
            .ok_or_else(|| invalid(format!("the note {name:?} is too long")))
    }

    fn task(&mut self, task: &Task) -> Result<(), StoreError> {
        let (seq, len) = self.tail.push(self.log, |draft| draft.push_task(task));
        let len = len.ok_or_else(|| too_long("its state", task.id))?;
        self.log.note_state(seq, task.id, len);
        if !Blob::Payload.is_kept_by(task.state.kind()) {
            let (id, writes) = (self.id, &mut *self.writes);
            self.log.note_no_payload(task.id, &mut |task, kind, len| {
                writes.remove(&keys::blob(id, task, kind), SEAL_BYTES + len);
            });
        }
        Ok(())
    }

    fn blob(&mut self, task: TaskId, kind: Blob, blob: &Bytes) -> Result<usize, StoreError> {
        if blob.len() <= INLINE_BYTES_MAX {
            self.entry(&Entry {
                task,
                what: What::Inline(kind, blob),
            });
            return Ok(0);
        }
        if blob.len() > record::BLOB_BYTES_MAX {
            return Err(too_long("a payload or result", task));
        }
        let len = u32::try_from(blob.len()).map_err(|_| too_long("a payload or result", task))?;
        self.entry(&Entry {
            task,
            what: What::Apart(kind, len),
        });
        let key = keys::blob(self.id, task, kind);
        let value = record::seal_blob(&key, blob);
        let bytes = value.len();
        self.writes.put(&key, value);
        Ok(bytes)
    }

    /// Adds an entry; what it takes the place of is removed before anything is put there.
    fn entry(&mut self, entry: &Entry<'_>) {
        let (seq, ()) = self.tail.push(self.log, |draft| draft.push(entry));
        let (id, writes) = (self.id, &mut *self.writes);
        self.log.note(seq, entry, &mut |task, kind, len| {
            writes.remove(&keys::blob(id, task, kind), SEAL_BYTES + len);
        });
    }
}

fn too_long(what: &str, task: TaskId) -> StoreError {
    invalid(format!("{what} of task {task} is too long"))
}

fn invalid(text: String) -> StoreError {
    StoreError::Io {
        action: "commit",
        source: io::Error::new(io::ErrorKind::InvalidInput, text),
    }
}
