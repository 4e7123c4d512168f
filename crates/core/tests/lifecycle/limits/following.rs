//! What follows a completion in a pool that is full, or nearly.

use leasehold_core::*;

use super::{room::weighing, world};
use crate::harness::*;

/// The answer to a completion of what was claimed first, with these to follow.
fn follow(world: &mut World, me: SessionId, then: &[NewTask]) -> Answer {
    let proof = world.must_take(me);
    follow_as(world, me, proof, then)
}

fn follow_as(world: &mut World, me: SessionId, proof: LeaseRef, then: &[NewTask]) -> Answer {
    let completion = Completion {
        proof,
        result: None,
        then: then.to_vec(),
    };
    only(world.ask(me, Command::Complete(vec![completion])))
}

fn of_bytes(bytes_max: u64) -> (World, SessionId) {
    world(PoolSettings {
        bytes_max: Some(bytes_max),
        ..PoolSettings::default()
    })
}

fn of_tasks(tasks_max: u64, completed_kept_max: u64) -> (World, SessionId) {
    world(PoolSettings {
        tasks_max,
        completed_kept_max,
        ..PoolSettings::default()
    })
}

const fn is_full(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(Rejection::Full { .. }))
}

#[test]
fn a_task_makes_room_for_what_follows_it() {
    let (mut world, me) = of_bytes(1024);
    world.put(me, weighing(1, 600)).expect("there is room");
    assert_eq!(follow(&mut world, me, &[weighing(2, 600)]), done());
    world.put(me, weighing(3, 424)).expect("there is room");
    let two = [weighing(4, 500), weighing(5, 100)];
    assert_eq!(follow(&mut world, me, &two), done());
    assert!(world.put(me, weighing(6, 1)).is_err(), "and no more");
    let refused = follow(&mut world, me, &[weighing(6, 425)]);
    assert!(is_full(&refused), "{refused:?}");
}

/// One place comes free where the oldest of the finished is forgotten for it.
#[test]
fn a_task_that_is_not_remembered_makes_room_for_another() {
    let (mut world, me) = of_tasks(1, 0);
    world.enqueue(me, &[1]);
    assert_eq!(follow(&mut world, me, &[task(2)]), done());
    assert_eq!(follow(&mut world, me, &[task(3)]), done());
    let (mut world, me) = of_tasks(2, 1);
    world.enqueue(me, &[1]);
    assert_eq!(follow(&mut world, me, &[task(2)]), done());
    assert_eq!(follow(&mut world, me, &[task(3)]), done());
    assert_eq!(world.state(1), None, "forgotten in its favour");
    let (mut world, me) = of_tasks(2, 2);
    world.enqueue(me, &[1]);
    assert_eq!(follow(&mut world, me, &[task(2)]), done());
    let refused = follow(&mut world, me, &[task(3)]);
    assert!(is_full(&refused), "both are remembered: {refused:?}");
}

#[test]
fn what_is_known_already_needs_no_room_to_follow() {
    let (mut world, me) = of_bytes(100);
    world.put(me, weighing(1, 40)).expect("there is room");
    world.put(me, weighing(2, 60)).expect("there is room");
    let then = [weighing(2, 60), weighing(3, 40)];
    assert_eq!(follow(&mut world, me, &then), done());
    let keyed = |number, bytes| NewTask {
        wishes: vec![Wish::Key {
            key: "k".into(),
            window_ms: None,
        }],
        ..weighing(number, bytes)
    };
    let (mut world, me) = of_bytes(100);
    world.put(me, weighing(1, 10)).expect("there is room");
    world.put(me, keyed(2, 90)).expect("there is room");
    let then = [keyed(3, 90), weighing(4, 10)];
    assert_eq!(
        follow(&mut world, me, &then),
        done(),
        "the key is another's"
    );
    assert_eq!((world.state(3), world.count(StateKind::Ready)), (None, 2));
    // Its own key comes free with it.
    assert_eq!(follow(&mut world, me, &[keyed(5, 90)]), done());
    assert_eq!(world.state(5), Some(StateKind::Ready));
}

/// It would be known by another id, and who waits for it would never come.
#[test]
fn nothing_follows_that_waits_for_the_second_of_a_key() {
    let keyed = |number| NewTask {
        wishes: vec![Wish::Key {
            key: "k".into(),
            window_ms: None,
        }],
        ..task(number)
    };
    let tasks = vec![id(3)];
    let waiting = |tasks| {
        wishing(
            4,
            [Wish::After {
                tasks,
                any_end: false,
            }],
        )
    };
    let (mut world, me) = world(PoolSettings::default());
    world.enqueue(me, &[1]);
    let proof = world.must_take(me);
    let refused = follow_as(&mut world, me, proof, &[keyed(2), keyed(3), waiting(tasks)]);
    assert_eq!(refused, Answer::Refused(Rejection::UnknownParent(id(3))));
    let good = [keyed(2), keyed(3), waiting(vec![id(2)])];
    assert_eq!(follow_as(&mut world, me, proof, &good), done());
    assert_eq!(
        (world.state(2), world.state(3)),
        (Some(StateKind::Ready), None)
    );
}

/// Whoever asked again would ask for ever.
#[test]
fn what_can_follow_in_no_pool_is_not_to_be_tried_again() {
    let out_of_bounds = |answer: Answer, value: u64, max: u64| {
        let Answer::Refused(Rejection::OutOfBounds {
            value: was,
            max: most,
            ..
        }) = answer
        else {
            panic!("{answer:?}")
        };
        assert_eq!((was, most), (value, max));
    };
    let (mut world, me) = of_bytes(1024);
    world.put(me, weighing(1, 10)).expect("there is room");
    world.put(me, weighing(9, 1000)).expect("there is room");
    let then = [weighing(2, 600), weighing(3, 600)];
    out_of_bounds(follow(&mut world, me, &then), 1200, 1024);
    for (kept_max, max) in [(0, 3), (1, 2), (100, 2)] {
        let (mut world, me) = of_tasks(3, kept_max);
        world.enqueue(me, &[1, 2]);
        let many: Vec<NewTask> = (10..14).map(task).collect();
        out_of_bounds(follow(&mut world, me, &many), 4, max);
        // As many as fit into a pool with nothing else are refused for a while only.
        let fitting = &many[..usize::try_from(max).expect("it is small")];
        let proof = world.must_take(me);
        let refused = follow_as(&mut world, me, proof, fitting);
        assert!(is_full(&refused), "{refused:?}");
    }
}

#[test]
fn a_lost_lease_is_lost_however_full_the_pool() {
    let (mut world, me) = of_bytes(100);
    world.put(me, weighing(1, 100)).expect("there is room");
    let proof = world.must_take(me);
    world.cancel(me, 1);
    world.put(me, weighing(2, 100)).expect("there is room");
    let lost = follow_as(&mut world, me, proof, &[weighing(3, 100)]);
    assert_eq!(lost, LOST);
}
