//! A store made of a backup: a generation like any other, written whole, read back, and only then
//! named.

use std::{collections::BTreeMap, io::Read, path::Path};

use leasehold_core::{Epoch, PoolId, Timestamp};

use super::{
    LogOptions, LogStore,
    draft::Draft,
    engine::{self, Engine, Writes},
    folder::Folder,
    index::PoolLog,
    keys, notes, rewrite,
};
use crate::{
    StoreError,
    backup::{
        BackupError,
        frame::{Frame, FrameReader, Kind},
    },
    record::{self, Header, PoolSum, Unreadable},
};

/// Bytes that are written at once.
const BATCH_BYTES: usize = 1024 * 1024;

/// The epoch of a pool that had this one.
type Fence<'a> = &'a dyn Fn(Epoch) -> Option<Epoch>;

impl LogStore {
    /// Makes the store of a backup in a folder that has none, and closes it.
    pub(crate) fn restore<R: Read>(
        path: &Path,
        options: LogOptions,
        frames: &mut FrameReader<R>,
        fence: Fence<'_>,
        tell: &mut dyn FnMut(u64),
    ) -> Result<(), BackupError> {
        let mut folder = Folder::open(path, options.engine)?;
        if folder.generation() > 0 {
            return Err(StoreError::Taken(path.to_owned()).into());
        }
        let engine = engine::open(folder.engine(), &folder.clear(1)?, &options)?;
        let filled = fill(&*engine, frames, fence, tell);
        let switched = match filled {
            Ok(()) => rewrite::load_or_close(engine, 1).and_then(|(engine, _)| {
                engine.close();
                folder.switch(1)
            }),
            Err(error) => {
                engine.close();
                folder.sweep();
                return Err(error);
            }
        };
        if switched.is_err() {
            folder.sweep();
        }
        Ok(switched?)
    }
}

fn fill<R: Read>(
    to: &dyn Engine,
    frames: &mut FrameReader<R>,
    fence: Fence<'_>,
    tell: &mut dyn FnMut(u64),
) -> Result<(), BackupError> {
    let mut writes = Writes::default();
    let header = record::seal_header(keys::HEADER, &Header { generation: 1 });
    writes.put(keys::HEADER, header);
    to.apply(writes)?;
    let mut filling = Filling::default();
    while let Some(frame) = frames.next()? {
        filling.take(frame, to)?;
        tell(frames.at());
    }
    filling.finish(to, fence)?;
    Ok(to.sync()?)
}

#[derive(Default)]
struct Filling {
    pools: BTreeMap<PoolId, PoolLog>,
    /// Entries that are not written yet.
    entries: Vec<Frame>,
    bytes: usize,
    sums: Vec<PoolSum>,
}

impl Filling {
    fn take(&mut self, frame: Frame, to: &dyn Engine) -> Result<(), BackupError> {
        match frame.kind {
            Kind::Entries => {
                self.bytes += frame.len();
                self.entries.push(frame);
                if self.bytes >= BATCH_BYTES {
                    self.write(to)?;
                }
                return Ok(());
            }
            Kind::Pool => self.pool(&frame),
            Kind::Note => {
                // Behind all entries of all pools.
                self.write(to)?;
                return self.note(&frame, to);
            }
            Kind::End => frame.sealed().sums().map(|sums| self.sums = sums),
        }
        .map_err(|error| frame.unreadable(&error))
    }

    fn pool(&mut self, frame: &Frame) -> Result<(), Unreadable> {
        let (pool, _) = frame.sealed().pool()?;
        let epoch = pool.epoch;
        let log = self.pools.entry(frame.pool);
        log.or_insert_with(|| PoolLog::new(pool)).epoch = epoch;
        Ok(())
    }

    fn note(&mut self, frame: &Frame, to: &dyn Engine) -> Result<(), BackupError> {
        let unreadable = |error| frame.unreadable(&error);
        let note = frame.sealed().note().map_err(unreadable)?;
        let stray = || unreadable(Unreadable::Damaged("its pool does not come before it"));
        let log = self.pools.get_mut(&frame.pool).ok_or_else(stray)?;
        let mut writes = Writes::default();
        notes::write(frame.pool, log, &note.name(), Some(&note), &mut writes)
            .ok_or_else(|| unreadable(Unreadable::Damaged("it is longer than any can be")))?;
        Ok(to.apply(writes)?)
    }

    fn write(&mut self, to: &dyn Engine) -> Result<(), BackupError> {
        self.bytes = 0;
        let mut draft = Draft::new(&mut self.pools);
        for frame in self.entries.drain(..) {
            let (_, entries) = (frame.sealed().log()).map_err(|error| frame.unreadable(&error))?;
            for entry in &entries {
                draft.replay(frame.pool, entry)?;
            }
        }
        Ok(to.apply(draft.finish())?)
    }

    /// Last of all the newest times, in a record each, and epochs.
    fn finish(&mut self, to: &dyn Engine, fence: Fence<'_>) -> Result<(), BackupError> {
        self.write(to)?;
        for sum in &self.sums {
            let log = self.pools.get_mut(&PoolId(sum.pool));
            let whole = log.filter(|log| log.len() as u64 == sum.tasks);
            let log = whole.ok_or_else(|| {
                let what = format!("pool number {} in the backup", sum.pool);
                BackupError::damaged(what, "its tasks are not those that it should have")
            })?;
            log.at = Timestamp::from_millis(sum.at);
            let no_epoch = || BackupError::NoEpoch(log.name.clone());
            log.epoch = fence(log.epoch).ok_or_else(no_epoch)?;
        }
        let mut draft = Draft::new(&mut self.pools);
        for sum in &self.sums {
            draft.carry(PoolId(sum.pool), &[])?;
        }
        let mut writes = draft.finish();
        for (id, log) in &self.pools {
            notes::write_pool(*id, log, &mut writes);
        }
        Ok(to.apply(writes)?)
    }
}
