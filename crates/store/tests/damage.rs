//! What is damaged is named, and never passed over.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod engines;
mod raw;

use std::{
    fs::{self, File},
    path::Path,
};

use leasehold_core::{Change, TaskId, Timestamp};
use leasehold_store::{
    Blob, LogEngine, LogOptions, LogStore, PoolBatch, Store, StoreError, conformance::sample,
};
use tempfile::TempDir;

use crate::engines::with_each_engine;

const RECORDS: u64 = 6;

with_each_engine![
    a_flipped_bit_in_any_value_is_noticed,
    a_value_that_is_gone_is_noticed,
    a_hole_in_the_log_is_named,
    a_missing_oldest_record_is_named,
    a_record_of_a_later_version_is_named,
    a_folder_of_a_later_format_is_named,
    a_damaged_marker_is_noticed,
    a_generation_that_is_gone_is_noticed,
    an_emptied_generation_is_noticed,
    a_damaged_payload_wants_a_reopen,
    a_flipped_bit_anywhere_in_the_file_loses_nothing_in_silence,
    a_file_that_was_cut_short_is_noticed,
    a_marker_that_names_another_generation_removes_nothing,
    a_folder_that_is_deleted_under_the_store_takes_nothing_more,
    a_folder_that_was_deleted_and_put_back_is_held_again,
    rubbish_for_a_database_is_an_error,
];

fn a_flipped_bit_in_any_value_is_noticed(engine: LogEngine) {
    let whole = store(engine);
    let values = raw::values(engine, whole.path());
    assert!(values.len() > 10, "{} values", values.len());
    for (key, value) in values {
        let folder = copy_of(engine, whole.path());
        for at in [0, value.len() / 2, value.len() - 1] {
            let mut flipped = value.clone();
            flipped[at] ^= 0x10;
            raw::set(engine, folder.path(), &key, Some(&flipped));
            assert_damaged(read_all(engine, folder.path()), folder.path());
        }
    }
    read_all(engine, whole.path()).unwrap();
}

fn a_value_that_is_gone_is_noticed(engine: LogEngine) {
    let whole = store(engine);
    for (key, _) in raw::values(engine, whole.path()) {
        let folder = copy_of(engine, whole.path());
        raw::set(engine, folder.path(), &key, None);
        assert_damaged(read_all(engine, folder.path()), folder.path());
    }
    read_all(engine, whole.path()).unwrap();
}

fn a_hole_in_the_log_is_named(engine: LogEngine) {
    let folder = store(engine);
    raw::set(engine, folder.path(), &record_key(engine, 3), None);
    let error = open(engine, folder.path()).unwrap_err().to_string();
    for part in [
        "record 3",
        "pool mine",
        folder.path().to_str().unwrap(),
        "keep a copy",
    ] {
        assert!(error.contains(part), "{part:?} in {error:?}");
    }
}

fn a_missing_oldest_record_is_named(engine: LogEngine) {
    let folder = store(engine);
    raw::set(engine, folder.path(), &record_key(engine, 1), None);
    let error = open(engine, folder.path()).unwrap_err().to_string();
    assert!(error.contains("record 1 of pool mine"), "{error:?}");
}

fn a_record_of_a_later_version_is_named(engine: LogEngine) {
    let folder = store(engine);
    let stored = record_key(engine, 2);
    let key = &stored[..13];
    let crc = crc32c::crc32c(&[key, &[9], b"who knows"].concat());
    let value = [&[9][..], &crc.to_le_bytes(), b"who knows"].concat();
    raw::set(engine, folder.path(), &stored, Some(&value));
    let error = open(engine, folder.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Incompatible { found: 9, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("record 2 of pool mine"),
        "{error}"
    );
}

fn a_folder_of_a_later_format_is_named(engine: LogEngine) {
    let folder = store(engine);
    set_marker(folder.path(), |text| text.replace("format ", "format 9"));
    let error = open(engine, folder.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Incompatible { found: 93, .. }),
        "{error}"
    );
    set_marker(folder.path(), |text| text.replace("format 9", "format "));
    read_all(engine, folder.path()).unwrap();
}

fn a_damaged_marker_is_noticed(engine: LogEngine) {
    let damaged: [&[u8]; 4] = [b"", b"hello", b"format 1\ngeneration 1\n", &[0xff; 40]];
    for bytes in damaged {
        let folder = store(engine);
        fs::write(folder.path().join("LEASEHOLD"), bytes).unwrap();
        assert_damaged(open(engine, folder.path()).map(drop), folder.path());
        assert!(folder.path().join(generation(engine, 1)).exists());
    }
}

