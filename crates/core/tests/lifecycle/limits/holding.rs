//! How many tasks are on lease at once.

use leasehold_core::*;

use super::{grants, world};
use crate::harness::*;

type End = fn(&mut World, LeaseRef) -> Vec<Reply>;

/// What frees a permit: the session that holds it is 1, and its node `me`.
const ENDINGS: [(&str, End); 13] = [
    ("complete", |world, of| world.send(HOLDER, complete(of))),
    ("fail", |world, of| world.send(HOLDER, fail(of))),
    ("hopeless", |world, of| {
        world.send(HOLDER, fail_so(of, AfterFailure::Never))
    }),
    ("release", |world, of| {
        world.send(HOLDER, Command::Release(vec![of]))
    }),
    ("expiry", |world, _| world.pass(secs(30))),
    ("cut", |world, _| {
        world.end(HOLDER, Ending::Cut);
        world.pass(ms(500))
    }),
    ("silence", |world, _| world.end(HOLDER, Ending::Silence)),
    ("bye", |world, _| world.end(HOLDER, Ending::Bye)),
    ("dismissed", |world, _| {
        world.end(HOLDER, Ending::Dismissed);
        world.pass(secs(10))
    }),
    ("cancel", |world, of| {
        world.send(OTHER, Command::Cancel(vec![of.task]))
    }),
    ("cancel with a grace", |world, of| {
        world.send(OTHER, Command::CancelWithin(vec![of.task], Some(secs(3))));
        world.pass(secs(3))
    }),
    ("restart", |world, _| {
        world.restart();
        world.open(OTHER.0, &node("other", 1));
        world.send(OTHER, credit(100));
        world.pass(secs(10))
    }),
    ("more permits", |world, _| {
        let more = world.pool.settings().concurrency_max.map(|_| 3);
        let in_groups = world.pool.settings().group_concurrency_max.map(|_| 3);
        world.govern(PoolSettings {
            concurrency_max: more,
            group_concurrency_max: in_groups,
            ..PoolSettings::default()
        })
    }),
];

const HOLDER: SessionId = SessionId(1);
const OTHER: SessionId = SessionId(2);

/// Two of many are on lease, and somebody waits for the others.
fn taken(settings: PoolSettings) -> (World, LeaseRef) {
    let (mut world, me) = world(settings);
    world.put_grouped(me, &[1, 2, 3, 4, 5, 6], "a");
    let taken = world.take_all(me);
    assert_eq!(taken, [1, 2], "never more than two");
    let first = world.task(1).lease.expect("it is on lease").id;
    let proof = LeaseRef {
        task: id(1),
        lease: first,
    };
    world.open(OTHER.0, &node("other", 1));
    let waits = world.send(OTHER, credit(100));
    assert_eq!(grants(&waits), []);
    (world, proof)
}

#[test]
fn a_permit_comes_back_with_every_ending_and_is_granted_at_once() {
    let limits = [
        PoolSettings {
            concurrency_max: Some(2),
            ..PoolSettings::default()
        },
        PoolSettings {
            group_concurrency_max: Some(2),
            ..PoolSettings::default()
        },
    ];
    for settings in limits {
        for (name, end) in ENDINGS {
            let (mut world, proof) = taken(settings.clone());
            let replies = end(&mut world, proof);
            let max = if name == "more permits" { 3 } else { 2 };
            assert!(
                !grants(&replies).is_empty(),
                "{name}: nobody has the permit"
            );
            assert_eq!(world.count(StateKind::Claimed), max, "{name}");
        }
    }
}

/// Until the grace is over they may come back, so nobody else has their permits.
#[test]
fn leases_that_may_be_resumed_keep_their_permits() {
    let (mut world, _) = taken(PoolSettings {
        concurrency_max: Some(2),
        ..PoolSettings::default()
    });
    assert_eq!(grants(&world.end(HOLDER, Ending::Cut)), []);
    world.restart();
    world.open(OTHER.0, &node("other", 1));
    assert_eq!(grants(&world.send(OTHER, credit(100))), []);
    assert_eq!(grants(&world.pass(ms(9_999))), []);
    assert_eq!(grants(&world.pass(ms(1))).len(), 2);
}

#[test]
fn a_resume_is_never_refused_for_want_of_a_permit() {
    let (mut world, proof) = taken(PoolSettings {
        concurrency_max: Some(2),
        ..PoolSettings::default()
    });
    world.end(HOLDER, Ending::Cut);
    world.govern(PoolSettings {
        concurrency_max: Some(1),
        ..PoolSettings::default()
    });
    let me = world.open(7, &node("me", 1));
    let second = LeaseRef {
        task: id(2),
        lease: world.task(2).lease.expect("it is on lease").id,
    };
    let resumed = world.resume(me, &[proof, second]);
    assert!(
        matches!(&resumed, Answer::Extended(items) if items.iter().all(Result::is_ok)),
        "{resumed:?}"
    );
    assert_eq!(world.count(StateKind::Claimed), 2);
    assert_eq!(grants(&world.send(me, complete(proof))), []);
    assert_eq!(grants(&world.send(me, complete(second))).len(), 1);
}

