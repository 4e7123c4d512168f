//! How much a pool holds.

use std::time::Duration;

use leasehold_core::*;

use super::world;
use crate::harness::*;

fn full(what: &str, max: u64, retry_after: Duration) -> Rejection {
    Rejection::Full {
        what: what.into(),
        max,
        retry_after,
    }
}

pub(super) fn weighing(number: u128, bytes: usize) -> NewTask {
    NewTask {
        payload: vec![7; bytes].into(),
        ..task(number)
    }
}

#[test]
fn a_full_pool_says_when_it_will_have_forgotten_a_task() {
    let kept_for = |completed_kept_for| PoolSettings {
        tasks_max: 2,
        completed_kept_for,
        ..PoolSettings::default()
    };
    for (kept, later, retry_after) in [
        // Nothing has ended: nobody knows.
        (None, secs(0), secs(1)),
        (Some(secs(5)), secs(0), secs(5)),
        (Some(secs(5)), ms(4_950), ms(100)),
        (Some(secs(3600)), secs(0), secs(10)),
    ] {
        let (mut world, me) = world(kept_for(kept.unwrap_or(secs(5))));
        world.enqueue(me, &[1, 2]);
        if kept.is_some() {
            let proof = world.must_take(me);
            world.complete(me, proof);
        }
        world.pass(later);
        let refused = world.put(me, task(3));
        assert_eq!(refused, Err(full("tasks", 2, retry_after)), "{kept:?}");
    }
}

#[test]
fn bytes_of_live_payloads_are_bounded() {
    let (mut world, me) = world(PoolSettings {
        bytes_max: Some(100),
        ..PoolSettings::default()
    });
    assert!(world.put(me, weighing(1, 60)).is_ok());
    assert!(world.put(me, weighing(2, 40)).is_ok());
    let refused = world.put(me, weighing(3, 1));
    assert_eq!(refused, Err(full("bytes of payload", 100, secs(1))));
    assert!(world.put(me, weighing(3, 0)).is_ok(), "it needs no room");
    assert!(world.put(me, weighing(1, 60)).is_ok(), "it is there");
    let proof = world.must_take(me);
    assert!(world.put(me, weighing(4, 1)).is_err(), "on lease is live");
    world.complete(me, proof);
    assert!(world.put(me, weighing(4, 60)).is_ok(), "ended is not");
    assert!(world.put(me, weighing(5, 1)).is_err());
    world.restart();
    let me = world.open(9, &node("me", 2));
    assert!(
        world.put(me, weighing(5, 1)).is_err(),
        "nothing is forgotten"
    );
    world.cancel(me, 2);
    assert!(world.put(me, weighing(5, 40)).is_ok());
}

#[test]
fn what_fits_into_no_empty_pool_is_not_to_be_tried_again() {
    let (mut world, me) = world(PoolSettings {
        bytes_max: Some(100),
        ..PoolSettings::default()
    });
    let refused = world.put(me, weighing(1, 101));
    assert!(
        matches!(
            refused,
            Err(Rejection::OutOfBounds {
                value: 101,
                max: 100,
                ..
            })
        ),
        "{refused:?}"
    );
}

/// The harness compares the count with the tasks after each step.
#[test]
fn bytes_follow_a_payload_that_is_replaced_and_a_purge() {
    let (mut world, me) = world(PoolSettings {
        bytes_max: Some(100),
        attempts_max: 1,
        ..PoolSettings::default()
    });
    world.put(me, weighing(1, 60)).expect("there is room");
    let proof = world.must_take(me);
    world.fail(me, proof);
    world
        .put(me, weighing(2, 90))
        .expect("the dead weigh nothing");
    world.cancel(me, 2);
    let edits = vec![Edit::Payload(vec![1; 20].into())];
    let which = Which::Tasks(vec![id(1)]);
    world.ask(
        me,
        Command::ReviveWith(Box::new(ReviveWith { which, edits })),
    );
    assert!(world.put(me, weighing(3, 81)).is_err());
    assert!(world.put(me, weighing(3, 80)).is_ok());
    world.cancel(me, 3);
    let purged = world.ask(me, Command::Purge(vec![], 100));
    assert_eq!(purged, Answer::Purged(2));
    assert!(world.put(me, weighing(4, 80)).is_ok());
}

/// What is brought back is live again, with its payload or another.
#[test]
fn a_revival_is_bounded_as_an_enqueue_is() {
    let edit = |bytes| vec![Edit::Payload(vec![1; bytes].into())];
    let rows = [
        // Bytes that are there, the edit, what the revival is answered with.
        (40, vec![], Ok(())),
        (41, vec![], Err(full("bytes of payload", 100, secs(1)))),
        (41, edit(59), Ok(())),
        (41, edit(60), Err(full("bytes of payload", 100, secs(1)))),
        (100, edit(0), Ok(())),
        (
            0,
            edit(101),
            Err(Rejection::OutOfBounds {
                what: "the payload's length in bytes".into(),
                value: 101,
                min: 0,
                max: 100,
            }),
        ),
    ];
    for (there, edits, due) in rows {
        for which in [Which::Tasks(vec![id(1)]), Which::All] {
            let (mut world, me) = world(PoolSettings {
                bytes_max: Some(100),
                attempts_max: 1,
                ..PoolSettings::default()
            });
            world.put(me, weighing(1, 60)).expect("there is room");
            let proof = world.must_take(me);
            world.fail(me, proof);
            world.put(me, weighing(2, there)).expect("there is room");
            let edits = edits.clone();
            let revive = Command::ReviveWith(Box::new(ReviveWith { which, edits }));
            let revived = Answer::Revived(vec![(id(1), due.clone())]);
            assert_eq!(world.ask(me, revive), revived, "{there}");
            let state = due.as_ref().map_or(StateKind::Dead, |()| StateKind::Ready);
            assert_eq!(world.state(1), Some(state));
        }
    }
}

#[test]
fn those_that_are_revived_together_share_the_room() {
    let (mut world, me) = world(PoolSettings {
        bytes_max: Some(100),
        attempts_max: 1,
        ..PoolSettings::default()
    });
    for number in 1..=3 {
        world.put(me, weighing(number, 40)).expect("there is room");
        let proof = world.must_take(me);
        world.fail(me, proof);
    }
    let all = Command::Revive(Revive::Tasks(vec![id(1), id(2), id(3)]));
    let refused = Err(full("bytes of payload", 100, secs(1)));
    let revived = vec![(id(1), Ok(())), (id(2), Ok(())), (id(3), refused)];
    assert_eq!(world.ask(me, all), Answer::Revived(revived));
}

#[test]
fn another_bound_holds_at_once_for_what_is_there() {
    let (mut world, me) = world(PoolSettings::default());
    world.put(me, weighing(1, 60)).expect("there is room");
    world.govern(PoolSettings {
        bytes_max: Some(80),
        ..PoolSettings::default()
    });
    assert!(world.put(me, weighing(2, 21)).is_err());
    assert!(world.put(me, weighing(2, 20)).is_ok());
    world.govern(PoolSettings::default());
    assert!(world.put(me, weighing(3, 500)).is_ok());
}
