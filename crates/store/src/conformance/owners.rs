//! Who may commit to which pool.

use leasehold_core::{Epoch, PoolId};

use super::{Open, Owner, id, sample};
use crate::StoreError;

pub(super) fn epochs_grow(open: Open<'_>) {
    let mut store = open();
    let first = Owner::of_empty(&mut *store, "pool");
    let second = Owner::of_empty(&mut *store, "pool");
    store.reopen().expect("it reopens");
    let third = Owner::of_empty(&mut *store, "pool");
    drop(store);
    let fourth = Owner::of_empty(&mut *open(), "pool");
    assert_eq!(
        [first, second, third, fourth].map(|owner| owner.id),
        [first.id; 4]
    );
    let epochs = [first, second, third, fourth].map(|owner| owner.epoch);
    assert_eq!(epochs, [1, 2, 3, 4].map(Epoch));
}

pub(super) fn older_owner_is_fenced(open: Open<'_>) {
    let mut store = open();
    let older = Owner::of_empty(&mut *store, "pool");
    let newer = Owner::of_empty(&mut *store, "pool");
    let refused = older.try_commit(&mut *store, vec![sample::claimed(id(1))]);
    let Err(StoreError::Fenced {
        pool,
        older,
        newer: named,
    }) = refused
    else {
        panic!("{refused:?} instead of fenced");
    };
    assert_eq!(
        (pool.as_str(), older, named),
        ("pool", Epoch(1), newer.epoch)
    );
    newer.commit(&mut *store, vec![sample::claimed(id(2))]);
    let (_, tasks) = Owner::open(&mut *store, "pool");
    assert_eq!(
        tasks.iter().map(|task| task.id).collect::<Vec<_>>(),
        [id(2)]
    );
}

pub(super) fn unopened_is_refused(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let nobody = Owner {
        id: PoolId(owner.id.0 + 1),
        epoch: Epoch(1),
    };
    let future = Owner {
        epoch: Epoch(owner.epoch.0 + 1),
        ..owner
    };
    for stranger in [nobody, future] {
        let refused = stranger.try_commit(&mut *store, vec![sample::claimed(id(1))]);
        assert!(matches!(refused, Err(StoreError::NotOpen(id)) if id == stranger.id));
    }
    store.reopen().expect("it reopens");
    let refused = owner.try_commit(&mut *store, vec![sample::claimed(id(1))]);
    assert!(
        matches!(refused, Err(StoreError::NotOpen(_))),
        "pools are opened again first"
    );
    Owner::of_empty(&mut *store, "pool").commit(&mut *store, vec![sample::claimed(id(1))]);
}

pub(super) fn refused_leaves_nothing(open: Open<'_>) {
    let mut store = open();
    let one = Owner::of_empty(&mut *store, "one");
    let older = Owner::of_empty(&mut *store, "two");
    Owner::of_empty(&mut *store, "two");
    let change = || vec![sample::claimed(id(1))];
    let refused = store.commit(&[one.batch(50, change()), older.batch(50, change())]);
    assert!(matches!(refused, Err(StoreError::Fenced { .. })));
    assert_eq!(store.latest().as_millis(), 0);
    Owner::of_empty(&mut *store, "one");
    drop(store);
    Owner::of_empty(&mut *open(), "one");
}

pub(super) fn pools_keep_their_numbers(open: Open<'_>) {
    let names = ["zebra", "ant", "m.2"];
    let mut store = open();
    let owners = names.map(|name| Owner::of_empty(&mut *store, name));
    assert!(owners.is_sorted_by(|a, b| a.id < b.id), "{owners:?}");
    let known = |pools: Vec<leasehold_core::PoolName>| {
        pools.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(known(store.pools()), names);
    drop(store);
    let mut store = open();
    assert_eq!(known(store.pools()), names);
    let again = names.map(|name| Owner::of_empty(&mut *store, name));
    assert_eq!(again.map(|owner| owner.id), owners.map(|owner| owner.id));
}

pub(super) fn commit_goes_to_all_pools(open: Open<'_>) {
    let name = |n: u128| format!("pool-{n}");
    let mut store = open();
    let owners: Vec<_> = (0..100)
        .map(|n| Owner::of_empty(&mut *store, &name(n)))
        .collect();
    let batches: Vec<_> = (0..)
        .zip(&owners)
        .map(|(n, owner)| owner.batch(1, vec![sample::enqueued(id(n), b"p")]))
        .collect();
    store.commit(&batches).expect("it is taken");
    drop(store);
    let mut store = open();
    for n in 0..100 {
        let (_, tasks) = Owner::open(&mut *store, &name(n));
        assert_eq!(
            tasks.iter().map(|task| task.id).collect::<Vec<_>>(),
            [id(n)]
        );
    }
}

pub(super) fn epochs_can_be_gone_past(open: Open<'_>) {
    let name = "pool".parse().expect("it is a name");
    let mut store = open();
    let mut opened = |epoch| store.open_pool_past(&name, Epoch(epoch)).expect("it opens");
    let epochs = [70, 3, 71, 90].map(|past| opened(past).epoch);
    assert_eq!(epochs, [71, 72, 73, 91].map(Epoch));
    drop(store);
    assert_eq!(Owner::of_empty(&mut *open(), "pool").epoch, Epoch(92));
}
