//! Whose turn it is.

use std::collections::BTreeMap;

use leasehold_core::*;
use proptest::prelude::*;

use super::{grouped, world};
use crate::harness::*;

fn fair() -> (World, SessionId) {
    world(PoolSettings {
        fair_share: true,
        ..PoolSettings::default()
    })
}

/// Takes one after the other.
fn taken(world: &mut World, me: SessionId, count: usize) -> Vec<u128> {
    let one = |_| world.take(me).map(|of| of.task.as_u128());
    (0..count).map_while(one).collect()
}

#[test]
fn a_tenant_of_ten_is_not_behind_one_of_a_thousand() {
    let (mut world, me) = fair();
    world.put_grouped(me, &(1000..2000).collect::<Vec<_>>(), "large");
    world.put_grouped(me, &(1..=10).collect::<Vec<_>>(), "small");
    let first = taken(&mut world, me, 20);
    let small = first.iter().filter(|number| **number < 1000).count();
    assert_eq!(small, 10);
    assert_eq!(
        world.take_all(me).len(),
        100,
        "and then all goes to the large one"
    );
}

#[test]
fn who_has_no_group_is_one_among_them() {
    let (mut world, me) = fair();
    world.enqueue(me, &[1, 2, 3]);
    world.put_grouped(me, &[11, 12, 13], "a");
    world.put_grouped(me, &[21], "b");
    assert_eq!(taken(&mut world, me, 9), [1, 11, 21, 2, 12, 3, 13]);
}

/// Between two grants of a lane that always has work each other lane has one at the most, however
/// many each has, whoever comes anew and whoever goes.
#[test]
fn turns_are_bounded() {
    let (mut world, me) = fair();
    let lane_of = |number: u128| number / 1000;
    for (lane, depth) in [(1, 200), (2, 60), (3, 30), (4, 7), (5, 1)] {
        let numbers: Vec<u128> = (0..depth).map(|at| lane * 1000 + at).collect();
        world.put_grouped(me, &numbers, &format!("lane {lane}"));
    }
    let mut since: BTreeMap<u128, usize> = BTreeMap::new();
    let mut late = 0;
    for step in 0..190 {
        if step % 7 == 3 {
            // Newcomers, and one who comes and goes.
            late += 1;
            world.put_grouped(me, &[6_000 + late], "lane 6");
            world.put_grouped(me, &[(7 + late) * 1000], &format!("lane {}", 7 + late));
        }
        let lane = lane_of(world.must_take(me).task.as_u128());
        if lane == 1 {
            since.clear();
        } else {
            let had = since.entry(lane).or_default();
            *had += 1;
            assert_eq!(*had, 1, "lane {lane} twice before lane 1, step {step}");
        }
    }
}

/// Each group goes behind those that are there.
#[test]
fn a_flood_of_new_groups_starves_nobody() {
    let (mut world, me) = fair();
    world.put_grouped(me, &(1..=10).collect::<Vec<_>>(), "old");
    let mut had = vec![];
    for number in 0..100_u128 {
        // Two come for each that is granted.
        for twin in [0, 1] {
            let new = 1000 + 2 * number + twin;
            world.put_grouped(me, &[new], &format!("new {new}"));
        }
        had.push(world.must_take(me).task.as_u128());
    }
    let old = had.iter().filter(|number| **number <= 10).count();
    assert!(old >= 5, "{had:?}");
}

#[test]
fn nobody_saves_up_turns() {
    let (mut world, me) = fair();
    world.put_grouped(me, &[1, 2, 3, 4, 5, 6, 7, 8], "a");
    assert_eq!(taken(&mut world, me, 4), [1, 2, 3, 4]);
    world.put_grouped(me, &[11, 12, 13], "b");
    let next = taken(&mut world, me, 4);
    assert_eq!(next, [5, 11, 6, 12], "as if it had had its turns");
}

#[test]
fn within_a_group_priority_goes_first_and_without_shares_among_all() {
    let numbers = |fair_share| {
        let (mut world, me) = world(PoolSettings {
            fair_share,
            group_concurrency_max: Some(100),
            ..PoolSettings::default()
        });
        for (number, group, priority) in [(1, "a", 5), (2, "a", 0), (3, "b", 3), (4, "b", 9)] {
            let new = NewTask {
                priority,
                ..grouped(number, group)
            };
            world.put(me, new).expect("there is room");
        }
        let ahead = world.pool.upcoming(10);
        let ahead: Vec<u128> = ahead.into_iter().map(|(id, _)| id.as_u128()).collect();
        let taken = world.take_all(me);
        assert_eq!(ahead, taken);
        taken
    };
    assert_eq!(numbers(false), [2, 3, 1, 4]);
    assert_eq!(numbers(true), [2, 3, 1, 4]);
}

#[test]
fn shares_begin_and_cease_with_the_settings() {
    let (mut world, me) = world(PoolSettings::default());
    world.put_grouped(me, &[1, 2, 3, 4], "a");
    world.put_grouped(me, &[11, 12], "b");
    world.govern(PoolSettings {
        fair_share: true,
        ..PoolSettings::default()
    });
    assert_eq!(taken(&mut world, me, 4), [1, 11, 2, 12]);
    world.govern(PoolSettings::default());
    assert_eq!(taken(&mut world, me, 4), [3, 4]);
}

