//! Backups: what was committed by their end is in them, and nothing else; and back.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod engines;
#[path = "backup/folder.rs"]
mod folder;

use std::path::Path;

use leasehold_core::{Change, Note, PoolName, TaskId, Timestamp};
use leasehold_store::{
    Blob, LogEngine, LogOptions, LogStore, OpenedPool, PoolBatch, Store, StoreError,
    backup::{self, BackupError, Manifest, Unfinished},
    conformance::sample,
    transfer,
};
use tempfile::TempDir;

use crate::engines::with_each_engine;

with_each_engine![
    what_is_committed_meanwhile_is_in_it_and_all_comes_back,
    ends_that_come_meanwhile_are_not_lost,
    a_payload_that_changes_meanwhile_is_the_newest,
    a_payload_that_goes_meanwhile_does_not_come_back,
    a_reader_that_is_too_slow_is_given_up_on,
    a_store_that_starts_again_takes_the_backup_with_it,
    an_empty_store_comes_back,
    a_stopped_store_is_backed_up_as_it_is,
];

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn id(number: u128) -> TaskId {
    TaskId::from_u128(number)
}

/// Numbers that are the same in each run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn blob(&mut self) -> Vec<u8> {
        let len = match self.below(8) {
            0 => 0,
            1 => self.below(60_000),
            _ => self.below(600),
        };
        let first = self.below(256);
        (0..len).map(|n| (n + first).to_le_bytes()[0]).collect()
    }

    fn change(&mut self, tasks: u64) -> Change {
        let id = id(u128::from(self.below(tasks)));
        let blob = self.blob();
        match self.below(9) {
            0..=2 => sample::enqueued(id, &blob),
            3 => sample::completed(id, &blob),
            4 => sample::failed(id, "a reason"),
            5 => Change::Forget(id),
            6 => sample::died(id),
            7 => sample::with_extras(sample::claimed(id), sample::all_extras()),
            _ => sample::claimed(id),
        }
    }
}

fn options(engine: LogEngine) -> LogOptions {
    LogOptions {
        engine,
        // So little that much is folded and dropped meanwhile.
        journal_bytes: 512 * 1024,
        ..LogOptions::default()
    }
}

struct Owner(OpenedPool);

impl Owner {
    fn open(store: &mut LogStore, name: &str) -> Self {
        Self(store.open_pool(&name.parse().unwrap()).unwrap())
    }

    fn commit(&self, store: &mut LogStore, at: u64, changes: Vec<Change>) {
        let batch = PoolBatch {
            pool: self.0.id,
            epoch: self.0.epoch,
            at: Timestamp::from_millis(at),
            changes,
        };
        store.commit(&[batch]).unwrap();
    }
}

/// All that a store has but its epochs, in lines.
fn contents(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    transfer::export_folder(folder, &mut lines, &mut |_| {}).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let without_epoch = |line: &str| line.split(",\"epoch\"").next().unwrap().to_owned();
    lines.lines().map(without_epoch).collect()
}

/// Takes a backup with something between its slices.
fn back_up(
    store: &mut LogStore,
    folder: &Path,
    bytes: usize,
    mut between: impl FnMut(&mut LogStore),
) -> Manifest {
    let mut unfinished = Unfinished::begin(folder).unwrap();
    store.begin_backup().unwrap();
    let mut part = Vec::new();
    let mut is_whole = false;
    while !is_whole {
        part.clear();
        is_whole = store.next_of_backup(bytes, &mut part).unwrap();
        unfinished.write(&part).unwrap();
        if !is_whole {
            between(store);
        }
    }
    finish(unfinished).unwrap()
}

/// The samples are none of a hub: what they say of lengths is not so.
fn finish(unfinished: Unfinished) -> Result<Manifest, BackupError> {
    unfinished.finish(NOW, &mut |_, _| {})
}

