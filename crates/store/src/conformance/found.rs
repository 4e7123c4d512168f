//! Payloads and results that are found at one time and read at another, elsewhere.

use std::{sync::mpsc, thread};

use bytes::Bytes;
use leasehold_core::{Change, TaskId};

use super::{Open, Owner, blobs::bytes, id, sample};
use crate::{Blob, Reading, Store};

const TASKS: u64 = 300;

/// Most stand within a record, some apart.
fn payload(n: u64, seed: u64) -> Bytes {
    let len = if n.is_multiple_of(50) { 50_000 } else { 200 };
    bytes(len, n + seed)
}

fn task(n: u64) -> TaskId {
    id(u128::from(n))
}

fn enqueue(store: &mut dyn Store, owner: Owner, seed: u64) {
    let put = |n| sample::enqueued(task(n), &payload(n, seed));
    owner.commit(store, (0..TASKS).map(put).collect());
}

fn find(store: &dyn Store, owner: Owner) -> Reading {
    let wanted: Vec<_> = (0..TASKS).map(|n| (task(n), Blob::Payload)).collect();
    store.find(owner.id, &wanted)
}

pub(super) fn is_read_elsewhere(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    enqueue(&mut *store, owner, 0);
    let reading = find(&*store, owner);
    owner.commit(&mut *store, vec![sample::enqueued(task(TASKS), b"later")]);
    let read = thread::spawn(reading).join().expect("it is read");
    let expected: Vec<_> = (0..TASKS).map(|n| Some(payload(n, 0))).collect();
    assert!(read == expected, "each where it is wanted");
    let unknown = [(task(TASKS + 1), Blob::Payload), (task(0), Blob::Result)];
    assert_eq!(store.find(owner.id, &unknown)(), [None, None]);
}

/// What has gone by then is not read, or as it was; never something else.
pub(super) fn may_be_gone(open: Open<'_>) {
    const LIVES: u64 = 60;
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let (readings, inbox) = mpsc::channel::<(u64, Reading)>();
    let reader = thread::spawn(move || {
        for (seed, reading) in inbox {
            for (n, read) in (0..).zip(reading()) {
                // As it was, or as it is by now.
                let mut whole = (seed..=LIVES).map(|seed| payload(n, seed));
                let is_whole = read.is_none_or(|read| whole.any(|whole| whole == read));
                assert!(is_whole, "task {n} of life {seed}");
            }
        }
    });
    for seed in 0..=LIVES {
        enqueue(&mut *store, owner, seed);
        let reading = find(&*store, owner);
        readings.send((seed, reading)).expect("it is read");
        let completed = |n| sample::completed(task(n), b"");
        owner.commit(&mut *store, (0..TASKS).map(completed).collect());
        let forgotten = |n| Change::Forget(task(n));
        owner.commit(&mut *store, (0..TASKS).map(forgotten).collect());
    }
    drop(readings);
    drop(store);
    reader.join().expect("nothing else was read");
}

pub(super) fn ends_with_its_store(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    enqueue(&mut *store, owner, 0);
    let reading = find(&*store, owner);
    drop(store);
    let as_it_was: Vec<_> = (0..TASKS).map(|n| Some(payload(n, 0))).collect();
    let read = reading();
    assert!(read == as_it_was || read.iter().all(Option::is_none));
    let mut store = open();
    let (owner, _) = Owner::open(&mut *store, "pool");
    assert!(find(&*store, owner)() == as_it_was);
}
