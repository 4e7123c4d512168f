//! Many tasks that come and go.

use leasehold_core::{Change, TaskId};

use super::{Open, Owner, blobs::bytes, id, sample};
use crate::{Blob, Store};

const TASKS: u128 = 50_000;
const BATCH: u128 = 128;

/// What an engine may have on disk when almost nothing is live, in bytes.
const REST_BYTES_MAX: u64 = 24 * 1024 * 1024;

pub(super) fn leaves_little(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    churn(&mut *store, owner, 0..TASKS);
    owner.commit(&mut *store, vec![sample::enqueued(id(TASKS), b"the last")]);
    let stats = store.stats();
    assert!(stats.live_bytes < 1024, "{stats:?}");
    assert!(stats.disk_bytes < REST_BYTES_MAX, "{stats:?}");
    drop(store);
    let (_, tasks) = Owner::open(&mut *open(), "pool");
    assert_eq!(
        tasks.iter().map(|task| task.id).collect::<Vec<_>>(),
        [id(TASKS)]
    );
}

pub(super) fn standing_is_kept(open: Open<'_>) {
    const STANDING: u128 = 300;
    let payload = |n: u128| bytes((n as usize * 37) % 6000, 5);
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let standing = (0..STANDING).map(|n| sample::enqueued(id(n), &payload(n)));
    owner.commit(&mut *store, standing.collect());
    for round in 1..=4 {
        churn(&mut *store, owner, round * TASKS..round * TASKS + TASKS / 5);
        let third = (0..STANDING)
            .filter(|n| n % 3 == round % 3)
            .map(|n| sample::claimed(id(n)));
        owner.commit(&mut *store, third.collect());
    }
    drop(store);
    let mut store = open();
    let (owner, tasks) = Owner::open(&mut *store, "pool");
    assert_eq!(tasks.len(), STANDING as usize);
    for n in 0..STANDING {
        assert_eq!(
            owner.blob(&*store, id(n), Blob::Payload),
            Some(payload(n)),
            "task {n}"
        );
    }
}

pub(super) fn rest_gives_space_back(open: Open<'_>) {
    let mut store = open();
    let resting = Owner::of_empty(&mut *store, "resting");
    let busy = Owner::of_empty(&mut *store, "busy");
    let tasks = 0..2 * BATCH;
    let put = |n| sample::enqueued(id(n), &bytes(4000, 3));
    resting.commit(&mut *store, tasks.clone().map(put).collect());
    for n in 0..20 {
        let claim = |_| sample::failed(id(n), &"reason ".repeat(100));
        resting.commit(&mut *store, tasks.clone().map(claim).collect());
    }
    churn(&mut *store, busy, 0..TASKS / 5);
    let stats = store.stats();
    assert!(
        stats.disk_bytes < REST_BYTES_MAX + 4 * stats.live_bytes,
        "{stats:?}"
    );
    drop(store);
    let mut store = open();
    let (resting, found) = Owner::open(&mut *store, "resting");
    assert_eq!(found.len(), 2 * BATCH as usize);
    for n in tasks {
        assert_eq!(
            resting.blob(&*store, id(n), Blob::Payload),
            Some(bytes(4000, 3))
        );
    }
}

/// Each task is enqueued, claimed, and forgotten, in three commits of its own batch.
pub(super) fn churn(store: &mut dyn Store, owner: Owner, numbers: std::ops::Range<u128>) {
    let end = numbers.end;
    for start in numbers.step_by(BATCH as usize) {
        let ids: Vec<TaskId> = (start..end.min(start + BATCH)).map(id).collect();
        owner.commit(
            store,
            ids.iter()
                .map(|id| sample::enqueued(*id, b"a payload"))
                .collect(),
        );
        owner.commit(store, ids.iter().map(|id| sample::claimed(*id)).collect());
        owner.commit(store, ids.iter().map(|id| Change::Forget(*id)).collect());
    }
}