/// What went before there were shares is no turn that anybody has saved up.
#[test]
fn all_begin_alike_when_shares_begin() {
    let limited = |fair_share| PoolSettings {
        group_concurrency_max: Some(100),
        fair_share,
        ..PoolSettings::default()
    };
    let (mut world, me) = world(limited(false));
    world.put_grouped(me, &(1..=20).collect::<Vec<_>>(), "a");
    assert_eq!(taken(&mut world, me, 10).len(), 10);
    world.enqueue(me, &[31, 32, 33]);
    world.put_grouped(me, &[41, 42], "b");
    world.govern(limited(true));
    let mut first = taken(&mut world, me, 6);
    first[..3].sort_unstable();
    first[3..].sort_unstable();
    assert_eq!(first, [11, 31, 41, 12, 32, 42]);
    // Shares cease, and begin again.
    world.govern(limited(false));
    assert_eq!(taken(&mut world, me, 4), [13, 14, 15, 16]);
    world.put_grouped(me, &[43, 44], "b");
    world.govern(limited(true));
    let mut first = taken(&mut world, me, 3);
    first.sort_unstable();
    assert_eq!(first, [17, 33, 43]);
}

#[derive(Debug, Clone)]
enum Step {
    Put { group: u8, priority: u32 },
    Take,
    Release(usize),
    Complete(usize),
    Cancel(usize),
    Pass(u64),
    Restart,
    Settings(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..5_u8, 0..4_u32).prop_map(|(group, priority)| Step::Put { group, priority }),
        4 => Just(Step::Take),
        2 => (0..20_usize).prop_map(Step::Release),
        2 => (0..20_usize).prop_map(Step::Complete),
        1 => (0..40_usize).prop_map(Step::Cancel),
        2 => (0..5_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => (0..4_u8).prop_map(Step::Settings),
    ];
    prop::collection::vec(step, 1..80)
}

fn settings(which: u8) -> PoolSettings {
    PoolSettings {
        group_concurrency_max: (which != 0).then_some(3),
        concurrency_max: (which == 2).then_some(5),
        aging: if which == 3 {
            Aging::Strict
        } else {
            Aging::Step(secs(1))
        },
        ..PoolSettings::default()
    }
}

/// What a sorted list of all ready tasks says is to be granted next.
fn first_by_list(world: &World) -> Option<TaskId> {
    let settings = world.pool.settings();
    let all = world.pool.tasks(None, None, usize::MAX);
    let group = |task: &Task| task.extras.as_ref().and_then(|of| of.group.clone());
    let claimed = |of: &Task| {
        let is_one = |task: &&Task| task.state == State::Claimed && group(task) == group(of);
        all.iter().filter(is_one).count() as u64
    };
    let max = settings.concurrency_max.map_or(u64::MAX, u64::from);
    if world.count(StateKind::Claimed) >= max {
        return None;
    }
    let in_group = settings.group_concurrency_max.map_or(u64::MAX, u64::from);
    let may = |task: &&Task| {
        task.state == State::Ready && (group(task).is_none() || claimed(task) < in_group)
    };
    let order = |task: &&Task| {
        let rank = match settings.aging {
            Aging::Strict => u64::from(task.priority),
            Aging::Step(step) => (task.ready_at + step * task.priority).as_millis(),
        };
        (rank, task.ready_at, task.place)
    };
    all.iter().filter(may).min_by_key(order).map(|task| task.id)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The pool compares its lanes with its tasks after each step besides.
    #[test]
    fn lanes_go_as_a_sorted_list_would(steps in steps()) {
        let (mut world, mut me) = world(settings(1));
        let (mut number, mut held) = (0_u128, Vec::<LeaseRef>::new());
        for step in steps {
            match step {
                Step::Put { group, priority } => {
                    number += 1;
                    let new = match group {
                        0 => task(number),
                        group => grouped(number, &format!("group {group}")),
                    };
                    world.put(me, NewTask { priority, ..new }).expect("there is room");
                }
                Step::Take => {
                    let expected = first_by_list(&world);
                    let taken = world.take(me);
                    prop_assert_eq!(taken.map(|of| of.task), expected);
                    held.extend(taken);
                }
                Step::Release(at) if at < held.len() => {
                    world.release(me, held.remove(at));
                }
                Step::Complete(at) if at < held.len() => {
                    world.complete(me, held.remove(at));
                }
                Step::Release(_) | Step::Complete(_) => {}
                Step::Cancel(at) => _ = world.cancel(me, at as u128),
                Step::Pass(time) => _ = world.pass(ms(time)),
                Step::Restart => {
                    world.restart();
                    me = world.open(me.0 + 1, &node("me", 1));
                    world.resume(me, &held);
                }
                Step::Settings(which) => _ = world.govern(settings(which)),
            }
        }
    }
}

/// Claims, one after the other, by another copy of the pool.
#[test]
fn what_is_said_to_be_ahead_is_granted_in_that_order() {
    for fair_share in [true, false] {
        let (mut world, me) = world(PoolSettings {
            fair_share,
            group_concurrency_max: Some(40),
            ..PoolSettings::default()
        });
        for number in 1..=300_u128 {
            let group = (number * number) % 7;
            let new = NewTask {
                priority: u32::try_from(number % 10).expect("it is small"),
                ..grouped(number, &format!("group {group}"))
            };
            let plain = if group == 1 {
                vec![]
            } else {
                new.wishes.clone()
            };
            world
                .put(
                    me,
                    NewTask {
                        wishes: plain,
                        ..new
                    },
                )
                .expect("there is room");
        }
        taken(&mut world, me, 30);
        let ahead = world.pool.upcoming(200).into_iter();
        let ahead: Vec<u128> = ahead.map(|(task, _)| task.as_u128()).collect();
        let count = ahead.len();
        assert!(count > 100);
        assert_eq!(taken(&mut world, me, count), ahead);
    }
}
