//! Commits that end elsewhere while the next one begins.

use std::thread;

use super::{Open, Owner, id, sample};
use crate::Blob;

pub(super) fn is_read(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let mut begun = Vec::new();
    for (number, len) in [(1, 10), (2, 5000), (3, 10)] {
        let payload = vec![7; len];
        let batch = owner.batch(1, vec![sample::enqueued(id(number), &payload)]);
        let commit = store.begin(&[batch]).expect("the commit begins");
        begun.push(commit);
        let read = owner.blob(&*store, id(number), Blob::Payload);
        assert_eq!(read.as_deref(), Some(payload.as_slice()));
    }
    for commit in begun.into_iter().flatten() {
        commit.end().expect("the commit ends");
    }
    drop(store);
    let mut store = open();
    let (owner, tasks) = Owner::open(&mut *store, "pool");
    assert_eq!(tasks.len(), 3);
    let read = owner.blob(&*store, id(2), Blob::Payload);
    assert_eq!(read.map(|payload| payload.len()), Some(5000));
}

pub(super) fn ends_in_its_order(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    owner.commit(&mut *store, vec![sample::enqueued(id(1), b"payload")]);
    for _ in 0..30 {
        let changes = [sample::claimed(id(1)), sample::extended(id(1))];
        let begun: Vec<_> = changes
            .into_iter()
            .map(|change| store.begin(&[owner.batch(1, vec![change])]))
            .map(|commit| commit.expect("the commit begins"))
            .collect();
        thread::scope(|scope| {
            for commit in begun.into_iter().rev().flatten() {
                scope.spawn(|| commit.end().expect("the commit ends"));
            }
        });
    }
    owner.commit(&mut *store, vec![sample::completed(id(1), b"result")]);
    drop(store);
    let mut store = open();
    let (owner, tasks) = Owner::open(&mut *store, "pool");
    assert!(tasks[0].state.kind().is_end(), "{tasks:?}");
    let result = owner.blob(&*store, id(1), Blob::Result);
    assert_eq!(result.as_deref(), Some(b"result".as_slice()));
}
