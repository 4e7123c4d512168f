//! Keys: one task at a time.

use leasehold_core::{limits::*, *};

use super::links::*;
use crate::harness::*;

fn keyed(number: u128, key: &str, window_ms: Option<u64>) -> NewTask {
    let key = key.to_owned();
    wishing(number, [Wish::Key { key, window_ms }])
}

fn is(number: u128, kind: StateKind) -> Result<Accepted, Rejection> {
    let known_as = Some(kind);
    let id = id(number);
    Ok(Accepted { id, known_as })
}

#[test]
fn a_key_is_one_tasks_while_that_lives() {
    let mut world = world();
    assert_eq!(world.put(P, keyed(1, "k", None)), is_new(1));
    assert_eq!(world.put(P, keyed(2, "k", None)), is(1, StateKind::Ready));
    assert_eq!(world.state(2), None);
    assert_eq!(world.put(P, keyed(3, "other", None)), is_new(3));
    let proof = world.must_take(W);
    assert_eq!(world.put(P, keyed(2, "k", None)), is(1, StateKind::Claimed));
    restart(&mut world);
    assert_eq!(world.put(P, keyed(2, "k", None)), is(1, StateKind::Claimed));
    world.resume(W, &[proof]);
    assert_eq!(world.complete(W, proof), done());
    assert_eq!(world.put(P, keyed(2, "k", None)), is_new(2));
    assert_eq!(
        world.put(P, keyed(1, "k", None)),
        is(1, StateKind::Completed)
    );
}

#[test]
fn a_key_with_a_window_outlives_its_tasks_end_and_no_more() {
    let mut world = world();
    assert_eq!(world.put(P, keyed(1, "k", Some(10_000))), is_new(1));
    finish(&mut world, 1, complete);
    world.pass(ms(9_999));
    restart(&mut world);
    assert_eq!(
        world.put(P, keyed(2, "k", None)),
        is(1, StateKind::Completed)
    );
    world.pass(ms(1));
    assert_eq!(world.put(P, keyed(2, "k", None)), is_new(2));
    // A window ends, whether its task has or not.
    assert_eq!(world.put(P, keyed(3, "w", Some(5))), is_new(3));
    world.pass(ms(5));
    assert_eq!(world.put(P, keyed(4, "w", Some(5))), is_new(4));
    assert_eq!(
        world.put(P, keyed(5, "w", Some(5))),
        is(4, StateKind::Ready)
    );
}

#[test]
fn the_first_of_a_batch_has_the_key_and_a_forgotten_task_has_none() {
    let mut world = world();
    let tasks = vec![keyed(1, "k", None), keyed(2, "k", Some(1)), task(3)];
    let answers = batch(&mut world, tasks);
    assert_eq!(answers, [is_new(1), is(1, StateKind::Ready), is_new(3)]);
    let hour = 3_600_000;
    assert_eq!(world.put(P, keyed(4, "w", Some(hour))), is_new(4));
    world.cancel(P, 4);
    assert_eq!(
        world.put(P, keyed(5, "w", None)),
        is(4, StateKind::Cancelled)
    );
    let purged = world.ask(P, Command::Purge(vec![], 10));
    assert_eq!(purged, Answer::Purged(1));
    assert_eq!(world.put(P, keyed(5, "w", None)), is_new(5));
}

#[test]
fn a_dead_task_does_not_come_back_to_a_key_that_is_anothers() {
    let mut world = world();
    let once = NewTask {
        attempts_max: Some(1),
        ..keyed(1, "k", None)
    };
    assert_eq!(world.put(P, once), is_new(1));
    finish(&mut world, 1, fail);
    assert_eq!(world.put(P, keyed(2, "k", None)), is_new(2));
    let revive = || Command::Revive(Revive::Tasks(vec![id(1)]));
    let taken = Err(Rejection::KeyTaken(id(2)));
    assert_eq!(
        world.ask(P, revive()),
        Answer::Revived(vec![(id(1), taken)])
    );
    world.cancel(P, 2);
    world.revive(P, 1);
    assert_eq!(world.put(P, keyed(3, "k", None)), is(1, StateKind::Ready));
}

#[test]
fn a_key_has_bounds_and_partitions_have_none() {
    let mut world = world();
    let longest = "k".repeat(KEY_BYTES_MAX);
    assert_eq!(world.put(P, keyed(1, &longest, None)), is_new(1));
    let day = 24 * 3_600_000;
    for wrong in [
        keyed(2, "", None),
        keyed(2, &(longest + "k"), None),
        keyed(2, "k", Some(0)),
        keyed(2, "k", Some(day + 1)),
    ] {
        let refused = world.put(P, wrong);
        assert!(
            matches!(refused, Err(Rejection::OutOfBounds { .. })),
            "{refused:?}"
        );
    }
    let refused = in_partitions().put(P, keyed(1, "k", None));
    assert!(matches!(refused, Err(Rejection::Unsupported(_))));
}
