//! A pool's policy under tasks that are there: pause, other settings, deletion.

use std::time::Duration;

use leasehold_core::*;

use crate::harness::*;

const P: SessionId = SessionId(1);
const W: SessionId = SessionId(2);

/// The owner's own word.
const HUB: SessionId = SessionId(0);

fn world() -> World {
    let mut world = World::new(PoolSettings::default());
    world.open(1, &node("producer", 1));
    world.open(2, &node("worker", 1));
    world
}

fn govern(world: &mut World, settings: PoolSettings, policy: Policy) {
    let govern = Command::Govern(Box::new(Govern { settings, policy }));
    world.send(HUB, govern);
}

fn pause(world: &mut World, paused: Option<&str>) {
    let policy = Policy {
        paused: paused.map(Into::into),
        ..Policy::default()
    };
    govern(world, PoolSettings::default(), policy);
}

fn set(world: &mut World, settings: PoolSettings) {
    govern(world, settings, Policy::default());
}

fn delete(world: &mut World) {
    let policy = Policy {
        deleted: true,
        ..Policy::default()
    };
    govern(world, PoolSettings::default(), policy);
}

#[test]
fn a_paused_pool_grants_nothing_and_does_all_else() {
    let mut world = world();
    world.enqueue(P, &[1, 2]);
    let held = world.must_take(W);
    pause(&mut world, Some("the relay is down"));
    assert_eq!(world.pool.blocked_by(), ["paused: the relay is down"]);
    assert_eq!(world.take(W), None);
    world.ask(W, credit(3));
    world.enqueue(P, &[3]);
    assert_eq!(world.heard.len(), 1, "nothing is delivered");
    assert!(matches!(world.extend(W, held), Answer::Extended(_)));
    assert_eq!(world.complete(W, held), done());
    assert_eq!(world.cancel(P, 3), done());
    // It stays so over a restart.
    world.restart();
    world.open(1, &node("producer", 1));
    world.open(2, &node("worker", 1));
    assert_eq!(world.take(W), None);
    let parked = world.send(W, claim_for(1, secs(60)));
    assert_eq!(parked, []);
    pause(&mut world, None);
    let granted =
        |reply: &Reply| matches!(reply, Reply::Answer(W, _, Answer::Claimed(of)) if of.len() == 1);
    assert!(world.heard.iter().any(granted), "who waits has it at once");
    assert_eq!(world.pool.blocked_by(), [] as [&str; 0]);
}

#[test]
fn a_claim_at_a_paused_pool_ends_with_its_wait() {
    let mut world = world();
    world.enqueue(P, &[1]);
    pause(&mut world, Some(""));
    world.send(W, claim_for(1, secs(5)));
    let replies = world.pass(secs(5));
    assert!(matches!(&replies[..], [Reply::Answer(W, _, Answer::Claimed(of))] if of.is_empty()));
}

#[test]
fn another_order_holds_for_tasks_that_wait() {
    let mut world = world();
    let later = NewTask {
        priority: 5,
        ..task(1)
    };
    world.put(P, later).expect("it is new");
    world.pass(ms(10));
    world.enqueue(P, &[2]);
    let by_age = PoolSettings {
        aging: Aging::Step(Duration::ZERO),
        ..PoolSettings::default()
    };
    set(&mut world, by_age);
    assert_eq!(world.take_all(W), [1, 2]);
}

#[test]
fn less_is_remembered_from_the_change_on() {
    let mut world = world();
    world.enqueue(P, &[1, 2]);
    let proof = world.must_take(W);
    world.complete(W, proof);
    world.cancel(P, 2);
    let settings = PoolSettings {
        completed_kept_for: secs(5),
        ..PoolSettings::default()
    };
    set(&mut world, settings);
    world.pass(secs(5));
    assert_eq!((world.state(1), world.state(2)), (None, None));
}

#[test]
fn a_deleted_pool_calls_its_tasks_off_forgets_them_and_takes_none() {
    let mut world = world();
    let many: Vec<u128> = (1..=3000).collect();
    world.enqueue(P, &many);
    let held = world.must_take(W);
    assert_eq!(world.pool.live(), 3000);
    delete(&mut world);
    let mut told = world.heard.clone();
    let refused = world.ask(P, Command::Enqueue(vec![task(9000)]));
    assert!(
        matches!(refused, Answer::Refused(Rejection::Unavailable { .. })),
        "{refused:?}"
    );
    told.append(&mut world.heard);
    while world.pool.next_deadline().is_some_and(|at| at <= world.now) {
        told.extend(world.look());
    }
    let revoked = Reply::Revoke(W, held, Revocation::Cancelled);
    assert!(told.contains(&revoked), "its holder is told");
    assert!(world.pool.is_over());
    assert!(world.store.0.is_empty());
    world.restart();
    assert!(world.pool.is_over(), "and stays so");
    world.open(2, &node("worker", 1));
    let lost = Answer::Refused(Rejection::LeaseLost);
    assert_eq!(world.complete(W, held), lost, "in a later epoch");
}