fn restore(backup: &Path, data: &Path, engine: LogEngine) -> Result<Manifest, BackupError> {
    backup::restore(backup, data, engine, NOW, &mut |_, _| {})
}

fn what_is_committed_meanwhile_is_in_it_and_all_comes_back(engine: LogEngine) {
    for seed in 0..2 {
        let folder = TempDir::new().unwrap();
        let (data, saved) = (folder.path().join("data"), folder.path().join("saved"));
        let mut random = Random(seed);
        let mut store = LogStore::open(&data, options(engine)).unwrap();
        let pools: Vec<_> = (0..5)
            .map(|n| Owner::open(&mut store, &format!("pool-{n}")))
            .collect();
        let mut notes = sample::notes().to_vec();
        pools[1].commit(&mut store, 7, notes.drain(..2).map(Change::from).collect());
        let mut at = 10;
        let mut life = |store: &mut LogStore, commits: u64| {
            for _ in 0..commits {
                at += 1;
                let pool = &pools[usize::try_from(random.below(5)).unwrap()];
                let changes = (0..random.below(40)).map(|_| random.change(900)).collect();
                pool.commit(store, at, lengths_told(changes));
            }
        };
        life(&mut store, 500);
        let mut slices = 0;
        let manifest = back_up(&mut store, &saved, 16 * 1024, |store| {
            slices += 1;
            if slices < 200 {
                life(store, 2);
            }
            if slices == 20 {
                let late = Owner::open(store, "late");
                late.commit(
                    store,
                    1,
                    vec![Change::from(Note::clone(&sample::notes()[0]))],
                );
            }
        });
        assert!(slices > 50, "{slices} slices");
        drop(store);
        assert_eq!(manifest.pools.len(), 6);
        for engine in LogEngine::ALL {
            let restored = folder.path().join(engine.name());
            restore(&saved, &restored, engine).unwrap();
            assert_eq!(contents(&restored), contents(&data), "seed {seed}");
        }
    }
}

/// A change says how long its payload or result is, as the core does.
fn lengths_told(mut changes: Vec<Change>) -> Vec<Change> {
    changes.retain(|change| match change {
        // What has no payload of its own would have to know that of its task.
        Change::Put { blob, .. } => blob.is_some(),
        Change::Note { .. } | Change::Forget(_) => true,
    });
    changes
}

/// Each task that was read is forgotten before the copy ends, in records that would long be dropped.
fn ends_that_come_meanwhile_are_not_lost(engine: LogEngine) {
    const TASKS: u128 = 3000;
    let folder = TempDir::new().unwrap();
    let (data, saved) = (folder.path().join("data"), folder.path().join("saved"));
    let mut store = LogStore::open(&data, options(engine)).unwrap();
    let pool = Owner::open(&mut store, "p");
    for first in (0..TASKS).step_by(100) {
        let some = (first..first + 100).map(|n| sample::enqueued(id(n), &[7; 200]));
        pool.commit(&mut store, 1, some.collect());
    }
    let mut slices = 0;
    back_up(&mut store, &saved, 100 * 1024, |store| {
        slices += 1;
        if slices > 1 {
            return;
        }
        for first in (0..TASKS).step_by(100) {
            let some = (first..first + 100).map(|n| Change::Forget(id(n)));
            pool.commit(store, 2, some.collect());
        }
        // So much that the log comes round many times.
        for later in (TASKS..20 * TASKS).step_by(300) {
            let come = (later..later + 300).map(|n| sample::enqueued(id(n), &[8; 300]));
            pool.commit(store, 2, come.collect());
            let go = (later..later + 300).map(|n| Change::Forget(id(n)));
            pool.commit(store, 2, go.collect());
        }
    });
    assert!(slices > 1, "it was over too soon");
    drop(store);
    let restored = folder.path().join("restored");
    restore(&saved, &restored, engine).unwrap();
    assert_eq!(contents(&restored), contents(&data));
    assert!(contents(&restored).len() < 10);
}

