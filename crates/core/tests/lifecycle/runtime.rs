//! How long an attempt may run.

use leasehold_core::*;

use crate::harness::*;

const OVERRAN: Answer = LOST;

/// A task that may run a minute at a time, on lease.
fn running() -> (World, SessionId, LeaseRef) {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    let new = wishing(1, [Wish::MaxRuntime(60_000)]);
    assert!(world.put(crane, new).is_ok());
    let proof = world.must_take(crane);
    (world, crane, proof)
}

fn extended(runs: std::time::Duration) -> Answer {
    Answer::Extended(vec![Ok(runs)])
}

#[test]
fn no_extension_goes_past_it() {
    let (mut world, crane, proof) = running();
    for (passed, runs) in [(20, 30), (19, 21), (20, 1)] {
        world.pass(secs(passed));
        assert_eq!(world.extend(crane, proof), extended(secs(runs)));
    }
    world.pass(ms(999));
    assert_eq!(world.state(1), Some(StateKind::Claimed));
    assert_eq!(
        world.pass(ms(1)),
        [Reply::Revoke(crane, proof, Revocation::Overran)]
    );
    assert_eq!(world.task(1).history[0].ending, AttemptEnding::Overran);
    assert_eq!(world.task(1).failures(), 1);
    assert_eq!(world.state(1), Some(StateKind::Scheduled), "it backs off");
}

#[test]
fn a_grant_runs_no_longer_than_it() {
    let (mut world, crane) = {
        let (mut world, crane, proof) = running();
        world.complete(crane, proof);
        (world, crane)
    };
    let new = wishing(2, [Wish::MaxRuntime(100)]);
    assert!(world.put(crane, new).is_ok());
    let Answer::Claimed(grants) = world.ask(crane, claim(1)) else {
        panic!("a task is ready")
    };
    assert_eq!(grants[0].lease_for, ms(100));
}

#[test]
fn who_overran_is_heard_no_more() {
    let (mut world, crane, proof) = running();
    world.pass(secs(20));
    world.extend(crane, proof);
    world.pass(secs(20));
    world.extend(crane, proof);
    world.pass(secs(20));
    assert_eq!(world.complete(crane, proof), OVERRAN);
    assert_eq!(world.fail(crane, proof), OVERRAN);
    assert_eq!(world.extend(crane, proof), OVERRAN);
    assert_eq!(only(world.resume(crane, &[proof])), OVERRAN);
    assert_eq!(world.state(1), Some(StateKind::Scheduled));
}

#[test]
fn it_dies_of_it_as_of_any_failure() {
    let mut world = World::new(PoolSettings {
        attempts_max: 2,
        max_runtime: Some(secs(1)),
        ..PoolSettings::default()
    });
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1]);
    world.must_take(crane);
    world.pass(secs(10));
    assert_eq!(world.death(1), None);
    let proof = world.must_take(crane);
    let replies = world.pass(secs(1));
    assert_eq!(replies, [Reply::Revoke(crane, proof, Revocation::Overran)]);
    assert_eq!(world.death(1), Some(Death::AttemptsSpent));
}

#[test]
fn every_attempt_has_its_own_time() {
    let (mut world, crane, proof) = running();
    world.pass(secs(25));
    world.release(crane, proof);
    let proof = world.must_take(crane);
    world.pass(secs(25));
    assert_eq!(world.extend(crane, proof), extended(secs(30)));
    world.pass(secs(25));
    assert_eq!(world.extend(crane, proof), extended(secs(10)));
}

/// The node could not know better while the hub was gone: it has its grace, and no more.
#[test]
fn after_a_restart_the_grace_stands_and_a_resume_adds_nothing() {
    let (mut world, _, proof) = running();
    world.pass(secs(25));
    world.restart();
    assert_eq!(world.due_in(1), Some(secs(10)));
    let crane = world.open(2, &node("crane", 1));
    assert_eq!(world.resume(crane, &[proof]), extended(secs(30)));
    world.pass(secs(29));
    world.now = world.now + secs(60);
    world.restart();
    assert_eq!(world.due_in(1), Some(secs(10)), "its time is long over");
    let crane = world.open(3, &node("crane", 1));
    assert_eq!(world.resume(crane, &[proof]), extended(ms(0)));
    assert_eq!(
        world.pass(ms(0)),
        [Reply::Revoke(crane, proof, Revocation::Overran)]
    );
}

#[test]
fn a_cut_session_gets_no_more_time_by_it() {
    let (mut world, crane, proof) = running();
    world.pass(secs(29));
    world.extend(crane, proof);
    world.pass(ms(29_000));
    world.extend(crane, proof);
    world.pass(ms(1_800));
    world.end(crane, Ending::Cut);
    assert_eq!(world.due_in(1), Some(ms(200)));
    world.pass(ms(200));
    assert_eq!(world.task(1).history[0].ending, AttemptEnding::Overran);
}
