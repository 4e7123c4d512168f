//! What is kept of a pool beside its tasks.

use leasehold_core::{Change, Note, NoteName, Timestamp};

use super::{Open, Owner, churn, id, sample};
use crate::{Store, StoreError};

pub(super) fn are_kept(open: Open<'_>) {
    let mut store = open();
    assert_eq!(found(&mut *store, "pool"), []);
    let owner = Owner::of_empty(&mut *store, "pool");
    let put = sample::notes().map(Change::from);
    let with_a_task = [put.to_vec(), vec![sample::claimed(id(1))]].concat();
    owner.commit(&mut *store, with_a_task);
    let [policy, nightly, often] = sample::notes();
    let fired = with_fired(&nightly, 99);
    let changed = vec![
        with_fired(&nightly, 4).into(),
        fired.clone().into(),
        gone(&often),
    ];
    owner.commit(&mut *store, changed);
    let expected = [policy, fired];
    assert_eq!(found(&mut *store, "pool"), expected, "while it is open");
    store.reopen().expect("it reopens");
    assert_eq!(found(&mut *store, "pool"), expected, "after a reopen");
    drop(store);
    let mut store = open();
    assert_eq!(found(&mut *store, "pool"), expected, "after a restart");
    let (owner, tasks) = Owner::open(&mut *store, "pool");
    assert_eq!(tasks.len(), 1);
    let both = expected.iter().map(gone).chain([gone(&often)]);
    owner.commit(&mut *store, both.collect());
    drop(store);
    let mut store = open();
    assert_eq!(found(&mut *store, "pool"), [], "all of them are gone");
    let (owner, _) = Owner::open(&mut *store, "pool");
    owner.commit(&mut *store, vec![often.clone().into()]);
    drop(store);
    assert_eq!(found(&mut *open(), "pool"), [often], "and one came again");
}

pub(super) fn are_their_pools_own(open: Open<'_>) {
    let mut store = open();
    let [one, two] = ["one", "two"].map(|name| Owner::of_empty(&mut *store, name));
    let [policy, nightly, _] = sample::notes();
    let batches = [
        one.batch(7, vec![policy.clone().into()]),
        two.batch(8, vec![nightly.clone().into()]),
    ];
    store.commit(&batches).expect("it is taken");
    assert_eq!(store.latest(), Timestamp::from_millis(8), "of notes alone");
    drop(store);
    let mut store = open();
    assert_eq!(store.latest(), Timestamp::from_millis(8));
    assert_eq!(found(&mut *store, "one"), [policy]);
    assert_eq!(found(&mut *store, "two"), [nightly]);
}

pub(super) fn are_fenced(open: Open<'_>) {
    let mut store = open();
    let old = Owner::of_empty(&mut *store, "pool");
    let new = Owner::of_empty(&mut *store, "pool");
    let [policy, nightly, _] = sample::notes();
    new.commit(&mut *store, vec![policy.clone().into()]);
    let refused = old.try_commit(&mut *store, vec![gone(&policy), nightly.into()]);
    assert!(matches!(refused, Err(StoreError::Fenced { .. })));
    assert_eq!(found(&mut *store, "pool"), [policy]);
}

pub(super) fn stand_through_churn(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    owner.commit(&mut *store, sample::notes().map(Change::from).to_vec());
    for round in 0..4 {
        churn::churn(&mut *store, owner, round * 5000..round * 5000 + 5000);
        let nightly = with_fired(
            &sample::notes()[1],
            u64::try_from(round).expect("it is small"),
        );
        owner.commit(&mut *store, vec![nightly.into()]);
    }
    drop(store);
    let [policy, nightly, often] = sample::notes();
    let expected = [policy, with_fired(&nightly, 3), often];
    assert_eq!(found(&mut *open(), "pool"), expected);
}

fn with_fired(note: &Note, fired: u64) -> Note {
    let mut note = note.clone();
    if let Note::Schedule(schedule) = &mut note {
        schedule.fired = fired;
        schedule.payload = vec![7; usize::try_from(fired * 300).expect("it is small")].into();
    }
    note
}

fn gone(note: &Note) -> Change {
    Change::Note {
        name: note.name(),
        body: None,
    }
}

/// The notes of a pool, in the order of their names.
fn found(store: &mut dyn Store, pool: &str) -> Vec<Note> {
    let name = pool.parse().expect("it is a name");
    let mut notes = store.open_pool(&name).expect("the pool opens").notes;
    notes.sort_by_key(Note::name);
    assert!(
        notes
            .iter()
            .map(Note::name)
            .is_sorted_by(|a: &NoteName, b| a < b)
    );
    notes
}
