//! What becomes of changes.

use leasehold_core::{Change, Death, Extra, State, Task, Timestamp};

use super::{Open, Owner, id, sample};
use crate::Store;

pub(super) fn new_store_is_empty(open: Open<'_>) {
    let store = open();
    assert_eq!(store.pools(), []);
    assert_eq!(store.latest(), Timestamp::default());
}

pub(super) fn every_change_is_kept(open: Open<'_>) {
    let changes = [
        sample::enqueued(id(1), b"payload"),
        sample::claimed(id(2)),
        sample::completed(id(3), b"result"),
        sample::failed(id(4), "no such file"),
        sample::died(id(5)),
        sample::cancelled(id(6)),
        sample::revived(id(7)),
        sample::resumed(id(8)),
        sample::failed(id(9), &"long ".repeat(200)),
    ];
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    owner.commit(&mut *store, changes.to_vec());
    let expected: Vec<_> = changes.iter().map(task_of).collect();
    assert_eq!(tasks(&mut *store), expected, "as long as the store is open");
    store.reopen().expect("it reopens");
    assert_eq!(tasks(&mut *store), expected, "after a reopen");
    drop(store);
    assert_eq!(tasks(&mut *open()), expected, "after a restart");
}

pub(super) fn extras_are_kept(open: Open<'_>) {
    let all = sample::all_extras;
    let mut hopeless = sample::died(id(7));
    if let Change::Put { task, .. } = &mut hopeless
        && let State::Dead { cause, .. } = &mut task.state
    {
        *cause = Death::Hopeless;
    }
    let mut changes = vec![
        sample::with_extras(sample::enqueued(id(1), b"payload"), all()),
        sample::with_extras(sample::claimed(id(2)), all()),
        sample::with_extras(sample::completed(id(3), b"result"), all()),
        sample::with_extras(sample::failed(id(4), "no such file"), [Extra::Losses(1)]),
        sample::with_extras(sample::cancelled(id(5)), []),
        sample::claimed(id(6)),
        sample::with_extras(hopeless, []),
    ];
    let each = (10..).zip(all());
    changes.extend(each.map(|(n, one)| sample::with_extras(sample::claimed(id(n)), [one])));
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    owner.commit(&mut *store, changes.clone());
    let expected: Vec<_> = changes.iter().map(task_of).collect();
    assert_eq!(tasks(&mut *store), expected, "as long as the store is open");
    store.reopen().expect("it reopens");
    assert_eq!(tasks(&mut *store), expected, "after a reopen");
    drop(store);
    assert_eq!(tasks(&mut *open()), expected, "after a restart");
}

pub(super) fn extras_come_and_go(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let with = |n| sample::with_extras(sample::claimed(id(n)), [Extra::Edited(7)]);
    owner.commit(&mut *store, vec![with(1), sample::claimed(id(2)), with(3)]);
    owner.commit(&mut *store, vec![sample::failed(id(1), ""), with(2)]);
    let life = [
        sample::claimed(id(3)),
        with(3),
        sample::claimed(id(4)),
        with(4),
    ];
    owner.commit(&mut *store, life.to_vec());
    owner.commit(&mut *store, vec![with(5), Change::Forget(id(5))]);
    drop(store);
    let expected = [sample::failed(id(1), ""), with(2), with(3), with(4)];
    let expected: Vec<_> = expected.iter().map(task_of).collect();
    assert_eq!(tasks(&mut *open()), expected);
}

pub(super) fn newest_state_counts(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let life = [
        sample::enqueued(id(1), b""),
        sample::claimed(id(1)),
        sample::failed(id(1), "x"),
    ];
    owner.commit(&mut *store, life.to_vec());
    owner.commit(&mut *store, vec![sample::enqueued(id(2), b"")]);
    owner.commit(&mut *store, vec![sample::claimed(id(2))]);
    let twice = vec![
        owner.batch(1, vec![sample::claimed(id(3))]),
        owner.batch(1, vec![sample::died(id(3))]),
    ];
    store
        .commit(&twice)
        .expect("a pool may come twice in a commit");
    drop(store);
    let expected = [&life[2], &sample::claimed(id(2)), &sample::died(id(3))].map(task_of);
    assert_eq!(tasks(&mut *open()), expected);
}

pub(super) fn not_durable_is_passed_over(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    owner.commit(
        &mut *store,
        vec![sample::claimed(id(1)), sample::extended(id(1))],
    );
    owner.commit(&mut *store, vec![sample::extended(id(1))]);
    store
        .commit(&[owner.batch(99, vec![sample::extended(id(1))])])
        .expect("it is taken");
    store
        .commit(&[owner.batch(99, vec![])])
        .expect("it is taken");
    store.commit(&[]).expect("it is taken");
    assert_eq!(
        store.latest(),
        Timestamp::from_millis(1),
        "of durable changes only"
    );
    drop(store);
    assert_eq!(tasks(&mut *open()), [task_of(&sample::claimed(id(1)))]);
}

pub(super) fn forgotten_is_forgotten(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    owner.commit(
        &mut *store,
        (1..=3).map(|n| sample::enqueued(id(n), b"p")).collect(),
    );
    owner.commit(&mut *store, vec![Change::Forget(id(2))]);
    let short = vec![sample::enqueued(id(4), b"p"), Change::Forget(id(4))];
    owner.commit(&mut *store, short);
    owner.commit(&mut *store, vec![Change::Forget(id(5))]);
    drop(store);
    let left: Vec<_> = tasks(&mut *open()).iter().map(|task| task.id).collect();
    assert_eq!(left, [id(1), id(3)]);
}

pub(super) fn forgotten_may_come_again(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    owner.commit(
        &mut *store,
        vec![sample::claimed(id(1)), sample::claimed(id(2))],
    );
    let again = |n| vec![Change::Forget(id(n)), sample::enqueued(id(n), b"")];
    owner.commit(&mut *store, again(1));
    owner.commit(&mut *store, vec![Change::Forget(id(2))]);
    owner.commit(&mut *store, again(2));
    drop(store);
    let expected = [1, 2].map(|n| task_of(&sample::enqueued(id(n), b"")));
    assert_eq!(tasks(&mut *open()), expected);
}

pub(super) fn latest_is_kept(open: Open<'_>) {
    let mut store = open();
    let one = Owner::of_empty(&mut *store, "one");
    let two = Owner::of_empty(&mut *store, "two");
    let change = || vec![sample::claimed(id(1))];
    store
        .commit(&[one.batch(20, change()), two.batch(30, change())])
        .expect("it is taken");
    store
        .commit(&[one.batch(25, change())])
        .expect("it is taken");
    assert_eq!(store.latest(), Timestamp::from_millis(30));
    drop(store);
    assert_eq!(open().latest(), Timestamp::from_millis(30));
}

fn tasks(store: &mut dyn Store) -> Vec<Task> {
    Owner::open(store, "pool").1
}

fn task_of(change: &Change) -> Task {
    match change {
        Change::Put { task, .. } => Task::clone(task),
        Change::Forget(id) => panic!("{id} is not put"),
        Change::Note { name, .. } => panic!("{name:?} is no task"),
    }
}
