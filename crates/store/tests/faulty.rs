//! The store that fails keeps the contract while nothing is to fail, and fails as it is told.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use leasehold_core::{Epoch, PoolId, TaskId, Timestamp};
use leasehold_store::{
    Faults, FaultyStore, MemoryDisk, MemoryStore, Moment, PoolBatch, Store, StoreError,
    conformance::{self, sample},
};

#[test]
fn keeps_the_contract() {
    conformance::exercise(|| {
        let disk = MemoryDisk::default();
        move || FaultyStore::new(MemoryStore::on(disk.clone())).0
    });
}

#[test]
fn a_failed_commit_may_be_there_or_not() {
    for (moment, there) in [(Moment::Before, 0), (Moment::After, 1)] {
        let (mut store, faults) = store();
        faults.fail_commit(moment);
        assert!(matches!(commit(&mut store), Err(StoreError::Io { .. })));
        assert_needs_reopen(&mut store);
        store.reopen().unwrap();
        assert_eq!(tasks(&mut store), there, "{moment:?}");
        assert_eq!(faults.commits(), there as u64);
        store.commit(&[batch(Epoch(2))]).expect("it fails once");
    }
}

#[test]
fn a_panic_in_a_commit_wants_a_reopen() {
    for (moment, there) in [(Moment::Before, 0), (Moment::After, 1)] {
        let (mut store, faults) = store();
        faults.panic_in_commit(moment);
        catch_unwind(AssertUnwindSafe(|| commit(&mut store))).expect_err("it panics");
        assert_needs_reopen(&mut store);
        store.reopen().unwrap();
        assert_eq!(tasks(&mut store), there, "{moment:?}");
    }
}

#[test]
fn a_refused_commit_wants_no_reopen() {
    let (mut store, _) = store();
    assert!(matches!(
        store.commit(&[batch(Epoch(0))]),
        Err(StoreError::Fenced { .. })
    ));
    commit(&mut store).unwrap();
}

#[test]
fn stalled_commits_wait_for_their_release() {
    for (moment, written) in [(Moment::Before, 0), (Moment::After, 1)] {
        let (mut store, faults) = store();
        faults.stall_commits(moment);
        let committing = thread::spawn(move || commit(&mut store));
        faults.wait_until_stalled();
        assert_eq!(faults.commits(), written, "{moment:?}");
        assert!(!committing.is_finished());
        faults.release();
        committing.join().unwrap().unwrap();
        assert_eq!(faults.commits(), 1);
    }
}

#[test]
fn reopens_fail_as_often_as_told() {
    let (mut store, faults) = store();
    faults.fail_reopens(2);
    store.reopen().unwrap_err();
    assert_needs_reopen(&mut store);
    store.reopen().unwrap_err();
    store.reopen().unwrap();
}

#[test]
fn opens_fail_as_often_as_told() {
    let (mut store, faults) = store();
    faults.fail_opens(1);
    assert!(matches!(
        store.open_pool(&"pool".parse().unwrap()),
        Err(StoreError::Io { .. })
    ));
    assert_needs_reopen(&mut store);
    store.reopen().unwrap();
    assert_eq!(tasks(&mut store), 0);
}

#[test]
fn free_bytes_are_as_told() {
    let (store, faults) = store();
    faults.set_free_bytes(Some(12));
    assert_eq!(store.stats().free_bytes, Some(12));
    faults.set_free_bytes(None);
    assert_eq!(store.stats().free_bytes, None);
}

fn store() -> (FaultyStore<MemoryStore>, Faults) {
    let (mut store, faults) = FaultyStore::new(MemoryStore::new());
    assert_eq!(tasks(&mut store), 0);
    (store, faults)
}

fn tasks(store: &mut dyn Store) -> usize {
    store
        .open_pool(&"pool".parse().unwrap())
        .unwrap()
        .tasks
        .len()
}

fn commit(store: &mut dyn Store) -> Result<(), StoreError> {
    store.commit(&[batch(Epoch(1))])
}

fn batch(epoch: Epoch) -> PoolBatch {
    let changes = vec![sample::claimed(TaskId::from_u128(1))];
    PoolBatch {
        pool: PoolId(1),
        epoch,
        at: Timestamp::from_millis(1),
        changes,
    }
}

fn assert_needs_reopen(store: &mut dyn Store) {
    assert!(matches!(commit(store), Err(StoreError::Poisoned)));
    assert!(matches!(
        store.open_pool(&"pool".parse().unwrap()),
        Err(StoreError::Poisoned)
    ));
}
