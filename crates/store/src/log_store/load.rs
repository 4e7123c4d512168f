//! From what is stored to what is kept in memory, with everything checked on the way.

use std::{collections::BTreeMap, sync::mpsc, thread};

use leasehold_core::PoolId;

use super::{
    damage,
    engine::Engine,
    index::PoolLog,
    keys,
    notes::{self, Notes},
    reader::Reader,
    states::States,
};
use crate::{
    StoreError, StoredTasks,
    record::{Entry, Header, LogHead, Sealed, Unreadable, What},
};

/// Values that are read ahead of the one that is looked at.
const AHEAD: usize = 64;

/// So many tasks are read ahead of who takes them, on another thread.
const READ_AHEAD: usize = 4096;

/// Reads all pools of a generation.
pub(super) fn load(
    engine: &dyn Engine,
    generation: u64,
) -> Result<BTreeMap<PoolId, PoolLog>, StoreError> {
    check_header(engine, generation)?;
    let mut pools = load_pools(engine)?;
    notes::load(engine, &mut pools)?;
    // What is read is as it stands now.
    drop(engine.settled());
    let mut heads = BTreeMap::new();
    scan_ahead(engine, keys::LOGS, |key, value| {
        let (id, head) = replay(engine, &mut pools, key, value)?;
        heads.insert(id, head);
        Ok(())
    })?;
    for (id, head) in heads {
        check_whole(engine, &pools[&id], head)?;
    }
    Ok(pools)
}

/// The tasks of a pool, in no order. Their states were kept when the store was opened, unless the
/// pool was opened since: then the log is read again, all of which must have settled.
pub(super) fn tasks(
    engine: &dyn Engine,
    id: PoolId,
    log: &PoolLog,
    states: Option<States>,
) -> Result<StoredTasks, StoreError> {
    let states = match states {
        Some(states) => states,
        None => read_states(engine, id, log)?,
    };
    let pool = format!("pool {} in {}", log.name, engine.values().display());
    let tasks = states.into_tasks().map(move |read| {
        read.map_err(|(task, error)| {
            damage::unreadable(format!("the state of task {task} of {pool}"), &error)
        })
    });
    if log.len() < READ_AHEAD {
        return Ok(StoredTasks::new(log.len(), tasks));
    }
    let tasks = Reader::begin(tasks, engine.path())?;
    Ok(StoredTasks::new(log.len(), tasks))
}

fn read_states(engine: &dyn Engine, id: PoolId, log: &PoolLog) -> Result<States, StoreError> {
    let mut states = States::default();
    scan_ahead(engine, &keys::log(id), |key, value| {
        let Some((_, seq)) = keys::parse_record(key) else {
            return Ok(());
        };
        let read = take_states(log, seq, key, value, &mut states);
        read.map_err(|error| unreadable(engine, log, seq, &error))
    })?;
    Ok(states)
}

/// Reads the next values on another thread while one is looked at.
fn scan_ahead(
    engine: &dyn Engine,
    prefix: &[u8],
    mut look: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    thread::scope(|scope| {
        let (ahead, values) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || {
            for value in engine.scan(prefix) {
                // Nobody looks any more after an error.
                if ahead.send(value).is_err() {
                    return;
                }
            }
        });
        for value in values {
            let (key, value) = value?;
            look(&key, &value)?;
        }
        Ok(())
    })
}

fn check_header(engine: &dyn Engine, generation: u64) -> Result<(), StoreError> {
    let what = || format!("the header in {}", engine.values().display());
    let Some(found) = engine.scan(keys::HEADER).next() else {
        return Err(damage::damaged(what(), "it is gone"));
    };
    let (key, value) = found?;
    let header = Sealed::open(&key, &value).and_then(|sealed| sealed.header());
    if header.map_err(|error| damage::unreadable(what(), &error))? == (Header { generation }) {
        return Ok(());
    }
    Err(damage::damaged(what(), "it is of another generation"))
}

