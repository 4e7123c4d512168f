//! Commits that have begun: read at once, written in their order by whoever ends them.

use std::thread;

use super::{
    super::super::engine::{Engine, Writes},
    *,
};

/// Light for ever.
fn journaled() -> (Machine, Journaled<Machine, Machine>) {
    let machine = Machine::default();
    machine.light(usize::MAX);
    let journaled = Journaled::recover(machine.clone(), machine.clone(), BOUNDS).unwrap();
    (machine, journaled)
}

/// A key, of which something else is said each time.
fn begin(journaled: &Journaled<Machine, Machine>, value: u8) -> Box<dyn Begun> {
    let mut writes = Writes::default();
    writes.put(b"key", vec![value; 20]);
    journaled.begin(writes).unwrap().unwrap()
}

fn read(journaled: &Journaled<Machine, Machine>) -> u8 {
    journaled.get(b"key", 20).unwrap().unwrap()[0]
}

fn in_engine(machine: &Machine) -> u8 {
    stored(machine).values().next().map(|part| part[0]).unwrap()
}

#[test]
fn what_has_begun_is_read_and_comes_to_the_engine_when_it_has_ended() {
    let (machine, journaled) = journaled();
    let before = stored(&machine);
    let (one, two) = (begin(&journaled, 1), begin(&journaled, 2));
    assert_eq!(read(&journaled), 2);
    journaled.shared.settle_all().unwrap();
    assert_eq!(stored(&machine), before, "nothing is durable yet");
    one.end().unwrap();
    assert_eq!(read(&journaled), 2);
    journaled.shared.settle_all().unwrap();
    assert_eq!(in_engine(&machine), 1);
    two.end().unwrap();
    assert_eq!(read(&journaled), 2);
    journaled.settle().unwrap();
    assert_eq!(in_engine(&machine), 2);
}

#[test]
fn whoever_ends_them_they_are_written_in_the_order_in_which_they_began() {
    let (machine, journaled) = journaled();
    for round in 0..50 {
        let begun: Vec<_> = (0..4).map(|turn| begin(&journaled, round + turn)).collect();
        thread::scope(|scope| {
            for commit in begun.into_iter().rev() {
                scope.spawn(|| commit.end().unwrap());
            }
        });
        assert_eq!(read(&journaled), round + 3);
    }
    drop(journaled);
    let machine = machine.cut(Cut::Kill, &mut Random(1));
    machine.light(usize::MAX);
    let journaled = Journaled::recover(machine.clone(), machine, BOUNDS).unwrap();
    assert_eq!(read(&journaled), 52);
}

#[test]
fn after_one_that_was_not_ended_none_is_written() {
    let (_, journaled) = journaled();
    let (one, two) = (begin(&journaled, 1), begin(&journaled, 2));
    drop(one);
    assert!(matches!(two.end(), Err(StoreError::Poisoned)));
    let mut writes = Writes::default();
    writes.put(b"key", vec![3; 20]);
    assert!(matches!(
        journaled.commit(writes),
        Err(StoreError::Poisoned)
    ));
}

/// What does not fit into the journal goes to the engine behind all before it.
#[test]
fn a_long_one_waits_for_those_before_it() {
    let (machine, journaled) = journaled();
    let one = begin(&journaled, 1);
    thread::scope(|scope| {
        let ending = scope.spawn(|| one.end().unwrap());
        let mut writes = Writes::default();
        writes.put(b"long", vec![7; 2000]);
        assert!(journaled.begin(writes).unwrap().is_none());
        ending.join().unwrap();
    });
    let found = stored(&machine);
    assert!(found.keys().any(|(key, _)| key == b"key"), "{found:?}");
}
