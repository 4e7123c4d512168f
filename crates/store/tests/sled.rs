//! The store on sled keeps the contract, and is careful with folders.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::Path};

use bytes::Bytes;
use leasehold_core::{Change, Task, TaskId, Timestamp};
use leasehold_store::{
    Blob, LogOptions, LogStore, OpenedPool, PoolBatch, Store, StoreError, conformance,
    conformance::sample,
};

#[test]
fn keeps_the_contract() {
    conformance::exercise(|| {
        let folder = tempfile::tempdir().unwrap();
        move || {
            assert_no_blob_files(folder.path());
            open(folder.path()).unwrap()
        }
    });
}

#[test]
fn makes_the_folder_and_those_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    drop(open(&path).unwrap());
    assert_eq!(names(&path), ["LEASEHOLD", "lock", "sled-1"]);
}

#[test]
fn a_folder_has_one_store_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(StoreError::InUse(path)) if path == folder.path()));
    drop(store);
    open(folder.path()).unwrap();
}

#[test]
fn a_reopen_keeps_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    store.reopen().unwrap();
    assert!(matches!(open(folder.path()), Err(StoreError::InUse(_))));
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "for years").unwrap();
    assert_not_a_store(folder.path(), "thesis.txt");
    assert_eq!(names(folder.path()), ["thesis.txt"]);
}

#[test]
fn a_sled_folder_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = sled::open(folder.path()).unwrap();
    db.insert("theirs", "valuable").unwrap();
    drop(db);
    // A thread of sled's may hold on to the file for a moment.
    fs::File::open(folder.path().join("db"))
        .unwrap()
        .lock()
        .unwrap();
    let before = names(folder.path());
    let db_file = fs::read(folder.path().join("db")).unwrap();
    assert!(matches!(
        open(folder.path()),
        Err(StoreError::NotAStore { .. })
    ));
    assert_eq!(names(folder.path()), before);
    assert!(fs::read(folder.path().join("db")).unwrap() == db_file);
}

#[test]
fn a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_not_a_store(&file, "not a folder");
    let error = open(&file.join("below")).unwrap_err().to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    // Not even root may write there.
    let error = open(Path::new("/proc/self/leasehold")).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(
        error.to_string().contains("/proc/self/leasehold"),
        "{error}"
    );
}

#[test]
fn a_first_open_that_was_killed_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    // As between the first marker and the second, with a generation half made.
    let marker = folder.path().join("LEASEHOLD");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("generation 1", "generation 0")).unwrap();
    fs::write(folder.path().join("LEASEHOLD.new"), "half wr").unwrap();
    fs::remove_file(folder.path().join("sled-1/conf")).unwrap();
    let mut store = open(folder.path()).unwrap();
    assert_eq!(open_pool(&mut store).tasks.len(), 0);
}

#[test]
fn an_unfinished_snapshot_does_not_brick_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    let pool = open_pool(&mut store);
    commit(&mut store, &pool, vec![sample::claimed(id(1))]);
    drop(store);
    let snapshot = folder
        .path()
        .join("sled-1/snap.0000000000000000.generating");
    fs::write(&snapshot, "half wr").unwrap();
    let mut store = open(folder.path()).unwrap();
    assert_eq!(open_pool(&mut store).tasks.len(), 1);
    assert!(!snapshot.exists());
}

#[test]
fn space_is_given_back_after_a_peak() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    let expected = peak(&mut store);
    let peak_bytes = store.stats().disk_bytes;
    drop(store);

    let options = LogOptions {
        spare_bytes: 1024 * 1024,
        ..LogOptions::default()
    };
    let mut store = LogStore::open(folder.path(), options).unwrap();
    assert_eq!(names(folder.path()), ["LEASEHOLD", "lock", "sled-2"]);
    assert!(
        store.stats().disk_bytes < peak_bytes / 4,
        "{:?} of {peak_bytes}",
        store.stats()
    );
    assert_eq!(store.latest(), Timestamp::from_millis(5));
    assert_eq!(contents(&mut store), expected);
    let pool = open_pool(&mut store);
    commit(&mut store, &pool, vec![Change::Forget(expected[0].0.id)]);
    drop(store);

    let mut store = open(folder.path()).unwrap();
    assert_eq!(
        contents(&mut store),
        expected[1..],
        "it goes on in the new generation"
    );
}

