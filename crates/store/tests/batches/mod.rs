//! Numbered batches of two pools, and whether a store has exactly what it should have of them.

use std::{collections::BTreeMap, path::Path, sync::mpsc, thread};

use bytes::Bytes;
use leasehold_core::{Cause, Change, Extra, Note, PoolId, TaskId, Timestamp};
use leasehold_store::{
    Begun, Blob, LogEngine, LogOptions, LogStore, OpenedPool, PoolBatch, Store, conformance::sample,
};

const POOLS: [&str; 2] = ["one", "two"];

/// Batches after which a task is forgotten.
const REMEMBERED: u64 = 30;

/// Tasks in a batch and pool.
const BATCH: u64 = 20;

/// Commits batches after the newest that there is, up to this one, and says each number: each is made
/// ready while another thread writes the one before it.
pub(crate) fn commit(
    options: &LogOptions,
    folder: &Path,
    last: u64,
    mut say: impl FnMut(u64) + Send,
) {
    let mut store = open(options, folder);
    let mut pools = open_pools(&mut store);
    let newest = pools
        .iter_mut()
        .flat_map(|pool| pool.tasks.by_ref())
        .map(|task| task.unwrap().place)
        .max();
    thread::scope(|scope| {
        let (ready, begun) = mpsc::sync_channel::<(u64, Option<Box<dyn Begun>>)>(1);
        scope.spawn(move || {
            for (number, commit) in begun {
                commit.map_or(Ok(()), Begun::end).unwrap();
                say(number);
            }
        });
        for number in newest.unwrap_or(0) + 1..=last {
            let batches: Vec<_> = pools.iter().map(|pool| batch(pool, number)).collect();
            let commit = store.begin(&batches).unwrap();
            ready.send((number, commit)).unwrap();
        }
    });
}

fn batch(pool: &OpenedPool, number: u64) -> PoolBatch {
    let mut changes: Vec<_> = (0..BATCH).map(|n| enqueued(number, n)).collect();
    if number > 1 {
        changes.extend((0..BATCH).map(|n| claimed(number - 1, n)));
    }
    if number > REMEMBERED {
        changes.extend((0..BATCH).map(|n| Change::Forget(id(number - REMEMBERED, n))));
    }
    changes.push(note(number).into());
    let at = Timestamp::from_millis(number);
    PoolBatch {
        pool: pool.id,
        epoch: pool.epoch,
        at,
        changes,
    }
}

fn enqueued(number: u64, n: u64) -> Change {
    let mut task = sample::task(id(number, n));
    task.place = number;
    sample::put(task, Cause::Enqueued, Some(payload(number, n)))
}

fn claimed(number: u64, n: u64) -> Change {
    let Change::Put {
        mut task,
        cause,
        blob,
    } = sample::claimed(id(number, n))
    else {
        unreachable!("a claim puts");
    };
    task.place = number;
    sample::with_extras(Change::Put { task, cause, blob }, extras(number, n))
}

/// A schedule that says which batch it came with, and is of another length each time.
fn note(number: u64) -> Note {
    let [_, mut note, _] = sample::notes();
    if let Note::Schedule(schedule) = &mut note {
        schedule.fired = number;
        schedule.payload = vec![7; usize::try_from(number % 7 * 900).unwrap()].into();
    }
    note
}

/// What a task has from its claim on.
fn extras(number: u64, n: u64) -> Vec<Extra> {
    if number.is_multiple_of(2) {
        return sample::all_extras();
    }
    vec![Extra::Losses(1 + u32::try_from(n).unwrap())]
}

fn id(number: u64, n: u64) -> TaskId {
    TaskId::from_u128(u128::from(number) << 64 | u128::from(n))
}

/// Each eleventh stands apart from the log.
fn payload(number: u64, n: u64) -> Bytes {
    let len = if (number + n).is_multiple_of(11) {
        20_000
    } else {
        100
    };
    vec![u8::try_from((number * 31 + n) % 251).unwrap(); len].into()
}

/// Returns the newest batch that is there, which is no older than `acknowledged`; and all that
/// should be of it and before it is there.
pub(crate) fn verify(options: &LogOptions, folder: &Path, acknowledged: u64) -> u64 {
    let mut store = open(options, folder);
    let newest = store.latest().as_millis();
    assert!(
        newest >= acknowledged,
        "batch {acknowledged} is lost: the newest is {newest}"
    );
    for pool in open_pools(&mut store) {
        verify_pool(&store, pool, newest);
    }
    newest
}

fn verify_pool(store: &LogStore, pool: OpenedPool, newest: u64) {
    let notes = (newest > 0).then(|| note(newest));
    assert_eq!(
        pool.notes,
        Vec::from_iter(notes),
        "came with batch {newest}"
    );
    let tasks = pool.tasks.map(Result::unwrap);
    let found: BTreeMap<_, _> = tasks.map(|task| (task.id, task)).collect();
    let oldest = (newest + 1).saturating_sub(REMEMBERED).max(1);
    let expected = oldest..=newest;
    assert_eq!(found.len() as u64, expected.clone().count() as u64 * BATCH);
    for number in expected {
        for n in 0..BATCH {
            let task = &found[&id(number, n)];
            assert_eq!(
                task.attempt,
                u32::from(number < newest),
                "the state of {number}"
            );
            let list = task.extras.as_deref().map(|of| Vec::from(of.clone()));
            assert_eq!(list, (number < newest).then(|| extras(number, n)));
            assert_eq!(blob(store, pool.id, task.id), Some(payload(number, n)));
        }
    }
}

fn blob(store: &LogStore, pool: PoolId, task: TaskId) -> Option<Bytes> {
    store.blob(pool, task, Blob::Payload).unwrap()
}

pub(crate) fn options(engine: LogEngine, journal_bytes: u64) -> LogOptions {
    LogOptions {
        engine,
        journal_bytes,
        ..LogOptions::default()
    }
}

fn open(options: &LogOptions, folder: &Path) -> LogStore {
    LogStore::open(folder, options.clone()).unwrap()
}

fn open_pools(store: &mut LogStore) -> Vec<OpenedPool> {
    POOLS
        .iter()
        .map(|name| store.open_pool(&name.parse().unwrap()).unwrap())
        .collect()
}
