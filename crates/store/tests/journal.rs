//! The journal before sled: what a kill leaves is taken up, and damage to it is named.
//!
//! A store that was killed is a copy of the folder of one that is open and at rest.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs::{self, File},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use leasehold_core::{TaskId, Timestamp};
use leasehold_store::{
    Blob, LogOptions, LogStore, OpenedPool, PoolBatch, Store, StoreError,
    conformance::{self, sample},
};
use tempfile::TempDir;

/// With it a segment has 64 KiB.
const SHORT: u64 = 512 * 1024;

/// Of a payload, in bytes: it stands apart from the log, and a segment has five.
const PAYLOAD: usize = 10_000;

/// Tasks that fill three segments, and stay in the journal.
const THREE_SEGMENTS: u128 = 14;

#[test]
fn what_was_committed_before_a_kill_is_taken_up() {
    let killed = killed(THREE_SEGMENTS, SHORT);
    assert_eq!(
        records(killed.path()).len(),
        1 + 14,
        "the pool and its tasks"
    );
    assert_whole(killed.path(), THREE_SEGMENTS);
    assert_whole(killed.path(), THREE_SEGMENTS);
}

#[test]
fn segments_are_written_anew_and_what_is_left_in_them_is_never_taken_for_new() {
    for tasks in [60, 61, 62, 63, 64, 65, 200] {
        let killed = killed(tasks, SHORT);
        assert!(segments(killed.path()).len() <= 8);
        assert_whole(killed.path(), tasks);
    }
}

#[test]
fn a_journal_of_another_length_is_taken_up() {
    let killed = killed(THREE_SEGMENTS, 8 * SHORT);
    assert_whole(killed.path(), THREE_SEGMENTS);
}

#[test]
fn only_a_part_of_the_journal_stays_when_all_is_in_the_engine() {
    let killed = killed(60, SHORT);
    assert!(segments(killed.path()).len() > 2);
    drop(open(killed.path()).unwrap());
    assert_eq!(segments(killed.path()).len(), 2);
}

#[test]
fn a_torn_last_record_is_one_that_was_never_acknowledged() {
    let killed = killed(THREE_SEGMENTS, SHORT);
    let (segment, last) = records(killed.path()).pop().unwrap();
    let mut torn = read(&segment, last.clone());
    // The next one, with its number and without its end.
    let half = torn.len() / 2;
    torn[8] += 1;
    torn[half..].fill(0);
    write(&segment, last.end, &torn);
    assert_whole(killed.path(), THREE_SEGMENTS);
}

#[test]
fn a_flipped_bit_in_a_record_is_named() {
    let whole = killed(THREE_SEGMENTS, SHORT);
    let all = records(whole.path());
    // The first one is that of the pool, which came to the engine when the pool was read.
    for (number, (_, record)) in all.iter().enumerate().skip(1) {
        for at in [
            record.start,
            record.start + 9,
            record.start + 40,
            record.end - 20,
        ] {
            let folder = copy_of(whole.path());
            let (segment, _) = &records(folder.path())[number];
            let mut byte = read(segment, at..at + 1);
            byte[0] ^= 0x20;
            write(segment, at, &byte);
            let error = assert_damaged(folder.path());
            // Of the last record only the witness knows.
            if number + 1 < all.len() {
                assert!(error.contains("of the journal in"), "{error}");
            } else {
                assert!(error.contains("pool mine"), "{error}");
            }
        }
    }
}

#[test]
fn a_segment_that_is_gone_is_named() {
    let whole = killed(THREE_SEGMENTS, SHORT);
    let records = records(whole.path()).into_iter();
    // One that was made ahead may be there, and nobody misses it.
    let written: BTreeSet<_> = records.map(|(segment, _)| segment).collect();
    assert!(written.len() >= 3, "{written:?}");
    for segment in written {
        let folder = copy_of(whole.path());
        let name = segment.file_name().unwrap();
        fs::remove_file(folder.path().join("sled-1/journal").join(name)).unwrap();
        let error = assert_damaged(folder.path());
        assert!(
            error.contains("gone") || error.contains("went to"),
            "{error}"
        );
    }
}

#[test]
fn a_journal_that_is_gone_is_named() {
    let folder = killed(THREE_SEGMENTS, SHORT);
    fs::remove_dir_all(folder.path().join("sled-1/journal")).unwrap();
    let error = assert_damaged(folder.path());
    assert!(error.contains("the journal"), "{error}");
}

