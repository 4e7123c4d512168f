//! From lines to a store.

use std::{
    collections::BTreeMap,
    io::{BufRead, Read},
};

use bytes::Bytes;
use leasehold_core::{Cause, Change, Epoch, PoolId, PoolName, Task, Timestamp};

use super::{
    Tally, TransferError,
    line::{EndLine, FORMAT, HeaderLine, Line, PoolLine, READABLE, TaskLine},
    notes::NoteLine,
};
use crate::{PoolBatch, Store};

/// The longest line that is read, in bytes. The longest payload and result take 11 MiB of base64,
/// and the longest history 48 KiB of escapes.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Changes in a commit.
const BATCH_MAX: usize = 1024;

/// Bytes of payloads and results in a commit, if it is more than one task.
const BATCH_BYTES: usize = 1024 * 1024;

/// Reads what [`super::export`] wrote into an empty store.
///
/// # Errors
/// When the lines are not a whole export, or the store fails or is not empty. The store then holds a
/// part of it, and is to be thrown away.
pub fn import(
    from: &mut dyn BufRead,
    store: &mut dyn Store,
    tell: &mut dyn FnMut(&Tally),
) -> Result<Tally, TransferError> {
    if let Some(pool) = store.pools().into_iter().next() {
        return Err(TransferError::NotEmpty(pool));
    }
    let mut lines = Lines { from, number: 0 };
    let latest = header(&mut lines)?;
    let mut filler = Filler {
        store,
        latest,
        pools: BTreeMap::new(),
        batch: None,
        bytes: 0,
        tally: Tally::default(),
    };
    let end = loop {
        let line = lines.next()?.ok_or(TransferError::CutShort(lines.number))?;
        let outcome = match line {
            Line::Header(_) => Err("a second header".into()),
            Line::Pool(pool) => filler.pool(pool),
            Line::Task(task) => filler.task(*task),
            Line::Note(note) => filler.note(*note),
            Line::End(end) => break end,
        };
        outcome.map_err(|wrong| wrong.at(lines.number))?;
        if filler.is_full() {
            filler.commit()?;
            tell(&filler.tally);
        }
    };
    filler
        .finish(&end)
        .map_err(|wrong| wrong.at(lines.number))?;
    if lines.next()?.is_some() {
        return Err(lines.wrong("something after the end"));
    }
    filler.verify()?;
    Ok(filler.tally)
}

fn header(lines: &mut Lines<'_>) -> Result<Timestamp, TransferError> {
    let Some(Line::Header(header)) = lines.next()? else {
        return Err(lines.wrong("it does not begin with the header of an export"));
    };
    let HeaderLine {
        format,
        version,
        latest_at,
    } = header;
    if format != FORMAT {
        return Err(lines.wrong("it is the header of something else"));
    }
    if !READABLE.contains(&version) {
        return Err(TransferError::Version(version));
    }
    Ok(latest_at)
}

struct Lines<'a> {
    from: &'a mut dyn BufRead,
    /// Of the last one that was read, from 1.
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line>, TransferError> {
        let mut line = Vec::new();
        let mut bounded = (&mut *self.from).take(LINE_BYTES_MAX);
        let read = bounded.read_until(b'\n', &mut line);
        if read.map_err(TransferError::Read)? == 0 {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(TransferError::CutShort(self.number));
        }
        self.number += 1;
        let line = serde_json::from_slice(&line);
        line.map(Some).map_err(|error| self.wrong(error))
    }

    fn wrong(&self, why: impl ToString) -> TransferError {
        TransferError::Line {
            number: self.number.max(1),
            why: why.to_string(),
        }
    }
}

/// What is wrong, before it is known where.
enum Wrong {
    Line(String),
    Other(TransferError),
}

impl Wrong {
    fn at(self, number: u64) -> TransferError {
        match self {
            Self::Line(why) => TransferError::Line { number, why },
            Self::Other(error) => error,
        }
    }
}

impl From<&str> for Wrong {
    fn from(why: &str) -> Self {
        Self::Line(why.to_owned())
    }
}

impl<E: Into<TransferError>> From<E> for Wrong {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// A pool that is being filled.
struct Filled {
    line: PoolLine,
    epoch: Epoch,
    tasks: u64,
    notes: u64,
}

struct Filler<'a> {
    store: &'a mut dyn Store,
    latest: Timestamp,
    pools: BTreeMap<PoolName, Filled>,
    /// What is not committed yet, of one pool.
    batch: Option<PoolBatch>,
    /// Bytes of payloads and results in it.
    bytes: usize,
    tally: Tally,
}