fn load_pools(engine: &dyn Engine) -> Result<BTreeMap<PoolId, PoolLog>, StoreError> {
    let mut pools = BTreeMap::new();
    for (number, record) in (1..).zip(engine.scan(keys::POOLS)) {
        let (key, value) = record?;
        let what = || format!("pool number {number} in {}", engine.values().display());
        let pool = Sealed::open(&key, &value).and_then(|sealed| sealed.pool());
        let (pool, notes) = pool.map_err(|error| damage::unreadable(what(), &error))?;
        if keys::parse_pool(&key) != Some(PoolId(number)) {
            return Err(damage::damaged(what(), "it is gone"));
        }
        let mut log = PoolLog::new(pool);
        log.notes = Notes::expecting(notes);
        log.keep_states();
        pools.insert(PoolId(number), log);
    }
    Ok(pools)
}

/// Takes note of a record, and returns the oldest sequence that it says must stand.
fn replay(
    engine: &dyn Engine,
    pools: &mut BTreeMap<PoolId, PoolLog>,
    key: &[u8],
    value: &[u8],
) -> Result<(PoolId, u64), StoreError> {
    let what = || {
        format!(
            "the record at key {key:02x?} in {}",
            engine.values().display()
        )
    };
    let (id, seq) = keys::parse_record(key)
        .ok_or_else(|| damage::damaged(what(), "its key is none of ours"))?;
    let log = pools
        .get_mut(&id)
        .ok_or_else(|| damage::damaged(what(), "it is of a pool that is not there"))?;
    let opened = Sealed::open(key, value).and_then(|sealed| sealed.log());
    let (head, entries) = opened.map_err(|error| unreadable(engine, log, seq, &error))?;
    let first = head.first.unwrap_or(seq);
    if log.next() == log.head() {
        log.begin_at(first);
    }
    if first != log.next() || first > seq {
        return Err(unreadable(
            engine,
            log,
            log.next(),
            &Unreadable::Damaged("it is gone"),
        ));
    }
    let read = replay_record(log, seq, value.len(), &head, &entries);
    read.map_err(|error| unreadable(engine, log, seq, &error))?;
    Ok((id, head.head))
}

fn replay_record(
    log: &mut PoolLog,
    seq: u64,
    bytes: usize,
    head: &LogHead,
    entries: &[Entry<'_>],
) -> Result<(), Unreadable> {
    if head.epoch > log.epoch {
        return Err(Unreadable::Damaged(
            "it is of a later owner than the pool ever had",
        ));
    }
    let first = log.next();
    while log.next() <= seq {
        log.add_record();
    }
    log.settle(first, seq, bytes);
    log.at = log.at.max(head.at);
    for entry in entries {
        log.note(seq, entry, &mut |_, _, _| {});
    }
    Ok(())
}

fn check_whole(engine: &dyn Engine, log: &PoolLog, head: u64) -> Result<(), StoreError> {
    if !log.begins_with(head) {
        let gone = Unreadable::Damaged("it is gone, and the newest record relies on it");
        return Err(unreadable(engine, log, head, &gone));
    }
    let Some(orphan) = log.orphan() else {
        return Ok(());
    };
    let what = format!("pool {} in {}", log.name, engine.values().display());
    Err(damage::damaged(
        what,
        format!("the state of task {orphan} is gone"),
    ))
}

fn take_states(
    log: &PoolLog,
    seq: u64,
    key: &[u8],
    value: &[u8],
    states: &mut States,
) -> Result<(), Unreadable> {
    let (_, entries) = Sealed::open(key, value)?.log()?;
    for entry in entries {
        if let What::State(state) | What::Completed(state) = entry.what
            && let Some(number) = log.newest_in(seq, entry.task)
        {
            states.put(number, entry.task, state);
        }
    }
    Ok(())
}

fn unreadable(engine: &dyn Engine, log: &PoolLog, seq: u64, error: &Unreadable) -> StoreError {
    damage::unreadable(damage::record(&engine.values(), &log.name, seq), error)
}