#[test]
fn a_segment_that_does_not_begin_as_it_did_is_named() {
    let whole = killed(THREE_SEGMENTS, SHORT);
    for at in [0, 4, 8, 19] {
        let folder = copy_of(whole.path());
        write(&segments(folder.path())[1], at, &[0xee]);
        let error = assert_damaged(folder.path());
        assert!(error.contains("segment 1 of the journal"), "{error}");
    }
    let folder = copy_of(whole.path());
    let file = File::options()
        .write(true)
        .open(&segments(folder.path())[1]);
    file.unwrap().set_len(9999).unwrap();
    assert_damaged(folder.path());
}

#[test]
fn a_segment_of_another_store_is_named() {
    let (folder, other) = (killed(THREE_SEGMENTS, SHORT), killed(THREE_SEGMENTS, SHORT));
    fs::copy(&segments(other.path())[1], &segments(folder.path())[1]).unwrap();
    let error = assert_damaged(folder.path());
    assert!(error.contains("another journal"), "{error}");
}

#[test]
fn a_segment_from_an_earlier_day_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(folder.path(), options(SHORT)).unwrap();
    let pool = open_pool(&mut store);
    fill(&mut store, &pool, 0..60);
    let earlier = copy_of(folder.path());
    fill(&mut store, &pool, 60..80);
    let later = copy_of(folder.path());
    for number in 0..segments(later.path()).len() {
        let folder = copy_of(later.path());
        let (to, from) = (segments(folder.path()), segments(earlier.path()));
        let is_other = from
            .get(number)
            .is_some_and(|from| fs::read(from).unwrap() != fs::read(&to[number]).unwrap());
        if is_other {
            fs::copy(&from[number], &to[number]).unwrap();
            // Where only what is covered was in it, there is nothing to be missed.
            if LogStore::open(folder.path(), options(SHORT)).is_ok() {
                assert_whole(folder.path(), 80);
            }
        }
    }
}

#[test]
fn an_engine_from_an_earlier_day_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(folder.path(), options(SHORT)).unwrap();
    let pool = open_pool(&mut store);
    fill(&mut store, &pool, 0..5);
    let earlier = copy_of(folder.path());
    fill(&mut store, &pool, 5..80);
    let later = copy_of(folder.path());
    fs::copy(
        earlier.path().join("sled-1/db"),
        later.path().join("sled-1/db"),
    )
    .unwrap();
    let error = assert_damaged(later.path());
    for part in ["sled-1/db", "a copy from an earlier day"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_store_from_before_the_journal_gets_one() {
    is_raised_from("format 1\n");
}

#[test]
fn a_store_in_which_nothing_was_folded_is_said_to_be_another() {
    is_raised_from("format 2\nengine sled\n");
}

/// A store without a journal, as it may be in a folder of this format.
fn is_raised_from(format: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(folder.path(), options(SHORT)).unwrap();
    let pool = open_pool(&mut store);
    fill(&mut store, &pool, 0..5);
    drop(store);
    fs::remove_dir_all(folder.path().join("sled-1/journal")).unwrap();
    let db = sled::open(folder.path().join("sled-1")).unwrap();
    db.remove(b"J\x00\x00").unwrap().unwrap();
    drop(db);
    let db = File::open(folder.path().join("sled-1/db")).unwrap();
    db.lock().unwrap();
    drop(db);
    let marker = folder.path().join("LEASEHOLD");
    let text = fs::read_to_string(&marker).unwrap();
    let old = text.replace("format 3\nengine sled\n", format);
    assert_ne!(text, old);
    fs::write(&marker, old).unwrap();

    assert_whole(folder.path(), 5);
    assert_eq!(
        fs::read_to_string(&marker).unwrap(),
        text,
        "older hubs keep away"
    );
}

#[test]
fn a_short_journal_keeps_the_contract() {
    conformance::exercise(|| {
        let folder = tempfile::tempdir().unwrap();
        move || open(folder.path()).unwrap()
    });
}

#[test]
fn a_full_journal_waits_for_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(folder.path(), options(SHORT)).unwrap();
    let pool = open_pool(&mut store);
    // Ten times as much as the journal has, of which the engine must take everything.
    fill(&mut store, &pool, 0..520);
    assert!(segments(folder.path()).len() <= 8);
    assert_eq!(count(&store, &pool, 520), 520);
}

