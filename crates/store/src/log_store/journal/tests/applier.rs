//! The thread behind the journal: when it does something, and what its failures do.

use std::{sync::Arc, thread, time::Duration};

use super::{
    super::{
        super::engine::{Engine, Writes},
        Journaled,
        applier::{Policy, Shared},
        format::{Mark, Nonce, RecordHead, Unsealed},
    },
    BOUNDS,
    simulated::{Cut, Fault, Machine, Random},
    stored,
};
use crate::StoreError;

const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn an_engine_that_is_full_fails_the_next_commit_and_loses_nothing() {
    let (machine, told) = fail_behind(Fault::Full);
    assert!(told.contains("no storage space"), "{told}");
    let machine = machine.cut(Cut::Worst, &mut Random(1));
    machine.light(usize::MAX);

    machine.spoil(Some(Fault::Full));
    let still_full = Journaled::recover(machine.clone(), machine.clone(), BOUNDS);
    assert!(
        matches!(still_full, Err(StoreError::Io { .. })),
        "{still_full:?}"
    );

    machine.spoil(None);
    Journaled::recover(machine.clone(), machine.clone(), BOUNDS).unwrap();
    assert_eq!(stored(&machine).len(), 5 * 13);
}

#[test]
fn a_panic_behind_the_journal_is_an_error() {
    let (_, told) = fail_behind(Fault::Panic);
    assert!(told.contains("it panicked"), "{told}");
}

#[test]
fn what_waits_while_nothing_is_committed_comes_to_the_engine() {
    let machine = Machine::default();
    machine.light(usize::MAX);
    let shared = shared(&machine, usize::MAX, Duration::ZERO);
    shared.insert(record(1));
    run_until(&shared, |shared| shared.progress().unwrap() == (1, 1));
    assert_eq!(stored(&machine).len(), 13);
}

#[test]
fn what_is_more_than_half_a_journal_comes_to_the_engine_the_oldest_first() {
    let machine = Machine::default();
    machine.light(usize::MAX);
    let bytes = record(1).bytes().len();
    let shared = shared(&machine, 8 * bytes, NEVER);
    for seq in 1..=9 {
        shared.insert(record(seq));
    }
    run_until(&shared, |shared| shared.progress().unwrap().0 >= 3);
    assert_eq!(shared.progress().unwrap(), (3, 3), "six of nine are left");
    assert_eq!(stored(&machine).len(), 3 * 13);
}

/// What becomes of five commits when the engine fails behind the journal: the machine, and what the
/// next commit is told. The one after that is told nothing new.
fn fail_behind(fault: Fault) -> (Machine, String) {
    let machine = Machine::default();
    machine.light(usize::MAX);
    let mut journaled = Journaled::recover(machine.clone(), machine.clone(), BOUNDS).unwrap();
    let shared = Arc::get_mut(&mut journaled.shared).unwrap();
    shared.policy = Policy {
        high: 0,
        lot: usize::MAX,
        idle: NEVER,
    };
    for number in 0..5 {
        journaled.commit(writes(number)).unwrap();
    }
    machine.spoil(Some(fault));
    let shared = Arc::clone(&journaled.shared);
    thread::spawn(move || shared.run()).join().unwrap();
    let told = journaled.commit(writes(5)).unwrap_err().to_string();
    let again = journaled.commit(writes(6)).unwrap_err();
    assert!(matches!(again, StoreError::Poisoned), "{again}");
    let read = journaled.get(&1_u64.to_be_bytes(), 200);
    assert!(matches!(read, Err(StoreError::Poisoned)), "{read:?}");
    Box::new(journaled).close();
    (machine, told)
}

fn shared(machine: &Machine, high: usize, idle: Duration) -> Shared<Machine> {
    let mark = Mark {
        nonce: Nonce(1),
        seq: 0,
        newest: 0,
    };
    let lot = high / 4;
    Shared::new(machine.clone(), mark, 0, Policy { high, lot, idle })
}

fn run_until(shared: &Shared<Machine>, is_done: impl Fn(&Shared<Machine>) -> bool) {
    thread::scope(|scope| {
        scope.spawn(|| shared.run());
        while !is_done(shared) {
            thread::yield_now();
        }
        shared.stop();
    });
}

fn record(seq: u64) -> super::super::format::Record {
    let head = RecordHead {
        seq,
        covered: 0,
        marked: 0,
    };
    Unsealed::new(&writes(seq)).unwrap().seal(Nonce(1), head)
}

/// Thirteen parts.
fn writes(number: u64) -> Writes {
    let mut writes = Writes::default();
    writes.put(&number.to_be_bytes(), vec![1; 200]);
    writes
}
