//! Generations: a new one is written beside the current one, read back, and only then named.
//!
//! sled never gives space back, and fjall a part of it: after a peak the store is written anew.

use std::collections::BTreeMap;

use leasehold_core::PoolId;

use super::{
    LogOptions, damage,
    draft::Draft,
    engine::{self, Engine, Writes},
    folder::Folder,
    index::PoolLog,
    keys, load, notes, places,
    witness::Witness,
};
use crate::{
    StoreError,
    record::{self, Header, PoolRecord, Sealed},
};

/// Bytes that are written at once.
const BATCH_BYTES: usize = 1024 * 1024;

/// An open generation, and what is in it.
pub(super) type Generation = (Box<dyn Engine>, BTreeMap<PoolId, PoolLog>);

/// Opens the current generation, or makes the first one.
pub(super) fn open(folder: &mut Folder, options: &LogOptions) -> Result<Generation, StoreError> {
    let generation = folder.generation();
    if generation == 0 {
        let first = prepare(folder, None, options)?;
        folder.switch(1)?;
        return Ok(first);
    }
    let path = folder.generation_path(generation);
    if !path.is_dir() {
        let reason = format!("{} is gone", path.display());
        let what = format!("the data folder {}", folder.path().display());
        return Err(damage::damaged(what, reason));
    }
    let opened = load_or_close(engine::open(folder.engine(), &path, options)?, generation)?;
    // Before anything is written that an older hub would pass over.
    folder.raise_format()?;
    Ok(opened)
}

/// Writes the store anew and switches to that, or keeps what there is: a disk that is too full for
/// a second copy is no reason not to start.
pub(super) fn shrink(
    folder: &mut Folder,
    current: Generation,
    options: &LogOptions,
) -> Result<Generation, StoreError> {
    tracing::info!(folder = %folder.path().display(), "writing the store anew to free space");
    match prepare(folder, Some(&current), options) {
        Ok(next) => {
            current.0.close();
            // Once the marker may name the next one, nothing more must be written to this one.
            folder.switch(folder.generation() + 1)?;
            Ok(next)
        }
        Err(error) => {
            tracing::warn!(%error, "the store stays as it is: it could not be written anew");
            folder.sweep();
            Ok(current)
        }
    }
}

/// Writes the next generation, of what is live in this one or empty, and reads it back.
pub(super) fn prepare(
    folder: &Folder,
    from: Option<&Generation>,
    options: &LogOptions,
) -> Result<Generation, StoreError> {
    let generation = folder.generation() + 1;
    let to = engine::open(folder.engine(), &folder.clear(generation)?, options)?;
    if let Err(error) = fill(&*to, generation, from) {
        to.close();
        return Err(error);
    }
    load_or_close(to, generation)
}

pub(super) fn load_or_close(
    engine: Box<dyn Engine>,
    generation: u64,
) -> Result<Generation, StoreError> {
    let loaded = load::load(&*engine, generation).and_then(|pools| {
        Witness::open(engine.path())?.check(&pools, &*engine)?;
        Ok(pools)
    });
    match loaded {
        Ok(pools) => Ok((engine, pools)),
        Err(error) => {
            engine.close();
            Err(error)
        }
    }
}

fn fill(to: &dyn Engine, generation: u64, from: Option<&Generation>) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    let header = record::seal_header(keys::HEADER, &Header { generation });
    writes.put(keys::HEADER, header);
    to.apply(writes)?;
    if let Some((engine, pools)) = from {
        copy(&**engine, pools, to)?;
    }
    to.sync()
}

fn copy(
    from: &dyn Engine,
    pools: &BTreeMap<PoolId, PoolLog>,
    to: &dyn Engine,
) -> Result<(), StoreError> {
    let mut copies = BTreeMap::new();
    let mut writes = Writes::default();
    for (id, log) in pools {
        let pool = PoolRecord {
            name: log.name.clone(),
            epoch: log.epoch,
        };
        let mut copy = PoolLog::new(pool);
        copy.at = log.at;
        copy.notes = log.notes.clone();
        notes::write_pool(*id, &copy, &mut writes);
        notes::copy(*id, &copy, &mut writes);
        copies.insert(*id, copy);
    }
    to.apply(writes)?;
    for (id, log) in pools {
        copy_log(from, *id, log, to, &mut copies)?;
        copy_apart(from, *id, log, to, &mut copies)?;
    }
    Ok(())
}

fn copy_log(
    from: &dyn Engine,
    id: PoolId,
    log: &PoolLog,
    to: &dyn Engine,
    copies: &mut BTreeMap<PoolId, PoolLog>,
) -> Result<(), StoreError> {
    let mut draft = Draft::new(copies);
    for record in from.scan(&keys::log(id)) {
        let (key, value) = record?;
        let Some((_, seq)) = keys::parse_record(&key) else {
            continue;
        };
        let entries = Sealed::open(&key, &value).and_then(|sealed| sealed.log());
        let (_, entries) = entries.map_err(|error| {
            damage::unreadable(damage::record(&from.values(), &log.name, seq), &error)
        })?;
        // Also when nothing is live: the newest time goes with the record.
        draft.carry(id, &log.live(seq, &entries))?;
        if draft.bytes() >= BATCH_BYTES {
            to.apply(draft.finish())?;
            draft = Draft::new(copies);
        }
    }
    to.apply(draft.finish())
}

fn copy_apart(
    from: &dyn Engine,
    id: PoolId,
    log: &PoolLog,
    to: &dyn Engine,
    copies: &mut BTreeMap<PoolId, PoolLog>,
) -> Result<(), StoreError> {
    let mut draft = Draft::new(copies);
    for (task, kind, len) in log.all_apart() {
        let value = places::apart(from, id, &log.name, task, kind, len)?;
        draft.put_apart(&keys::blob(id, task, kind), value);
        if draft.bytes() >= BATCH_BYTES {
            to.apply(draft.finish())?;
            draft = Draft::new(copies);
        }
    }
    to.apply(draft.finish())
}
