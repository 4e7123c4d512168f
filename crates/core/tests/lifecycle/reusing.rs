//! What changes are made of serves the next ones, and leaves nothing of its own in them.

use leasehold_core::*;

use crate::harness::*;

/// The changes of a life in which a task comes to have all that one can have, and of the next task's.
fn lives(reuses: bool) -> Vec<Change> {
    let mut world = World::new(PoolSettings::default());
    let (lead, mate) = (
        world.open(1, &node("crane", 1)),
        world.open(2, &node("winch", 1)),
    );
    let mut all = vec![];
    let mut note = |world: &mut World| {
        all.append(&mut world.changes.clone());
        if !reuses {
            // Nothing was written, so nothing is left of what there is.
            (0..20).for_each(|_| world.pool.reuse(Spent::default()));
        }
    };
    let wishes = [Wish::MaxRuntime(60_000), Wish::LossesMax(3)];
    world.put(lead, wishing(1, wishes)).expect("it is taken in");
    note(&mut world);
    for _ in 0..3 {
        let proof = world.must_take(lead);
        note(&mut world);
        world.release(lead, proof);
        note(&mut world);
    }
    let proof = world.must_take(mate);
    note(&mut world);
    world.enqueue(lead, &[9]);
    note(&mut world);
    world.complete(mate, proof);
    note(&mut world);
    for number in 2..6 {
        world.enqueue(lead, &[number]);
        note(&mut world);
        let proof = world.must_take(lead);
        note(&mut world);
        world.complete(lead, proof);
        note(&mut world);
    }
    all
}

#[test]
fn nothing_of_an_earlier_task_is_in_a_later_one() {
    let changes = lives(true);
    assert_eq!(changes, lives(false));
    let of_second = changes
        .iter()
        .filter(|change| change.task_id() == Some(id(2)));
    let (mut histories, mut leases) = (vec![], vec![]);
    for change in of_second {
        if let Change::Put { task, .. } = change {
            assert_eq!(task.extras, None);
            histories.push(task.history.len());
            leases.push(task.lease.is_some());
        }
    }
    assert_eq!(histories, [0, 0, 1]);
    assert_eq!(leases, [false, true, false]);
}
