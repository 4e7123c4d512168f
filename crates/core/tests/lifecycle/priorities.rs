//! The bound on waiting that priorities have, under a stream of the most urgent that never ends.

use std::time::Duration;

use leasehold_core::*;

use crate::harness::*;

/// How many of the stream go before one task of this priority, if one comes each second and one is
/// claimed each second.
fn overtaken(priority: u32, step: Duration) -> u64 {
    let mut world = World::new(PoolSettings {
        aging: Aging::Step(step),
        ..PoolSettings::default()
    });
    let crane = world.open(1, &node("crane", 1));
    let new = NewTask {
        priority,
        ..task(1)
    };
    assert!(world.put(crane, new).is_ok());
    for number in 2.. {
        world.enqueue(crane, &[number]);
        let proof = world.must_take(crane);
        world.complete(crane, proof);
        if proof.task == id(1) {
            return u64::try_from(number).expect("a small number") - 2;
        }
        world.pass(secs(1));
    }
    unreachable!("it is claimed some time")
}

#[test]
fn each_named_priority_waits_as_long_as_its_bound_says_and_no_longer() {
    for seconds in [1, 7, 30] {
        for (name, priority) in priority::NAMED {
            let bound = u64::from(priority) * seconds;
            let overtaken = overtaken(priority, secs(seconds));
            assert_eq!(overtaken, bound, "{name} at {seconds} s a step");
        }
    }
}

#[test]
fn names_go_from_the_most_urgent_to_the_least() {
    assert!(priority::NAMED.is_sorted_by(|one, other| one.1 < other.1));
    assert_eq!(priority::NAMED[0].1, 0);
}
