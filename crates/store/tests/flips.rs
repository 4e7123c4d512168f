//! A byte of sled's file that changed: either nothing was there, or what is told names the file, says
//! that it is damaged, and what to do.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use leasehold_core::{Change, TaskId, Timestamp};
use leasehold_store::{
    Blob, LogOptions, LogStore, OpenedPool, PoolBatch, Store, StoreError, conformance::sample,
    hush_engine_panics, verify_store,
};
use tempfile::TempDir;

const DB: &str = "sled-1/db";

/// Places at which a bit is changed, beyond those of the first segment's head.
const PLACES: u64 = 200;

/// Of those, for looks at a copy, which take longer.
const LOOKS: u64 = 50;

/// Bytes of the head of a segment of sled's, and of the message behind it.
const HEAD: u64 = 24;

fn options() -> LogOptions {
    LogOptions {
        // So short that nothing but the newest stands in it as well.
        journal_bytes: 512 * 1024,
        ..LogOptions::default()
    }
}

fn commit(store: &mut LogStore, pool: &OpenedPool, changes: Vec<Change>) {
    let batch = PoolBatch {
        pool: pool.id,
        epoch: pool.epoch,
        at: Timestamp::from_millis(1),
        changes,
    };
    store.commit(&[batch]).unwrap();
}

/// As a kill leaves it, with all that was committed in sled's file: short and long payloads, some of
/// which are gone again.
fn killed() -> TempDir {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let mut store = LogStore::open(&data, options()).unwrap();
    let name = "mine".parse().unwrap();
    for round in 0..4_u128 {
        // Opened again it is brought from the journal to where it belongs.
        let pool = store.open_pool(&name).unwrap();
        for number in 0..12 {
            let id = TaskId::from_u128(100 * round + number);
            let payload = vec![7; usize::try_from(number).unwrap() * 5_000];
            commit(&mut store, &pool, vec![sample::enqueued(id, &payload)]);
        }
        if let Some(before) = round.checked_sub(1) {
            let gone =
                (6..9).map(|number| Change::Forget(TaskId::from_u128(100 * before + number)));
            commit(&mut store, &pool, gone.collect());
        }
    }
    store.open_pool(&name).unwrap();
    copy(&data, &folder.path().join("killed"));
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The same in each run: some at the very beginning, the others all over the file.
fn places(len: u64, count: u64) -> impl Iterator<Item = (u64, u8)> {
    let all_over = (0..count).map(move |n| n * len / count + n % 7);
    let places = (0..HEAD).chain(all_over);
    places.map(|at| (at, 1 << (at % 8)))
}

fn flipped(whole: &Path, at: u64, mask: u8) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    copy(whole, &data);
    let mut options = fs::File::options();
    let db = options.read(true).write(true).open(data.join(DB)).unwrap();
    let mut byte = [0];
    db.read_exact_at(&mut byte, at).unwrap();
    db.write_all_at(&[byte[0] ^ mask], at).unwrap();
    (folder, data)
}

/// What a hub reads at its start, and what it reads when it is asked: tasks, and bytes of payloads.
fn read_all(data: &Path) -> Result<(usize, usize), StoreError> {
    let mut store = LogStore::open(data, options())?;
    let pool = store.open_pool(&"mine".parse().unwrap())?;
    let (mut tasks, mut bytes) = (0, 0);
    for task in pool.tasks.all()? {
        tasks += 1;
        let payload = store.blob(pool.id, task.id, Blob::Payload)?;
        bytes += payload.map_or(0, |payload| payload.len());
    }
    Ok((tasks, bytes))
}

fn assert_told(text: &str, data: &Path, place: (u64, u8)) {
    let db = data.join(DB).display().to_string();
    assert!(text.contains(&db), "{place:?}: no {db} in {text}");
    assert!(!text.contains("backtrace"), "{place:?}: {text}");
}

#[test]
fn a_flipped_bit_of_sled_s_file_is_told_as_damage_of_that_file_with_what_to_do() {
    hush_engine_panics();
    let folder = killed();
    let whole = folder.path().join("killed");
    let all = read_all(&flipped(&whole, 0, 0).1).unwrap();
    let len = fs::metadata(whole.join(DB)).unwrap().len();
    let mut told = 0;
    for place in places(len, PLACES) {
        let (_folder, data) = flipped(&whole, place.0, place.1);
        match read_all(&data) {
            Ok(found) => assert_eq!(found, all, "{place:?}"),
            Err(error @ StoreError::Damaged { .. }) => {
                told += 1;
                let text = error.to_string();
                assert_told(&text, &data, place);
                assert!(text.contains("is damaged"), "{text}");
                assert!(text.contains("restore the last good backup"), "{text}");
            }
            Err(error) => panic!("{place:?}: {error}"),
        }
    }
    assert!(told > 50, "only {told} places are of any use");
}

#[test]
fn a_look_at_every_record_names_the_file_as_well() {
    hush_engine_panics();
    let folder = killed();
    let whole = folder.path().join("killed");
    let len = fs::metadata(whole.join(DB)).unwrap().len();
    let scratch = TempDir::new().unwrap();
    let look = |data: &Path| verify_store(data, scratch.path(), &mut |_| {}).unwrap();
    let all = look(&whole);
    assert_eq!(all.found, []);
    let mut told = 0;
    for place in places(len, LOOKS) {
        let (_folder, data) = flipped(&whole, place.0, place.1);
        let seen = look(&data);
        if seen.found.is_empty() {
            assert_eq!(seen.pools, all.pools, "{place:?}");
        }
        told += usize::from(!seen.found.is_empty());
        for found in seen.found {
            assert_told(&format!("{}: {}", found.what, found.why), &data, place);
        }
    }
    assert!(told > 20, "only {told} places are of any use");
}