fn a_payload_that_changes_meanwhile_is_the_newest(engine: LogEngine) {
    let folder = TempDir::new().unwrap();
    let (data, saved) = (folder.path().join("data"), folder.path().join("saved"));
    let mut store = LogStore::open(&data, options(engine)).unwrap();
    let pool = Owner::open(&mut store, "p");
    let long = |n: u8| vec![n; 50_000];
    let all = (0..20).map(|n| sample::enqueued(id(n), &long(1)));
    pool.commit(&mut store, 1, all.collect());
    let mut round = 1;
    back_up(&mut store, &saved, 1, |store| {
        if round < 15 {
            round += 1;
            let edited = (0..20).map(|n| sample::edited(id(n), &long(round)));
            pool.commit(store, 1, edited.collect());
            let ended = sample::completed(id(u128::from(round)), b"done");
            pool.commit(store, 1, vec![ended]);
        }
    });
    assert_eq!(round, 15);
    drop(store);
    let restored = folder.path().join("restored");
    restore(&saved, &restored, engine).unwrap();
    assert_eq!(contents(&restored), contents(&data));
    let mut store = LogStore::open(&restored, options(engine)).unwrap();
    let pool = Owner::open(&mut store, "p").0;
    let blob = |task, kind| store.blob(pool.id, id(task), kind).unwrap();
    assert_eq!(blob(0, Blob::Payload).as_deref(), Some(&long(15)[..]));
    assert_eq!(blob(15, Blob::Payload), None);
    assert_eq!(blob(15, Blob::Result).as_deref(), Some(&b"done"[..]));
}

/// A payload that was read goes with a completion that is not the last that is said of its task.
fn a_payload_that_goes_meanwhile_does_not_come_back(engine: LogEngine) {
    let folder = TempDir::new().unwrap();
    let (data, saved) = (folder.path().join("data"), folder.path().join("saved"));
    let mut store = LogStore::open(&data, options(engine)).unwrap();
    let pool = Owner::open(&mut store, "p");
    for number in 0..2 {
        pool.commit(
            &mut store,
            1,
            vec![sample::enqueued(id(number), b"it goes")],
        );
    }
    let mut is_over = false;
    back_up(&mut store, &saved, 1, |store| {
        if !std::mem::replace(&mut is_over, true) {
            pool.commit(store, 1, vec![sample::completed(id(0), b"done")]);
            pool.commit(store, 1, vec![sample::claimed(id(0))]);
        }
    });
    drop(store);
    let restored = folder.path().join("restored");
    restore(&saved, &restored, engine).unwrap();
    assert_eq!(contents(&restored), contents(&data));
}

fn a_reader_that_is_too_slow_is_given_up_on(engine: LogEngine) {
    let folder = TempDir::new().unwrap();
    let options = LogOptions {
        held_bytes: 2 * 1024 * 1024,
        ..options(engine)
    };
    let mut store = LogStore::open(folder.path(), options).unwrap();
    let pool = Owner::open(&mut store, "p");
    let churn = |store: &mut LogStore, first: u128| {
        let come = (first..first + 100).map(|n| sample::enqueued(id(n), &[8; 1000]));
        pool.commit(store, 2, come.collect());
        pool.commit(
            store,
            2,
            (first..first + 100)
                .map(|n| Change::Forget(id(n)))
                .collect(),
        );
    };
    churn(&mut store, 0);
    pool.commit(&mut store, 1, vec![sample::enqueued(id(0), b"it stands")]);
    store.begin_backup().unwrap();
    assert!(!store.next_of_backup(1, &mut Vec::new()).unwrap());
    (1..50).for_each(|round| churn(&mut store, round * 100));
    let given_up = store.next_of_backup(1, &mut Vec::new());
    assert!(
        matches!(given_up, Err(StoreError::NoBackup)),
        "{given_up:?}"
    );
    // The hub goes on, and gets back what was held.
    (50..120).for_each(|round| churn(&mut store, round * 100));
    assert!(store.stats().live_bytes < 4096, "{:?}", store.stats());
    store.begin_backup().unwrap();
    let mut bytes = Vec::new();
    while !store.next_of_backup(1 << 20, &mut bytes).unwrap() {}
    assert!(bytes.len() < 2 * 1024 * 1024, "{} bytes", bytes.len());
}

