//! What is damaged is named, and never passed over.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs::{self, File},
    path::Path,
};

use leasehold_core::{Change, TaskId, Timestamp};
use leasehold_store::{
    Blob, LogOptions, LogStore, PoolBatch, Store, StoreError, conformance::sample,
};
use tempfile::TempDir;

const RECORDS: u64 = 6;

#[test]
fn a_flipped_bit_in_any_value_is_noticed() {
    let whole = store();
    let values = values(whole.path());
    assert!(values.len() > 10, "{} values", values.len());
    for (key, value) in values {
        let folder = copy_of(whole.path());
        for at in [0, value.len() / 2, value.len() - 1] {
            let mut flipped = value.clone();
            flipped[at] ^= 0x10;
            set(folder.path(), &key, Some(&flipped));
            assert_damaged(read_all(folder.path()), folder.path());
        }
    }
    read_all(whole.path()).unwrap();
}

#[test]
fn a_value_that_is_gone_is_noticed() {
    let whole = store();
    for (key, _) in values(whole.path()) {
        let folder = copy_of(whole.path());
        set(folder.path(), &key, None);
        assert_damaged(read_all(folder.path()), folder.path());
    }
    read_all(whole.path()).unwrap();
}

#[test]
fn a_hole_in_the_log_is_named() {
    let folder = store();
    set(folder.path(), &record_key(3), None);
    let error = open(folder.path()).unwrap_err().to_string();
    for part in [
        "record 3",
        "pool mine",
        folder.path().to_str().unwrap(),
        "keep a copy",
    ] {
        assert!(error.contains(part), "{part:?} in {error:?}");
    }
}

#[test]
fn a_missing_oldest_record_is_named() {
    let folder = store();
    set(folder.path(), &record_key(1), None);
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("record 1 of pool mine"), "{error:?}");
}

#[test]
fn a_record_of_a_later_version_is_named() {
    let folder = store();
    let stored = record_key(2);
    let (key, _) = stored.split_last_chunk::<2>().unwrap();
    let crc = crc32c::crc32c(&[key, &[9], b"who knows"].concat());
    let value = [&[9][..], &crc.to_le_bytes(), b"who knows"].concat();
    set(folder.path(), &stored, Some(&value));
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Incompatible { found: 9, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("record 2 of pool mine"),
        "{error}"
    );
}

#[test]
fn a_folder_of_a_later_format_is_named() {
    let folder = store();
    set_marker(folder.path(), |text| text.replace("format 1", "format 3"));
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Incompatible { found: 3, .. }),
        "{error}"
    );
    set_marker(folder.path(), |text| text.replace("format 3", "format 1"));
    read_all(folder.path()).unwrap();
}

#[test]
fn a_damaged_marker_is_noticed() {
    for text in ["", "hello", "format 1\ngeneration 1\n"] {
        let folder = store();
        set_marker(folder.path(), |_| text.to_owned());
        assert_damaged(open(folder.path()).map(drop), folder.path());
        assert!(folder.path().join("sled-1").exists());
    }
}

#[test]
fn a_generation_that_is_gone_is_noticed() {
    let folder = store();
    fs::rename(folder.path().join("sled-1"), folder.path().join("aside")).unwrap();
    assert_damaged(open(folder.path()).map(drop), folder.path());
    fs::rename(folder.path().join("aside"), folder.path().join("sled-1")).unwrap();
    read_all(folder.path()).unwrap();
}

#[test]
fn an_emptied_generation_is_noticed() {
    let folder = store();
    fs::remove_dir_all(folder.path().join("sled-1")).unwrap();
    fs::create_dir(folder.path().join("sled-1")).unwrap();
    assert_damaged(open(folder.path()).map(drop), folder.path());
}