impl Filler<'_> {
    fn pool(&mut self, line: PoolLine) -> Result<(), Wrong> {
        if self.pools.contains_key(&line.name) {
            return Err("the pool is there already".into());
        }
        if line.epoch.0 == u32::MAX {
            return Err("there is no epoch after its epoch".into());
        }
        let opened = self.store.open_pool_past(&line.name, line.epoch)?;
        if opened.id != line.id {
            return Err("the ids of pools must be 1, 2, 3 and so on".into());
        }
        let filled = Filled {
            epoch: opened.epoch,
            tasks: 0,
            notes: 0,
            line,
        };
        self.pools.insert(filled.line.name.clone(), filled);
        self.tally.pools += 1;
        Ok(())
    }

    fn task(&mut self, line: TaskLine) -> Result<(), Wrong> {
        let Some(pool) = self.pools.get_mut(&line.pool) else {
            return Err("its pool does not come before it".into());
        };
        let (task, payload, result) = line.task(&pool.line).map_err(Wrong::Line)?;
        pool.tasks += 1;
        self.tally.tasks += 1;
        let owner = (pool.line.id, pool.epoch);
        let bytes = [&payload, &result].into_iter().flatten().map(Bytes::len);
        let bytes = bytes.sum::<usize>();
        put(task, payload, result, self.changes(owner)?);
        self.bytes += bytes;
        Ok(())
    }

    fn note(&mut self, line: NoteLine) -> Result<(), Wrong> {
        let Some(pool) = self.pools.get_mut(&line.pool) else {
            return Err("its pool does not come before it".into());
        };
        pool.notes += 1;
        self.tally.notes += 1;
        let owner = (pool.line.id, pool.epoch);
        self.changes(owner)?.push(line.note().into());
        Ok(())
    }

    /// The changes of the batch of this pool, after that of another was committed.
    fn changes(&mut self, (pool, epoch): (PoolId, Epoch)) -> Result<&mut Vec<Change>, Wrong> {
        if self.batch.as_ref().is_some_and(|batch| batch.pool != pool) {
            self.commit()?;
        }
        let at = self.latest;
        let batch = self.batch.get_or_insert_with(|| PoolBatch {
            pool,
            epoch,
            at,
            changes: Vec::new(),
        });
        Ok(&mut batch.changes)
    }

    fn is_full(&self) -> bool {
        let changes = self.batch.as_ref().map_or(0, |batch| batch.changes.len());
        changes >= BATCH_MAX || self.bytes >= BATCH_BYTES
    }

    fn commit(&mut self) -> Result<(), TransferError> {
        if let Some(batch) = self.batch.take() {
            self.store.commit(&[batch])?;
        }
        self.tally.bytes += std::mem::take(&mut self.bytes) as u64;
        Ok(())
    }

    fn finish(&mut self, end: &EndLine) -> Result<(), Wrong> {
        self.commit()?;
        let Tally {
            pools,
            tasks,
            notes,
            bytes: _,
        } = self.tally;
        if (end.pools, end.tasks, end.notes) != (pools, tasks, notes) {
            return Err(Wrong::Line(format!(
                "the end tells of {} pools, {} tasks and {} notes, and before it came {pools}, \
                 {tasks} and {notes}",
                end.pools, end.tasks, end.notes
            )));
        }
        Ok(())
    }

    /// Reads the tasks back, and counts.
    fn verify(&mut self) -> Result<(), TransferError> {
        for (name, filled) in &self.pools {
            let opened = self.store.open_pool(name)?;
            let notes = opened.notes.len() as u64;
            let found = notes + opened.tasks.read(|tasks| tasks.count())? as u64;
            let expected = filled.notes + filled.tasks;
            if found != expected {
                return Err(TransferError::Miscounted {
                    pool: name.clone(),
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// The task as it is, with what it brings: a payload comes with an enqueue, a result with a
/// completion. See [`crate::Blob::brought_by`].
fn put(task: Task, payload: Option<Bytes>, result: Option<Bytes>, changes: &mut Vec<Change>) {
    let task = Box::new(task);
    if result.is_some() {
        changes.push(Change::Put {
            task: task.clone(),
            cause: Cause::Completed,
            blob: result,
        });
    }
    changes.push(Change::Put {
        task,
        cause: Cause::Enqueued,
        blob: payload,
    });
}