fn a_store_that_starts_again_takes_the_backup_with_it(engine: LogEngine) {
    let folder = TempDir::new().unwrap();
    let mut store = LogStore::open(folder.path(), options(engine)).unwrap();
    store.begin_backup().unwrap();
    store.reopen().unwrap();
    let over = store.next_of_backup(1, &mut Vec::new());
    assert!(matches!(over, Err(StoreError::NoBackup)), "{over:?}");
    let pool = Owner::open(&mut store, "p");
    pool.commit(&mut store, 1, vec![sample::enqueued(id(1), b"one")]);
    store.begin_backup().unwrap();
    store.end_backup();
    let over = store.next_of_backup(1, &mut Vec::new());
    assert!(matches!(over, Err(StoreError::NoBackup)), "{over:?}");
}

fn an_empty_store_comes_back(engine: LogEngine) {
    let folder = TempDir::new().unwrap();
    let (data, saved) = (folder.path().join("data"), folder.path().join("saved"));
    let mut store = LogStore::open(&data, options(engine)).unwrap();
    let manifest = back_up(&mut store, &saved, 1, |_| {});
    assert_eq!((manifest.tasks, manifest.pools.len()), (0, 0));
    let restored = folder.path().join("restored");
    restore(&saved, &restored, engine).unwrap();
    let store = LogStore::open_existing(&restored).unwrap();
    assert_eq!(store.pools(), []);
}

fn a_stopped_store_is_backed_up_as_it_is(engine: LogEngine) {
    let folder = TempDir::new().unwrap();
    let (data, saved) = (folder.path().join("data"), folder.path().join("saved"));
    fill(&data, engine);
    let manifest = backup::back_up_folder(&data, &saved, NOW, &mut |_, _| {}).unwrap();
    assert_eq!(manifest.tasks, 4);
    assert_eq!(manifest.taken_at, "2027-01-15T08:00:00Z");
    let pool = &manifest.pools[0];
    assert_eq!((pool.name.as_str(), pool.notes), ("mine", 3));
    let of = |state: &str| pool.by_state[state];
    assert_eq!([of("ready"), of("completed"), of("dead")], [2, 1, 1]);
    let restored = folder.path().join("restored");
    restore(&saved, &restored, engine).unwrap();
    assert_eq!(contents(&restored), contents(&data));
    // Epochs of the restored store are far past those of the old one.
    let mut store = LogStore::open_existing(&restored).unwrap();
    let opened = store.open_pool(&PoolName::new("mine").unwrap()).unwrap();
    assert!(
        opened.epoch.0 > pool.epoch + backup::EPOCHS_LEFT_OUT,
        "{opened:?}"
    );
    assert_eq!(store.latest(), Timestamp::from_millis(9));
}

/// Two tasks that are ready, one of them with a long payload, one completed, one dead, and notes.
fn fill(data: &Path, engine: LogEngine) {
    let mut store = LogStore::open(data, options(engine)).unwrap();
    let pool = Owner::open(&mut store, "mine");
    pool.commit(
        &mut store,
        5,
        vec![
            sample::enqueued(id(1), &[1; 9000]),
            sample::enqueued(id(2), b"two"),
            sample::enqueued(id(3), b"three"),
            sample::enqueued(id(4), b""),
        ],
    );
    pool.commit(
        &mut store,
        9,
        vec![sample::completed(id(3), b"done"), sample::died(id(4))],
    );
    pool.commit(&mut store, 8, sample::notes().map(Change::from).into());
}