fn a_generation_that_is_gone_is_noticed(engine: LogEngine) {
    let folder = store(engine);
    fs::rename(
        folder.path().join(generation(engine, 1)),
        folder.path().join("aside"),
    )
    .unwrap();
    assert_damaged(open(engine, folder.path()).map(drop), folder.path());
    fs::rename(
        folder.path().join("aside"),
        folder.path().join(generation(engine, 1)),
    )
    .unwrap();
    read_all(engine, folder.path()).unwrap();
}

fn an_emptied_generation_is_noticed(engine: LogEngine) {
    let folder = store(engine);
    fs::remove_dir_all(folder.path().join(generation(engine, 1))).unwrap();
    fs::create_dir(folder.path().join(generation(engine, 1))).unwrap();
    assert_damaged(open(engine, folder.path()).map(drop), folder.path());
}

fn a_damaged_payload_wants_a_reopen(engine: LogEngine) {
    let folder = store(engine);
    let (key, mut value) = raw::values(engine, folder.path())
        .into_iter()
        .find(|(_, value)| value.len() > 20_000)
        .unwrap();
    value[100] ^= 1;
    raw::set(engine, folder.path(), &key, Some(&value));
    let mut store = open(engine, folder.path()).unwrap();
    let pool = store.open_pool(&"mine".parse().unwrap()).unwrap();
    let error = store.blob(pool.id, id(2), Blob::Payload).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(matches!(store.commit(&[]), Err(StoreError::Poisoned)));
    store.reopen().unwrap();
    store.commit(&[]).unwrap();
}

fn a_flipped_bit_anywhere_in_the_file_loses_nothing_in_silence(engine: LogEngine) {
    let whole = store(engine);
    let counts = count_tasks(engine, whole.path()).unwrap();
    let file = raw::log_file(engine);
    let whole_file = fs::read(whole.path().join(&file)).unwrap();
    let mut noticed = 0;
    for at in (0..whole_file.len()).step_by(whole_file.len() / 40) {
        let folder = copy_of(engine, whole.path());
        let mut damaged = whole_file.clone();
        damaged[at] ^= 4;
        fs::write(folder.path().join(&file), damaged).unwrap();
        match count_tasks(engine, folder.path()) {
            Ok(found) => assert_eq!(found, counts, "after a flip at {at}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 0);
}

/// Wherever it is cut: what the engine lacks then may stand in its journal, but never is anything
/// missing without a word.
fn a_file_that_was_cut_short_is_noticed(engine: LogEngine) {
    let mut noticed = 0;
    for eighths in 0..8 {
        let folder = store(engine);
        let file = File::options()
            .write(true)
            .open(folder.path().join(raw::log_file(engine)))
            .unwrap();
        let len = file.metadata().unwrap().len();
        file.set_len(len * eighths / 8).unwrap();
        drop(file);
        match open(engine, folder.path()) {
            Err(_) => noticed += 1,
            Ok(store) => {
                drop(store);
                assert_eq!(read_all(engine, folder.path()).unwrap(), 10);
            }
        }
    }
    assert!(noticed > 0);
}

fn a_marker_that_names_another_generation_removes_nothing(engine: LogEngine) {
    let folder = store(engine);
    let renamed = folder.path().join(generation(engine, 2));
    fs::rename(folder.path().join(generation(engine, 1)), &renamed).unwrap();
    assert_damaged(open(engine, folder.path()).map(drop), folder.path());
    fs::rename(renamed, folder.path().join(generation(engine, 1))).unwrap();
    read_all(engine, folder.path()).unwrap();
}

fn a_folder_that_is_deleted_under_the_store_takes_nothing_more(engine: LogEngine) {
    let folder = store(engine);
    let mut store = open(engine, folder.path()).unwrap();
    let pool = store.open_pool(&"mine".parse().unwrap()).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    let batch = PoolBatch {
        pool: pool.id,
        epoch: pool.epoch,
        at: Timestamp::from_millis(99),
        changes: vec![sample::enqueued(id(99), b"late")],
    };
    let error = store.commit(&[batch]).unwrap_err();
    assert!(error.to_string().contains("was deleted"), "{error}");
}

fn a_folder_that_was_deleted_and_put_back_is_held_again(engine: LogEngine) {
    let folder = store(engine);
    let copy = copy_of(engine, folder.path());
    let mut store = open(engine, folder.path()).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    assert_damaged(store.reopen(), folder.path());
    assert!(!folder.path().exists(), "nothing is made where it was");
    copy_folder(copy.path(), folder.path());
    store.reopen().unwrap();
    assert_eq!(store.pools().len(), 2);
    let error = open(engine, folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
}

fn rubbish_for_a_database_is_an_error(engine: LogEngine) {
    let folder = store(engine);
    fs::write(folder.path().join(raw::first_file(engine)), [0xff; 64]).unwrap();
    assert_damaged(open(engine, folder.path()).map(drop), folder.path());
}

/// A store with two pools, and records that have one part or several.
fn store(engine: LogEngine) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mine", "other"] {
        for number in 1..=RECORDS {
            // What goes through a journal together would stand together.
            let mut store = open(engine, folder.path()).unwrap();
            let pool = store.open_pool(&name.parse().unwrap()).unwrap();
            let id = id(u128::from(number));
            let payload = vec![3; if number % 2 == 0 { 20_000 } else { 3_000 }];
            let mut changes = vec![sample::enqueued(id, &payload), sample::claimed(id)];
            if number == RECORDS {
                changes = vec![sample::failed(id, "once"), Change::Forget(id)];
                changes.extend(sample::notes().map(Change::from));
            }
            let at = Timestamp::from_millis(number);
            let batch = PoolBatch {
                pool: pool.id,
                epoch: pool.epoch,
                at,
                changes,
            };
            store.commit(&[batch]).unwrap();
            drop(store);
        }
    }
    // fjall cuts off at the next open what it had laid out ahead.
    raw::values(engine, folder.path());
    folder
}

/// Tasks of each pool.
fn count_tasks(engine: LogEngine, folder: &Path) -> Result<Vec<usize>, StoreError> {
    let mut store = open(engine, folder)?;
    let count = |name| Ok(store.open_pool(&name)?.tasks.all()?.len());
    let names = ["mine", "other"].map(|name| name.parse().unwrap());
    names.into_iter().map(count).collect()
}

fn copy_of(engine: LogEngine, folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(folder.join("LEASEHOLD"), copy.path().join("LEASEHOLD")).unwrap();
    raw::wait_until_closed(engine, folder);
    let name = generation(engine, 1);
    copy_folder(&folder.join(&name), &copy.path().join(&name));
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_folder(&file.path(), &to);
        } else {
            fs::copy(file.path(), to).unwrap();
        }
    }
}

