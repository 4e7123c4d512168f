//! The store in a folder keeps the contract with every engine, and is careful with folders.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod engines;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use leasehold_core::{Change, Task, TaskId, Timestamp};
use leasehold_store::{
    Blob, LogEngine, LogOptions, LogStore, OpenedPool, PoolBatch, Store, StoreError, conformance,
    conformance::sample,
};

use crate::engines::with_each_engine;

with_each_engine![
    keeps_the_contract,
    makes_the_folder_and_those_above_it,
    a_folder_has_one_store_at_a_time,
    a_reopen_keeps_the_folder,
    a_folder_that_is_gone_is_let_go_of_and_taken_again,
    a_folder_with_other_things_is_left_alone,
    a_file_is_no_folder,
    a_folder_that_cannot_be_written_to_is_named,
    a_first_open_that_was_killed_is_done_again,
    space_is_given_back_after_a_peak,
    a_rewrite_that_was_killed_leaves_the_store,
    a_rewrite_that_cannot_be_made_leaves_the_store,
    stats_tell_of_the_disk,
    a_folder_of_another_engine_is_left_alone,
    a_first_open_that_was_killed_leaves_the_choice_of_an_engine,
];

fn keeps_the_contract(engine: LogEngine) {
    conformance::exercise(|| {
        let folder = tempfile::tempdir().unwrap();
        move || {
            assert_no_blob_files(folder.path());
            open(folder.path(), engine).unwrap()
        }
    });
}

fn makes_the_folder_and_those_above_it(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    drop(open(&path, engine).unwrap());
    assert_has_generation(&path, engine, 1);
}

fn a_folder_has_one_store_at_a_time(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), engine).unwrap();
    assert!(
        matches!(open(folder.path(), engine), Err(StoreError::InUse(path)) if path == folder.path())
    );
    drop(store);
    open(folder.path(), engine).unwrap();
}

fn a_reopen_keeps_the_folder(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    store.reopen().unwrap();
    assert!(matches!(
        open(folder.path(), engine),
        Err(StoreError::InUse(_))
    ));
}

/// As it looks when its disk is unmounted: the disk is not free before nobody has a file of it open.
fn a_folder_that_is_gone_is_let_go_of_and_taken_again(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("data"), folder.path().join("away"));
    let mut store = open(&path, engine).unwrap();
    let pool = open_pool(&mut store);
    let tasks = [(1, 10), (2, 3_000), (3, 30_000)];
    let enqueued = tasks.map(|(n, len)| sample::enqueued(id(n), &vec![1; len]));
    commit(&mut store, &pool, enqueued.to_vec());
    let before = contents(&mut store);
    fs::rename(&path, &away).unwrap();
    for _ in 0..2 {
        let error = store.reopen().unwrap_err().to_string();
        let gone = format!(
            "the data folder {} is damaged: all of it is gone",
            path.display()
        );
        assert!(error.starts_with(&gone), "{error}");
        assert!(error.contains("without a restart"), "{error}");
    }
    assert_eq!(open_files_in(&away), Vec::<PathBuf>::new());
    // Whoever finds it elsewhere may have it meanwhile.
    drop(open(&away, engine).unwrap());
    fs::rename(&away, &path).unwrap();
    store.reopen().unwrap();
    assert!(matches!(open(&path, engine), Err(StoreError::InUse(_))));
    assert_eq!(contents(&mut store), before);
}

/// Of this process; nothing where there is no telling.
fn open_files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(all) = fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let names = all.filter_map(|open| fs::read_link(open.ok()?.path()).ok());
    names.filter(|name| name.starts_with(folder)).collect()
}

fn a_folder_with_other_things_is_left_alone(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "for years").unwrap();
    assert_not_a_store(folder.path(), engine, "thesis.txt");
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
        open(folder.path(), LogEngine::Sled),
        Err(StoreError::NotAStore { .. })
    ));
    assert_eq!(names(folder.path()), before);
    assert!(fs::read(folder.path().join("db")).unwrap() == db_file);
}

fn a_file_is_no_folder(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_not_a_store(&file, engine, "not a folder");
    let error = open(&file.join("below"), engine).unwrap_err().to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

fn a_folder_that_cannot_be_written_to_is_named(engine: LogEngine) {
    // Not even root may write there.
    let error = open(Path::new("/proc/self/leasehold"), engine).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(
        error.to_string().contains("/proc/self/leasehold"),
        "{error}"
    );
}

fn a_first_open_that_was_killed_is_done_again(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), engine).unwrap());
    // As between the first marker and the second, with a generation half made.
    let marker = folder.path().join("LEASEHOLD");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("generation 1", "generation 0")).unwrap();
    fs::write(folder.path().join("LEASEHOLD.new"), "half wr").unwrap();
    let half = folder.path().join(generation(engine, 1));
    fs::remove_file(half.join(file_of(engine))).unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    assert_eq!(open_pool(&mut store).tasks.len(), 0);
}

#[test]
fn an_unfinished_snapshot_does_not_brick_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), LogEngine::Sled).unwrap();
    let pool = open_pool(&mut store);
    commit(&mut store, &pool, vec![sample::claimed(id(1))]);
    drop(store);
    let snapshot = folder
        .path()
        .join("sled-1/snap.0000000000000000.generating");
    fs::write(&snapshot, "half wr").unwrap();
    let mut store = open(folder.path(), LogEngine::Sled).unwrap();
    assert_eq!(open_pool(&mut store).tasks.len(), 1);
    assert!(!snapshot.exists());
}