#[test]
fn a_damaged_payload_wants_a_reopen() {
    let folder = store();
    let (key, mut value) = values(folder.path())
        .into_iter()
        .find(|(_, value)| value.len() > 20_000)
        .unwrap();
    value[100] ^= 1;
    set(folder.path(), &key, Some(&value));
    let mut store = open(folder.path()).unwrap();
    let pool = store.open_pool(&"mine".parse().unwrap()).unwrap();
    let error = store.blob(pool.id, id(2), Blob::Payload).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(matches!(store.commit(&[]), Err(StoreError::Poisoned)));
    store.reopen().unwrap();
    store.commit(&[]).unwrap();
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_loses_nothing_in_silence() {
    let whole = store();
    let counts = count_tasks(whole.path()).unwrap();
    let db = fs::read(whole.path().join("sled-1/db")).unwrap();
    let mut noticed = 0;
    for at in (0..db.len()).step_by(db.len() / 40) {
        let folder = copy_of(whole.path());
        let mut damaged = db.clone();
        damaged[at] ^= 4;
        fs::write(folder.path().join("sled-1/db"), damaged).unwrap();
        match count_tasks(folder.path()) {
            Ok(found) => assert_eq!(found, counts, "after a flip at {at}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 0);
}

#[test]
fn a_file_that_was_cut_short_is_noticed() {
    let folder = store();
    let db = File::options()
        .write(true)
        .open(folder.path().join("sled-1/db"))
        .unwrap();
    db.set_len(db.metadata().unwrap().len() / 3).unwrap();
    drop(db);
    open(folder.path()).unwrap_err();
}

#[test]
fn a_marker_that_names_another_generation_removes_nothing() {
    let folder = store();
    let renamed = folder.path().join("sled-2");
    fs::rename(folder.path().join("sled-1"), &renamed).unwrap();
    assert_damaged(open(folder.path()).map(drop), folder.path());
    fs::rename(renamed, folder.path().join("sled-1")).unwrap();
    read_all(folder.path()).unwrap();
}

#[test]
fn a_folder_that_is_deleted_under_the_store_takes_nothing_more() {
    let folder = store();
    let mut store = open(folder.path()).unwrap();
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

#[test]
fn rubbish_for_a_database_is_an_error() {
    let folder = store();
    fs::write(folder.path().join("sled-1/conf"), [0xff; 64]).unwrap();
    open(folder.path()).unwrap_err();
}

/// A store with two pools, and records that have one part or several.
fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    for name in ["mine", "other"] {
        let pool = store.open_pool(&name.parse().unwrap()).unwrap();
        for number in 1..=RECORDS {
            let id = id(u128::from(number));
            let payload = vec![3; if number % 2 == 0 { 20_000 } else { 3_000 }];
            let mut changes = vec![sample::enqueued(id, &payload), sample::claimed(id)];
            if number == RECORDS {
                changes = vec![sample::failed(id, "once"), Change::Forget(id)];
            }
            let at = Timestamp::from_millis(number);
            let batch = PoolBatch {
                pool: pool.id,
                epoch: pool.epoch,
                at,
                changes,
            };
            store.commit(&[batch]).unwrap();
        }
    }
    drop(store);
    folder
}

/// Tasks of each pool.
fn count_tasks(folder: &Path) -> Result<Vec<usize>, StoreError> {
    let mut store = open(folder)?;
    let count = |name| Ok(store.open_pool(&name)?.tasks.all()?.len());
    let names = ["mine", "other"].map(|name| name.parse().unwrap());
    names.into_iter().map(count).collect()
}

fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(folder.join("LEASEHOLD"), copy.path().join("LEASEHOLD")).unwrap();
    fs::create_dir(copy.path().join("sled-1")).unwrap();
    wait_until_closed(folder);
    for file in fs::read_dir(folder.join("sled-1")).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            fs::copy(
                file.path(),
                copy.path().join("sled-1").join(file.file_name()),
            )
            .unwrap();
        }
    }
    copy
}

/// Reads everything there is.
fn read_all(folder: &Path) -> Result<(), StoreError> {
    let mut store = open(folder)?;
    for name in store.pools() {
        let pool = store.open_pool(&name)?;
        for task in pool.tasks.all()? {
            store.blob(pool.id, task.id, Blob::Payload)?;
            store.blob(pool.id, task.id, Blob::Result)?;
        }
    }
    Ok(())
}

fn open(folder: &Path) -> Result<LogStore, StoreError> {
    LogStore::open(folder, LogOptions::default())
}

fn id(number: u128) -> TaskId {
    TaskId::from_u128(number)
}

/// As sled has it: the first part of a record of the first pool.
fn record_key(seq: u64) -> Vec<u8> {
    [&b"L\x00\x00\x00\x01"[..], &seq.to_be_bytes(), &[0, 0]].concat()
}

/// All but the spacers of slots, which say nothing.
fn values(folder: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let db = open_sled(folder);
    db.iter()
        .map(Result::unwrap)
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .filter(|(key, _)| key[0] != b'S' || key[5] == 8)
        .collect()
}

fn set(folder: &Path, key: &[u8], value: Option<&[u8]>) {
    let db = open_sled(folder);
    match value {
        Some(value) => db.insert(key, value).unwrap(),
        None => db.remove(key).unwrap(),
    };
    drop(db);
    wait_until_closed(folder);
}

fn open_sled(folder: &Path) -> sled::Db {
    sled::open(folder.join("sled-1")).unwrap()
}

/// A thread of sled's may hold on to the file for a moment.
fn wait_until_closed(folder: &Path) {
    File::open(folder.join("sled-1/db"))
        .unwrap()
        .lock()
        .unwrap();
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