#[test]
fn a_commit_too_long_for_the_journal_is_durable_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(folder.path(), options(SHORT)).unwrap();
    let pool = open_pool(&mut store);
    fill(&mut store, &pool, 0..3);
    let long = vec![7; 100_000];
    commit(&mut store, &pool, 3, &long);
    fill(&mut store, &pool, 4..6);
    let killed = copy_of(folder.path());
    let mut store = LogStore::open(killed.path(), options(SHORT)).unwrap();
    let pool = open_pool(&mut store);
    let found = store.blob(pool.id, TaskId::from_u128(3), Blob::Payload);
    assert_eq!(found.unwrap().unwrap(), long);
    assert_eq!(pool.tasks.len(), 6);
}

/// What a kill leaves of a store with so many tasks.
fn killed(tasks: u128, journal_bytes: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(folder.path(), options(journal_bytes)).unwrap();
    let pool = open_pool(&mut store);
    fill(&mut store, &pool, 0..tasks);
    copy_of(folder.path())
}

fn options(journal_bytes: u64) -> LogOptions {
    LogOptions {
        journal_bytes,
        ..LogOptions::default()
    }
}

fn open(folder: &Path) -> Result<LogStore, StoreError> {
    LogStore::open(folder, options(SHORT))
}

fn open_pool(store: &mut LogStore) -> OpenedPool {
    store.open_pool(&"mine".parse().unwrap()).unwrap()
}

/// Each in a commit of its own.
fn fill(store: &mut LogStore, pool: &OpenedPool, numbers: Range<u128>) {
    for number in numbers {
        commit(store, pool, number, &payload(number));
    }
}

fn commit(store: &mut LogStore, pool: &OpenedPool, number: u128, payload: &[u8]) {
    let batch = PoolBatch {
        pool: pool.id,
        epoch: pool.epoch,
        at: Timestamp::from_millis(1),
        changes: vec![sample::enqueued(TaskId::from_u128(number), payload)],
    };
    store.commit(&[batch]).unwrap();
}

fn payload(number: u128) -> Vec<u8> {
    vec![u8::try_from(number % 251).unwrap(); PAYLOAD]
}

fn assert_whole(folder: &Path, tasks: u128) {
    let mut store = open(folder).unwrap();
    let pool = open_pool(&mut store);
    assert_eq!(pool.tasks.len() as u128, tasks);
    assert_eq!(count(&store, &pool, tasks), tasks);
}

/// The tasks whose payload is what it was.
fn count(store: &LogStore, pool: &OpenedPool, tasks: u128) -> u128 {
    let is_whole = |number: &u128| {
        let found = store.blob(pool.id, TaskId::from_u128(*number), Blob::Payload);
        found.unwrap().unwrap() == payload(*number)
    };
    (0..tasks).filter(is_whole).count() as u128
}

fn assert_damaged(folder: &Path) -> String {
    match open(folder) {
        Err(error @ StoreError::Damaged { .. }) => {
            let text = error.to_string();
            assert!(text.contains(folder.to_str().unwrap()), "{text}");
            text
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was passed over"),
    }
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("sled-1/journal")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// The records, in the order of their numbers: in which segment, and where.
fn records(folder: &Path) -> Vec<(PathBuf, Range<u64>)> {
    let mut records = Vec::new();
    for segment in segments(folder) {
        let bytes = fs::read(&segment).unwrap();
        for at in (4096..bytes.len()).step_by(8) {
            if bytes[at..].starts_with(b"LJr\x01") {
                let len = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
                let seq = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap());
                let end = (at + 40 + len as usize).next_multiple_of(8);
                records.push((seq, segment.clone(), at as u64..end as u64));
            }
        }
    }
    records.sort_by_key(|(seq, ..)| *seq);
    let place = |(_, segment, place)| (segment, place);
    records.into_iter().map(place).collect()
}

fn read(file: &Path, at: Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(at.end - at.start).unwrap()];
    File::open(file)
        .unwrap()
        .read_exact_at(&mut bytes, at.start)
        .unwrap();
    bytes
}

fn write(file: &Path, at: u64, bytes: &[u8]) {
    let file = File::options().write(true).open(file).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(folder.join("LEASEHOLD"), copy.path().join("LEASEHOLD")).unwrap();
    copy_folder(&folder.join("sled-1"), &copy.path().join("sled-1"));
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let to = to.join(file.file_name());
        // One that is being made may be whole, under its own name, by the next line.
        if file.path().extension().is_some_and(|end| end == "new") {
            continue;
        }
        if file.file_type().unwrap().is_dir() {
            copy_folder(&file.path(), &to);
        } else {
            fs::copy(file.path(), to).unwrap();
        }
    }
}
