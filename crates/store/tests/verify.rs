//! A look at every record: all that is damaged is named, and what is whole is counted.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod engines;
#[expect(dead_code, reason = "other tests need the rest of it")]
mod raw;

use std::path::Path;

use leasehold_core::{Change, TaskId, Timestamp};
use leasehold_store::{
    LogEngine, LogOptions, LogStore, PoolBatch, Store, StoreError, Unused, Verified,
    conformance::sample, verify_store,
};
use tempfile::TempDir;

use crate::engines::with_each_engine;

const RECORDS: u64 = 6;

with_each_engine![
    what_is_whole_is_counted,
    all_that_is_damaged_is_named,
    a_hole_is_named,
    a_value_that_is_gone_is_noticed,
    a_flipped_bit_in_any_value_is_noticed,
    a_payload_of_another_length_is_named,
    a_payload_that_no_record_names_is_damage,
    room_that_is_free_is_told_and_is_no_damage,
    a_store_in_use_is_refused,
];

fn options(engine: LogEngine) -> LogOptions {
    LogOptions {
        engine,
        ..LogOptions::default()
    }
}

/// A record for each commit, each with a task; two of them with a payload that stands apart. The
/// store is closed after each: so none is folded with others.
fn store(engine: LogEngine) -> TempDir {
    let folder = TempDir::new().unwrap();
    for number in 0..u128::from(RECORDS) {
        let len = if number < 2 { 9000 } else { 100 };
        let mut changes = vec![sample::enqueued(TaskId::from_u128(number), &vec![9; len])];
        if number == 0 {
            changes.extend(sample::notes().map(Change::from));
        }
        commit(engine, folder.path(), changes);
    }
    folder
}

fn commit(engine: LogEngine, folder: &Path, changes: Vec<Change>) {
    commit_all(engine, folder, [changes]);
}

/// One after the other, each brought to where it belongs: that is what opening a pool again does.
fn commit_all(engine: LogEngine, folder: &Path, all: impl IntoIterator<Item = Vec<Change>>) {
    let mut store = LogStore::open(folder, options(engine)).unwrap();
    for changes in all {
        let opened = store.open_pool(&"mine".parse().unwrap()).unwrap();
        let batch = PoolBatch {
            pool: opened.id,
            epoch: opened.epoch,
            at: Timestamp::from_millis(1),
            changes,
        };
        store.commit(&[batch]).unwrap();
    }
    drop(store);
    raw::wait_until_closed(engine, folder);
}

fn verify(folder: &Path) -> Verified {
    let scratch = TempDir::new().unwrap();
    // What a kill leaves.
    std::fs::create_dir(scratch.path().join(".leasehold-verify-dead")).unwrap();
    let verified = verify_store(folder, scratch.path(), &mut |_| {}).unwrap();
    assert_eq!(
        scratch.path().read_dir().unwrap().count(),
        0,
        "the copy is gone"
    );
    for found in &verified.found {
        let scratch = scratch.path().display().to_string();
        assert!(
            !found.what.contains(&scratch) && !found.why.contains(&scratch),
            "{found:?}"
        );
    }
    verified
}

fn record_key(engine: LogEngine, seq: u64) -> Vec<u8> {
    let key = [&b"L"[..], &1_u32.to_be_bytes(), &seq.to_be_bytes()].concat();
    match engine {
        LogEngine::Sled => [&key[..], &[0, 0]].concat(),
        LogEngine::Fjall => key,
    }
}

fn flip(engine: LogEngine, folder: &Path, key: &[u8], at: impl Fn(usize) -> usize) {
    let values = raw::values(engine, folder);
    let (_, mut value) = values.into_iter().find(|(of, _)| of == key).unwrap();
    let at = at(value.len());
    value[at] ^= 1;
    raw::set(engine, folder, key, Some(&value));
}

fn what_is_whole_is_counted(engine: LogEngine) {
    let folder = store(engine);
    let verified = verify(folder.path());
    assert_eq!((&verified.found[..], verified.engine), (&[][..], engine));
    let pool = &verified.pools[0];
    assert_eq!(
        (pool.census.tasks, pool.census.by_state["ready"]),
        (RECORDS, RECORDS)
    );
    assert_eq!((pool.census.payload_bytes, pool.census.notes), (18_400, 3));
    assert_eq!(
        (pool.records, pool.sequences, pool.apart),
        (RECORDS, (1, RECORDS), 2)
    );
}

/// Not only the first.
fn all_that_is_damaged_is_named(engine: LogEngine) {
    let folder = store(engine);
    for seq in [2, 5] {
        flip(engine, folder.path(), &record_key(engine, seq), |len| {
            len / 2
        });
    }
    let found = verify(folder.path()).found;
    let named: Vec<_> = found.iter().map(|found| found.what.as_str()).collect();
    let record = |seq| {
        let path = folder.path().join(place_of_values(engine));
        format!("record {seq} of pool mine in {}", path.display())
    };
    assert_eq!(named, [record(2), record(5)]);
    assert!(found[0].why.contains("checksum"), "{found:?}");
}

