//! How fast tasks are granted.

use std::time::Duration;

use leasehold_core::*;

use super::{grants, world};
use crate::harness::*;

fn rate(tasks: u32, per: Duration, burst: u32) -> Option<Rate> {
    Some(Rate { tasks, per, burst })
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("it is short")
}

/// A bucket as anybody would write it: tokens in parts of a task, so that nothing is rounded.
struct Naive {
    tokens: u64,
    filled_at: Timestamp,
    rate: Rate,
}

impl Naive {
    fn takes(&mut self, now: Timestamp) -> bool {
        let one = whole(self.rate.per);
        let gained = whole(now.since(self.filled_at)) * u64::from(self.rate.tasks);
        self.filled_at = now;
        self.tokens = (self.tokens + gained).min(one * u64::from(self.rate.burst));
        let has_one = self.tokens >= one;
        if has_one {
            self.tokens -= one;
        }
        has_one
    }
}

/// Ten thousand tries in all at drawn moments, with rates that divide nothing evenly.
#[test]
fn a_rate_is_exact() {
    for (tasks, per, burst) in [(7, 1_000, 3), (3, 100, 1), (1, 33, 40), (1000, 1, 1)] {
        let rate = Rate {
            tasks,
            per: ms(per),
            burst,
        };
        let (mut world, me) = world(PoolSettings {
            rate: Some(rate),
            completed_kept_max: 1,
            ..PoolSettings::default()
        });
        let mut naive = Naive {
            tokens: per,
            filled_at: START,
            rate,
        };
        world.enqueue(me, &(1..20).collect::<Vec<_>>());
        let mut drawn: u64 = 1;
        for step in 0..2_500_u128 {
            drawn = drawn
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let wait = (drawn >> 33) % (2 * per / u64::from(tasks) + 3);
            world.pass(ms(if step % 50 == 0 { wait * 40 } else { wait }));
            let taken = world.take(me);
            assert_eq!(
                taken.is_some(),
                naive.takes(world.now),
                "step {step} of {rate:?}"
            );
            if let Some(proof) = taken {
                world.complete(me, proof);
                world.enqueue(me, &[20 + step]);
            }
        }
    }
}

#[test]
fn somebody_who_waits_is_granted_at_the_millisecond() {
    let (mut world, me) = world(PoolSettings {
        rate: rate(3, secs(1), 1),
        ..PoolSettings::default()
    });
    world.enqueue(me, &[1, 2, 3, 4]);
    assert_eq!(world.take_all(me), [1]);
    assert_eq!(
        world.pool.next_deadline(),
        world.pool.moment_of(id(1)),
        "nobody waits"
    );
    assert_eq!(world.pool.blocked_by(), ["rate 3 in 1s"]);
    world.send(me, credit(10));
    // A third of a second, and no millisecond earlier.
    assert_eq!(world.pool.next_deadline(), Some(START + ms(334)));
    assert_eq!(grants(&world.pass(ms(333))), []);
    assert_eq!(grants(&world.pass(ms(1))).len(), 1);
    // A bucket of one saves nothing up, not even the part of a millisecond.
    assert_eq!(world.pool.next_deadline(), Some(START + ms(668)));
    assert_eq!(grants(&world.pass(secs(10))).len(), 2, "all that there are");
    let ends = world.pool.moment_of(id(1));
    assert_eq!(
        world.pool.next_deadline(),
        ends,
        "nothing is left to be granted"
    );
}

#[test]
fn a_rest_saves_up_a_burst_and_no_more() {
    let (mut world, me) = world(PoolSettings {
        rate: rate(1, secs(1), 5),
        ..PoolSettings::default()
    });
    world.enqueue(me, &(1..=20).collect::<Vec<_>>());
    assert_eq!(world.take_all(me).len(), 1, "at first there is one permit");
    world.pass(secs(3));
    assert_eq!(world.take_all(me).len(), 3);
    world.pass(secs(100));
    assert_eq!(world.take_all(me).len(), 5);
    world.restart();
    let me = world.open(9, &node("me", 2));
    assert_eq!(world.take_all(me).len(), 1, "after a restart as at first");
}

#[test]
fn each_group_has_a_bucket() {
    let (mut world, me) = world(PoolSettings {
        group_rate: rate(1, secs(1), 2),
        ..PoolSettings::default()
    });
    world.put_grouped(me, &[1, 2, 3, 4], "a");
    world.put_grouped(me, &[5, 6, 7], "b");
    world.enqueue(me, &[8, 9]);
    assert_eq!(
        world.take_all(me),
        [1, 5, 8, 9],
        "no group, no bucket of one"
    );
    assert_eq!(world.pool.blocked_by(), ["rate 1 in 1s in 2 groups"]);
    assert_eq!(world.pool.next_deadline(), world.pool.moment_of(id(1)));
    world.send(me, claim_for(10, secs(60)));
    assert_eq!(world.pool.next_deadline(), Some(START + secs(1)));
    let first = grants(&world.pass(secs(1)));
    assert_eq!(
        first.iter().map(|of| of.task).collect::<Vec<_>>(),
        [id(2), id(6)]
    );
    world.pass(secs(10));
    assert_eq!(world.take_all(me), [3, 4, 7]);
}

#[test]
fn a_rate_of_the_pool_holds_for_all_its_groups() {
    let (mut world, me) = world(PoolSettings {
        rate: rate(1, secs(1), 1),
        group_rate: rate(1, secs(10), 1),
        ..PoolSettings::default()
    });
    world.put_grouped(me, &[1, 2], "a");
    world.put_grouped(me, &[3, 4], "b");
    world.send(me, credit(10));
    let when = |world: &World, number| world.task(number).lease.map(|lease| lease.granted_at);
    world.pass(secs(25));
    let expected = [(1, 0), (3, 1), (2, 10), (4, 11)];
    for (number, after) in expected {
        assert_eq!(when(&world, number), Some(START + secs(after)), "{number}");
    }
}

#[test]
fn the_same_rate_set_again_gives_nobody_a_permit() {
    let settings = |concurrency_max| PoolSettings {
        rate: rate(1, secs(1), 1),
        group_rate: rate(1, secs(5), 1),
        concurrency_max,
        ..PoolSettings::default()
    };
    let (mut world, me) = world(settings(None));
    world.put_grouped(me, &[1, 2], "a");
    world.send(me, credit(10));
    world.pass(secs(1));
    assert_eq!(grants(&world.govern(settings(Some(9)))), []);
    assert_eq!(world.pool.next_deadline(), Some(START + secs(5)));
}