#[test]
fn a_full_group_lets_others_pass() {
    let (mut world, me) = world(PoolSettings {
        group_concurrency_max: Some(1),
        ..PoolSettings::default()
    });
    world.put_grouped(me, &[1, 2, 3], "a");
    world.put_grouped(me, &[4, 5], "b");
    world.enqueue(me, &[6, 7]);
    assert_eq!(
        world.take_all(me),
        [1, 4, 6, 7],
        "no group, no limit of one"
    );
    let blocked = world.pool.blocked_by();
    assert_eq!(blocked, ["concurrency 1 of 1 in 2 groups"]);
}

#[test]
fn a_pool_says_what_keeps_its_tasks_back() {
    let (mut world, proof) = taken(PoolSettings {
        concurrency_max: Some(2),
        ..PoolSettings::default()
    });
    assert_eq!(world.pool.blocked_by(), ["concurrency 2 of 2"]);
    world.govern(PoolSettings::default());
    assert_eq!(world.pool.blocked_by(), [""; 0]);
    assert_eq!(world.complete(HOLDER, proof), done());
}

#[test]
fn groups_are_refused_where_they_cannot_be_kept() {
    let (mut world, me) = world(PoolSettings {
        partitions: 2,
        ..PoolSettings::default()
    });
    let refused = world.put(me, super::grouped(1, "a"));
    let Err(Rejection::Unsupported(what)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(what, "groups in a pool in partitions");
    let (mut world, me) = super::world(PoolSettings::default());
    for (length, is_good) in [(0, false), (1, true), (128, true), (129, false)] {
        let new = super::grouped(length as u128, &"x".repeat(length));
        assert_eq!(world.put(me, new).is_ok(), is_good, "{length} bytes");
    }
}

#[test]
fn a_paused_pool_grants_nothing_whatever_permits_there_are() {
    let (mut world, proof) = taken(PoolSettings {
        concurrency_max: Some(2),
        ..PoolSettings::default()
    });
    let settings = world.pool.settings().clone();
    let policy = Policy {
        paused: Some("repair".into()),
        ..Policy::default()
    };
    let govern = Box::new(Govern { settings, policy });
    world.send(SessionId(0), Command::Govern(govern));
    assert_eq!(grants(&world.send(HOLDER, complete(proof))), []);
    assert_eq!(world.pool.blocked_by(), ["paused: repair"]);
}

/// How many are granted to a claim, and for how many room was made.
fn claimed_in(world: &mut World, me: SessionId) -> (usize, usize) {
    let replies = world.send(me, claim(4096));
    let [Reply::Answer(_, _, Answer::Claimed(grants))] = replies.as_slice() else {
        panic!("a claim is answered so")
    };
    (grants.len(), grants.capacity())
}

#[test]
fn an_answer_is_as_large_as_what_it_grants() {
    let none = PoolSettings::default();
    let concurrency_max = |max| PoolSettings {
        concurrency_max: Some(max),
        ..none.clone()
    };
    let rate = |burst| Rate {
        tasks: 1,
        per: secs(1),
        burst,
    };
    let rows = [
        // The settings, what is granted first, and then.
        (none.clone(), [1000, 0]),
        (concurrency_max(3), [3, 0]),
        (
            PoolSettings {
                rate: Some(rate(5)),
                ..none.clone()
            },
            [1, 0],
        ),
        (
            PoolSettings {
                group_concurrency_max: Some(4),
                ..none.clone()
            },
            [4, 0],
        ),
        (
            PoolSettings {
                group_rate: Some(rate(1)),
                ..none.clone()
            },
            [1, 0],
        ),
        (
            PoolSettings {
                fair_share: true,
                ..none.clone()
            },
            [1000, 0],
        ),
    ];
    for (settings, granted) in rows {
        let (mut world, me) = world(settings);
        world.put_grouped(me, &(1..=1000).collect::<Vec<_>>(), "a");
        for count in granted {
            assert_eq!(claimed_in(&mut world, me), (count, count));
        }
    }
    let (mut world, me) = world(none);
    world.put_grouped(me, &(1..=1000).collect::<Vec<_>>(), "a");
    let policy = Policy {
        paused: Some("repair".into()),
        ..world.pool.policy().clone()
    };
    let settings = PoolSettings::default();
    world.send(
        SessionId(0),
        Command::Govern(Box::new(Govern { settings, policy })),
    );
    assert_eq!(claimed_in(&mut world, me), (0, 0));
}
