//! Who goes first: priority, age, and the stated bound on waiting.

use leasehold_core::*;

use crate::harness::*;

/// A pool in which a priority is worth ten seconds of age.
fn aging() -> (World, SessionId) {
    with(Aging::Step(secs(10)))
}

fn with(aging: Aging) -> (World, SessionId) {
    let mut world = World::new(PoolSettings {
        aging,
        ..PoolSettings::default()
    });
    let crane = world.open(1, &node("crane", 1));
    (world, crane)
}

fn put(world: &mut World, session: SessionId, number: u128, priority: u32) {
    let new = NewTask {
        priority,
        ..task(number)
    };
    world.send(session, Command::Enqueue(vec![new]));
}

#[test]
fn the_urgent_goes_first() {
    let (mut world, crane) = aging();
    for (number, priority) in [(1, 2), (2, 0), (3, 1)] {
        put(&mut world, crane, number, priority);
    }
    assert_eq!(world.take_all(crane), [2, 3, 1]);
}

#[test]
fn equals_go_by_age_then_by_the_order_of_enqueue() {
    let (mut world, crane) = aging();
    put(&mut world, crane, 9, 1);
    world.pass(ms(1));
    put(&mut world, crane, 5, 1);
    put(&mut world, crane, 3, 1);
    put(&mut world, crane, 4, 1);
    assert_eq!(world.take_all(crane), [9, 5, 3, 4]);
}

/// A task of priority p is overtaken only by what is ready less than p x step after it.
#[test]
fn priorities_and_aging() {
    for (after, overtakes) in [
        (ms(0), true),
        (ms(29_999), true),
        (ms(30_000), false),
        (ms(30_001), false),
    ] {
        let (mut world, crane) = aging();
        put(&mut world, crane, 1, 3);
        world.pass(after);
        put(&mut world, crane, 2, 0);
        let expected = if overtakes { [2, 1] } else { [1, 2] };
        assert_eq!(world.take_all(crane), expected, "after {after:?}");
    }
}

#[test]
fn a_flood_of_urgent_tasks_starves_nobody() {
    let (mut world, crane) = aging();
    put(&mut world, crane, 1, 2);
    let mut overtaken = 0;
    for number in 2..100 {
        put(&mut world, crane, number, 0);
        let taken = world.must_take(crane);
        if taken.task == id(1) {
            break;
        }
        overtaken += 1;
        world.pass(secs(1));
    }
    assert_eq!(overtaken, 20);
}

#[test]
fn strict() {
    let (mut world, crane) = with(Aging::Strict);
    put(&mut world, crane, 1, 1);
    world.pass(secs(1_000_000));
    put(&mut world, crane, 2, 0);
    put(&mut world, crane, 3, 1);
    assert_eq!(world.take_all(crane), [2, 1, 3]);
}

#[test]
fn a_step_of_zero_is_order_by_age() {
    let (mut world, crane) = with(Aging::Step(ms(0)));
    put(&mut world, crane, 1, u32::MAX);
    world.pass(ms(1));
    put(&mut world, crane, 2, 0);
    assert_eq!(world.take_all(crane), [1, 2]);
}

#[test]
fn the_greatest_priority_and_step_do_not_overflow() {
    let (mut world, crane) = with(Aging::Step(std::time::Duration::MAX));
    put(&mut world, crane, 1, u32::MAX);
    world.pass(ms(1));
    put(&mut world, crane, 2, u32::MAX);
    put(&mut world, crane, 3, 0);
    assert_eq!(world.take_all(crane), [3, 1, 2]);
}

#[test]
fn a_requeued_task_keeps_its_place() {
    type Back = fn(&mut World, SessionId, LeaseRef);
    let ways: [Back; 4] = [
        |world, crane, proof| _ = world.release(crane, proof),
        |world, crane, proof| _ = world.fail(crane, proof),
        |_, _, _| (),
        |world, crane, _| _ = world.end(crane, Ending::Silence),
    ];
    for back in ways {
        let (mut world, crane) = aging();
        let derrick = world.open(2, &node("derrick", 1));
        put(&mut world, crane, 1, 0);
        let proof = world.must_take(crane);
        world.pass(ms(1));
        put(&mut world, crane, 2, 0);
        back(&mut world, crane, proof);
        world.pass(secs(30));
        assert_eq!(world.take_all(derrick), [1, 2]);
    }
}

/// A delayed task is as old as its time, not as its enqueue.
#[test]
fn a_delayed_task_is_as_old_as_its_time() {
    let (mut world, crane) = aging();
    let delay = secs(5);
    world.send(crane, Command::Enqueue(vec![NewTask { delay, ..task(1) }]));
    world.pass(secs(4));
    put(&mut world, crane, 2, 0);
    assert_eq!(world.due_in(1), Some(secs(1)));
    world.pass(secs(1));
    assert_eq!(world.take_all(crane), [2, 1]);
}

#[test]
fn the_summary_tells_the_age_of_the_first_in_line() {
    let (mut world, crane) = aging();
    assert_eq!(world.pool.summary().oldest_ready_for, None);
    put(&mut world, crane, 1, 0);
    world.pass(secs(7));
    assert_eq!(world.pool.summary().oldest_ready_for, Some(secs(7)));
}