fn space_is_given_back_after_a_peak(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    let expected = peak(&mut store);
    let peak_bytes = store.stats().disk_bytes;
    drop(store);

    let options = LogOptions {
        spare_bytes: 1024 * 1024,
        ..options(engine)
    };
    let mut store = LogStore::open(folder.path(), options).unwrap();
    assert_has_generation(folder.path(), engine, 2);
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

    let mut store = open(folder.path(), engine).unwrap();
    assert_eq!(
        contents(&mut store),
        expected[1..],
        "it goes on in the new generation"
    );
}

fn a_rewrite_that_was_killed_leaves_the_store(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    let expected = peak(&mut store);
    drop(store);
    // Half of a next generation, which the marker does not name yet.
    fs::create_dir(folder.path().join(generation(engine, 2))).unwrap();
    let file = folder
        .path()
        .join(generation(engine, 2))
        .join(file_of(engine));
    fs::write(file, "half wr").unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    assert_has_generation(folder.path(), engine, 1);
    assert_eq!(contents(&mut store), expected);
}

fn a_rewrite_that_cannot_be_made_leaves_the_store(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    let expected = peak(&mut store);
    drop(store);
    // A file is in the way of the next generation.
    fs::write(folder.path().join(generation(engine, 2)), "").unwrap();
    let options = LogOptions {
        spare_bytes: 0,
        ..options(engine)
    };
    let mut store = LogStore::open(folder.path(), options).unwrap();
    assert_eq!(contents(&mut store), expected);
    drop(store);
    fs::remove_file(folder.path().join(generation(engine, 2))).unwrap();
    assert_eq!(
        contents(&mut open(folder.path(), engine).unwrap()),
        expected
    );
}

fn stats_tell_of_the_disk(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    let pool = open_pool(&mut store);
    commit(
        &mut store,
        &pool,
        vec![sample::enqueued(id(1), &[7; 100_000])],
    );
    let stats = store.stats();
    assert_eq!(stats.engine, engine.name());
    assert!((100_000..101_000).contains(&stats.live_bytes), "{stats:?}");
    assert!(stats.disk_bytes > stats.live_bytes, "{stats:?}");
    assert!(stats.free_bytes.is_some_and(|bytes| bytes > 0), "{stats:?}");
}

fn a_folder_of_another_engine_is_left_alone(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), engine).unwrap();
    let pool = open_pool(&mut store);
    commit(&mut store, &pool, vec![sample::enqueued(id(1), b"mine")]);
    drop(store);
    let before = names(folder.path());
    for other in LogEngine::ALL.into_iter().filter(|other| *other != engine) {
        let error = open(folder.path(), other).unwrap_err();
        assert!(matches!(error, StoreError::OtherEngine { .. }), "{error}");
        let told = error.to_string();
        let advice = format!("engine = \"{}\"", engine.name());
        assert!(
            told.contains(&advice) && told.contains(other.name()),
            "{told}"
        );
    }
    assert_eq!(names(folder.path()), before);
    assert_eq!(contents(&mut open(folder.path(), engine).unwrap()).len(), 1);
}

fn a_first_open_that_was_killed_leaves_the_choice_of_an_engine(engine: LogEngine) {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), engine).unwrap());
    let marker = folder.path().join("LEASEHOLD");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("generation 1", "generation 0")).unwrap();
    let mut others = LogEngine::ALL.into_iter().filter(|other| *other != engine);
    let other = others.next().unwrap();
    drop(open(folder.path(), other).unwrap());
    assert_has_generation(folder.path(), other, 1);
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
    let with_extras = |change| sample::with_extras(change, sample::all_extras());
    let changes = vec![
        sample::claimed(id(995)),
        with_extras(sample::claimed(id(996))),
        with_extras(sample::completed(id(997), b"done")),
    ];
    commit(store, &pool, changes);
    let notes = sample::notes().map(Change::from).to_vec();
    commit(store, &pool, notes);
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
    let is_of_peak = contents.iter().any(|(task, _)| task.id == id(996));
    let notes = is_of_peak.then(sample::notes);
    assert_eq!(pool.notes, notes.map_or(Vec::new(), Vec::from));
    contents
}

fn open(path: &Path, engine: LogEngine) -> Result<LogStore, StoreError> {
    LogStore::open(path, options(engine))
}

fn options(engine: LogEngine) -> LogOptions {
    LogOptions {
        engine,
        // As short as can be, so that the engine hears of what is put and removed.
        journal_bytes: 0,
        ..LogOptions::default()
    }
}

fn generation(engine: LogEngine, number: u32) -> String {
    format!("{}-{number}", engine.name())
}

/// A file without which the engine does not open.
fn file_of(engine: LogEngine) -> &'static str {
    match engine {
        LogEngine::Sled => "conf",
        LogEngine::Fjall => "version",
    }
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

/// Nothing else is in the folder.
fn assert_has_generation(path: &Path, engine: LogEngine, number: u32) {
    let mut expected = ["LEASEHOLD", "lock", &generation(engine, number)].map(String::from);
    expected.sort();
    assert_eq!(names(path), expected);
}

fn assert_not_a_store(path: &Path, engine: LogEngine, because: &str) {
    match open(path, engine) {
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

#[test]
fn what_is_made_for_payloads_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let above = tempfile::tempdir().unwrap();
    let data = above.path().join("some").join("data");
    drop(open(&data, LogEngine::default()));
    let mode = std::fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