/// Reads everything there is.
/// How many tasks there are, each of which reads.
fn read_all(engine: LogEngine, folder: &Path) -> Result<usize, StoreError> {
    let mut store = open(engine, folder)?;
    let mut tasks = 0;
    for name in store.pools() {
        let pool = store.open_pool(&name)?;
        for task in pool.tasks.all()? {
            tasks += 1;
            store.blob(pool.id, task.id, Blob::Payload)?;
            store.blob(pool.id, task.id, Blob::Result)?;
        }
    }
    Ok(tasks)
}

fn open(engine: LogEngine, folder: &Path) -> Result<LogStore, StoreError> {
    let options = LogOptions {
        engine,
        ..LogOptions::default()
    };
    LogStore::open(folder, options)
}

fn generation(engine: LogEngine, number: u32) -> String {
    format!("{}-{number}", engine.name())
}

fn id(number: u128) -> TaskId {
    TaskId::from_u128(number)
}

/// Of the first pool; of sled's, the first part.
fn record_key(engine: LogEngine, seq: u64) -> Vec<u8> {
    let key = [&b"L\x00\x00\x00\x01"[..], &seq.to_be_bytes()].concat();
    match engine {
        LogEngine::Sled => [&key[..], &[0, 0]].concat(),
        LogEngine::Fjall => key,
    }
}

fn set_marker(folder: &Path, edit: impl FnOnce(&str) -> String) {
    let marker = folder.join("LEASEHOLD");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, edit(&text)).unwrap();
}

fn assert_damaged<T>(outcome: Result<T, StoreError>, folder: &Path) {
    match outcome {
        Err(error @ StoreError::Damaged { .. }) => {
            assert!(
                error.to_string().contains(folder.to_str().unwrap()),
                "{error}"
            );
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was passed over"),
    }
}
