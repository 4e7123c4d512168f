//! Where payloads and results stand that are wanted, and reading them there.

use bytes::Bytes;
use leasehold_core::{PoolId, PoolName, TaskId};

use super::{
    damage,
    engine::Engine,
    index::{Kept, PoolLog},
    keys,
};
use crate::{
    Blob, StoreError,
    record::{SEAL_BYTES, Sealed, Unreadable, What},
};

/// Found in the index at one moment, and good until what is kept changes: whoever reads later may find
/// that something has moved or gone.
#[derive(Debug)]
pub(super) struct Places {
    pool: PoolId,
    name: PoolName,
    wanted: usize,
    apart: Vec<Apart>,
    /// In order.
    inline: Vec<Inline>,
}

/// A value of its own, of so many bytes.
#[derive(Debug, Clone, Copy)]
struct Apart {
    task: TaskId,
    kind: Blob,
    bytes: usize,
    /// Which of those wanted it is.
    at: usize,
}

/// Within a record of the log, of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Inline {
    seq: u64,
    what: (TaskId, Blob),
    bytes: usize,
    /// Which of those wanted it is.
    at: usize,
}

impl Places {
    /// Looks them up.
    pub(super) fn find(pool: PoolId, log: &PoolLog, wanted: &[(TaskId, Blob)]) -> Self {
        let (mut apart, mut inline) = (Vec::new(), Vec::with_capacity(wanted.len()));
        for (at, (task, kind)) in wanted.iter().copied().enumerate() {
            match log.kept(task, kind) {
                None => {}
                Some(Kept::Apart(bytes)) => apart.push(Apart {
                    task,
                    kind,
                    bytes,
                    at,
                }),
                Some(Kept::Inline(seq)) => inline.push(Inline {
                    seq,
                    what: (task, kind),
                    bytes: log.record_bytes(seq),
                    at,
                }),
            }
        }
        inline.sort_unstable();
        let name = log.name.clone();
        Self {
            pool,
            name,
            wanted: wanted.len(),
            apart,
            inline,
        }
    }

    /// Reads each record once, for all that is wanted of it.
    pub(super) fn read(&self, engine: &dyn Engine) -> Result<Vec<Option<Bytes>>, StoreError> {
        let mut found = vec![None; self.wanted];
        for apart in &self.apart {
            found[apart.at] = Some(self.read_apart(engine, apart)?);
        }
        for record in self.records() {
            self.read_record(engine, record, &mut found)?;
        }
        Ok(found)
    }

    /// Reads what is still there. Whether something else has gone or is damaged is not for the one to
    /// say who comes later.
    pub(super) fn read_what_stands(&self, engine: &dyn Engine) -> Vec<Option<Bytes>> {
        let mut found = vec![None; self.wanted];
        for apart in &self.apart {
            found[apart.at] = self.read_apart(engine, apart).ok();
        }
        for record in self.records() {
            // What was found of it is whole.
            _ = self.read_record(engine, record, &mut found);
        }
        found
    }

    fn records(&self) -> impl Iterator<Item = &[Inline]> {
        self.inline.chunk_by(|one, next| one.seq == next.seq)
    }

    fn read_apart(&self, engine: &dyn Engine, of: &Apart) -> Result<Bytes, StoreError> {
        let (pool, name) = (self.pool, &self.name);
        let mut value = apart(engine, pool, name, of.task, of.kind, of.bytes)?;
        Ok(Bytes::from(value.split_off(SEAL_BYTES)))
    }

    /// All of one record.
    fn read_record(
        &self,
        engine: &dyn Engine,
        wanted: &[Inline],
        found: &mut [Option<Bytes>],
    ) -> Result<(), StoreError> {
        let Inline { seq, bytes, .. } = wanted[0];
        let key = keys::record(self.pool, seq);
        let unreadable =
            |error| damage::unreadable(damage::record(&engine.values(), &self.name, seq), &error);
        let value = engine
            .get(&key, bytes)?
            .ok_or_else(|| unreadable(Unreadable::Damaged("it is gone")))?;
        find_inline(&key, &value, wanted, found).map_err(unreadable)
    }
}

/// Reads a payload or result that stands apart, checks it, and returns it still sealed.
pub(super) fn apart(
    engine: &dyn Engine,
    id: PoolId,
    pool: &PoolName,
    task: TaskId,
    kind: Blob,
    len: usize,
) -> Result<Vec<u8>, StoreError> {
    let values = engine.values();
    let folder = values.display();
    let what = || format!("the {kind:?} of task {task} of pool {pool} in {folder}");
    let key = keys::blob(id, task, kind);
    let value = engine
        .get(&key, SEAL_BYTES + len)?
        .ok_or_else(|| damage::damaged(what(), "it, or a part of it, is gone"))?;
    Sealed::open(&key, &value).map_err(|error| damage::unreadable(what(), &error))?;
    Ok(value)
}

/// The last one counts, as in [`PoolLog::live`]. The bytes are copied: whoever keeps them must not
/// keep the whole record.
fn find_inline(
    key: &[u8],
    value: &[u8],
    wanted: &[Inline],
    found: &mut [Option<Bytes>],
) -> Result<(), Unreadable> {
    let (_, entries) = Sealed::open(key, value)?.log()?;
    let mut last = vec![None; wanted.len()];
    for entry in entries {
        let What::Inline(kind, bytes) = entry.what else {
            continue;
        };
        let what = (entry.task, kind);
        let first = wanted.partition_point(|wanted| wanted.what < what);
        for (at, _) in (first..).zip(wanted[first..].iter().take_while(|want| want.what == what)) {
            last[at] = Some(bytes);
        }
    }
    let mut are_all = true;
    for (Inline { at, .. }, bytes) in wanted.iter().zip(last) {
        are_all &= bytes.is_some();
        found[*at] = bytes.map(Bytes::copy_from_slice);
    }
    let gone = Unreadable::Damaged("a payload or result is gone");
    if are_all { Ok(()) } else { Err(gone) }
}