#[test]
fn a_rewrite_that_was_killed_leaves_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    let expected = peak(&mut store);
    drop(store);
    // Half of a next generation, which the marker does not name yet.
    fs::create_dir(folder.path().join("sled-2")).unwrap();
    fs::write(folder.path().join("sled-2/db"), "half wr").unwrap();
    let mut store = open(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["LEASEHOLD", "lock", "sled-1"]);
    assert_eq!(contents(&mut store), expected);
}

#[test]
fn a_rewrite_that_cannot_be_made_leaves_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    let expected = peak(&mut store);
    drop(store);
    // A file is in the way of the next generation.
    fs::write(folder.path().join("sled-2"), "").unwrap();
    let options = LogOptions {
        spare_bytes: 0,
        ..LogOptions::default()
    };
    let mut store = LogStore::open(folder.path(), options).unwrap();
    assert_eq!(contents(&mut store), expected);
    drop(store);
    fs::remove_file(folder.path().join("sled-2")).unwrap();
    assert_eq!(contents(&mut open(folder.path()).unwrap()), expected);
}

#[test]
fn stats_tell_of_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    let pool = open_pool(&mut store);
    commit(
        &mut store,
        &pool,
        vec![sample::enqueued(id(1), &[7; 100_000])],
    );
    let stats = store.stats();
    assert_eq!(stats.engine, "sled");
    assert!((100_000..101_000).contains(&stats.live_bytes), "{stats:?}");
    assert!(stats.disk_bytes > stats.live_bytes, "{stats:?}");
    assert!(stats.free_bytes.is_some_and(|bytes| bytes > 0), "{stats:?}");
}

/// Puts in a lot, most of which is forgotten again.
fn peak(store: &mut LogStore) -> Vec<(Task, Option<Bytes>)> {
    let pool = open_pool(store);
    for n in 0..1000 {
        let len = if n % 3 == 0 { 30_000 } else { 3_000 };
        commit(store, &pool, vec![sample::enqueued(id(n), &vec![1; len])]);
    }
    commit(
        store,
        &pool,
        (0..990).map(|n| Change::Forget(id(n))).collect(),
    );
    commit(store, &pool, vec![sample::claimed(id(995))]);
    contents(store)
}

fn contents(store: &mut LogStore) -> Vec<(Task, Option<Bytes>)> {
    let pool = open_pool(store);
    let blob = |id| store.blob(pool.id, id, Blob::Payload).unwrap();
    let mut contents: Vec<_> = pool
        .tasks
        .map(Result::unwrap)
        .map(|task| (task.id, task))
        .map(|(id, task)| (task, blob(id)))
        .collect();
    contents.sort_by_key(|(task, _)| task.id);
    contents
}

fn open(path: &Path) -> Result<LogStore, StoreError> {
    LogStore::open(path, LogOptions::default())
}

fn open_pool(store: &mut LogStore) -> OpenedPool {
    store.open_pool(&"pool".parse().unwrap()).unwrap()
}

fn commit(store: &mut LogStore, pool: &OpenedPool, changes: Vec<Change>) {
    let at = Timestamp::from_millis(5);
    store
        .commit(&[PoolBatch {
            pool: pool.id,
            epoch: pool.epoch,
            at,
            changes,
        }])
        .unwrap();
}

fn id(number: u128) -> TaskId {
    TaskId::from_u128(number)
}

fn names(path: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(name)
        .map(|name| name.into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn assert_not_a_store(path: &Path, because: &str) {
    match open(path) {
        Err(StoreError::NotAStore { reason, .. }) => assert!(reason.contains(because), "{reason}"),
        other => panic!("{other:?}"),
    }
}

/// sled would put pages of more than 128 KiB there, and never sync them.
fn assert_no_blob_files(folder: &Path) {
    let blobs = folder.join("sled-1/blobs");
    assert!(
        !blobs.exists() || names(&blobs).is_empty(),
        "{:?}",
        names(&blobs)
    );
}