/// As errors name it, in the data folder.
const fn place_of_values(engine: LogEngine) -> &'static str {
    match engine {
        LogEngine::Sled => "sled-1/db",
        LogEngine::Fjall => "fjall-1",
    }
}

fn a_hole_is_named(engine: LogEngine) {
    let folder = store(engine);
    raw::set(engine, folder.path(), &record_key(engine, 3), None);
    let found = verify(folder.path()).found;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].what.contains("record 3 of pool mine"), "{found:?}");
    assert_eq!(found[0].why, "it is gone");
}

fn a_value_that_is_gone_is_noticed(engine: LogEngine) {
    let whole = store(engine);
    for (key, value) in raw::values(engine, whole.path()) {
        raw::set(engine, whole.path(), &key, None);
        let found = verify(whole.path()).found;
        assert!(!found.is_empty(), "{key:02x?}");
        raw::set(engine, whole.path(), &key, Some(&value));
    }
    assert_eq!(verify(whole.path()).found, []);
}

fn a_flipped_bit_in_any_value_is_noticed(engine: LogEngine) {
    let whole = store(engine);
    for (key, value) in raw::values(engine, whole.path()) {
        for at in [0, value.len() - 1] {
            let mut flipped = value.clone();
            flipped[at] ^= 0x10;
            raw::set(engine, whole.path(), &key, Some(&flipped));
            assert!(!verify(whole.path()).found.is_empty(), "{key:02x?}");
        }
        raw::set(engine, whole.path(), &key, Some(&value));
    }
    assert_eq!(verify(whole.path()).found, []);
}

/// A checksum alone would not tell.
fn a_payload_of_another_length_is_named(engine: LogEngine) {
    let folder = store(engine);
    let mut task = sample::task(TaskId::from_u128(77));
    task.payload_len = 5;
    let put = sample::put(task, leasehold_core::Cause::Enqueued, None);
    commit(engine, folder.path(), vec![put]);
    let found = verify(folder.path()).found;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].why.contains("0 bytes, and 5 were stored"),
        "{found:?}"
    );
}

/// It came with a record, and the record is gone.
fn a_payload_that_no_record_names_is_damage(engine: LogEngine) {
    for pool in [1_u32, 9] {
        let folder = store(engine);
        let task = TaskId::from_u128(99);
        let key = [&b"B"[..], &pool.to_be_bytes(), task.as_bytes(), &[0]].concat();
        let body = b"whose?";
        let sum = crc32c::crc32c(&[&key[..], &[1], body].concat());
        let value = [&[1][..], &sum.to_le_bytes(), body].concat();
        let stored = match engine {
            LogEngine::Sled => [&key[..], &[0, 0]].concat(),
            LogEngine::Fjall => key,
        };
        raw::set(engine, folder.path(), &stored, Some(&value));
        let found = verify(folder.path()).found;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains(&task.to_string()), "{found:?}");
        assert!(found[0].why.contains("no record names it"), "{found:?}");
    }
}

/// What removed payloads leave, and what a kill leaves of one before the commit that was to name it.
fn room_that_is_free_is_told_and_is_no_damage(engine: LogEngine) {
    let folder = TempDir::new().unwrap();
    let ids = || (0..3).map(TaskId::from_u128);
    let come = ids().map(|id| sample::enqueued(id, &[9; 9000])).collect();
    commit_all(engine, folder.path(), [come]);
    assert_eq!(verify(folder.path()).unused, Unused::default());
    let folder = TempDir::new().unwrap();
    let come = ids().map(|id| sample::enqueued(id, &[9; 9000])).collect();
    let go = ids().take(2).map(Change::Forget).collect();
    commit_all(engine, folder.path(), [come, go]);
    if engine == LogEngine::Sled {
        // One of the slots that were made with those, and in which nothing ever was.
        let slot = [&b"S"[..], &20_u32.to_be_bytes(), &[8]].concat();
        raw::set(engine, folder.path(), &slot, Some(&[7; 500]));
    }
    let verified = verify(folder.path());
    assert_eq!(verified.found, []);
    // Of a payload with its seal of five bytes.
    let expected = match engine {
        LogEngine::Sled => (3, 2 * 9_005 + 500),
        LogEngine::Fjall => (0, 0),
    };
    assert_eq!((verified.unused.slots, verified.unused.bytes), expected);
}

fn a_store_in_use_is_refused(engine: LogEngine) {
    let folder = store(engine);
    let held = LogStore::open(folder.path(), options(engine)).unwrap();
    let scratch = TempDir::new().unwrap();
    let refused = verify_store(folder.path(), scratch.path(), &mut |_| {});
    assert!(matches!(refused, Err(StoreError::InUse(_))), "{refused:?}");
    drop(held);
    assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
}
