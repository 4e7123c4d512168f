//! When a failed task runs again: by its pool, by itself, by its holder's word.

use leasehold_core::*;

use crate::harness::*;

fn on_lease(new: NewTask) -> (World, SessionId, LeaseRef) {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    assert!(world.put(crane, new).is_ok());
    let proof = world.must_take(crane);
    (world, crane, proof)
}

#[test]
fn a_tasks_own_policy_takes_the_place_of_the_pools() {
    let own = Wish::BackOff {
        base_ms: 7,
        cap_ms: 100,
        factor_percent: 1000,
        jitter_percent: 0,
    };
    let (mut world, crane, proof) = on_lease(wishing(1, [own]));
    world.fail(crane, proof);
    world.restart();
    let crane = world.open(2, &node("crane", 1));
    assert_eq!(world.due_in(1), Some(ms(7)));
    for wait in [70, 100, 100] {
        let due = world.due_in(1).expect("it backs off");
        world.pass(due);
        let proof = world.must_take(crane);
        world.fail(crane, proof);
        assert_eq!(world.due_in(1), Some(ms(wait)));
    }
}

#[test]
fn a_holder_may_say_how_long_to_wait() {
    let (mut world, crane, proof) = on_lease(task(1));
    let then = AfterFailure::Wait(secs(3600));
    assert_eq!(world.ask(crane, fail_so(proof, then)), done());
    assert_eq!(world.due_in(1), Some(secs(3600)));
    assert_eq!(world.task(1).failures(), 1, "it counts all the same");
    let again = world.ask(crane, fail_so(proof, then));
    assert_eq!(again, done(), "a repeated answer changes nothing");
    world.pass(secs(3600));
    let proof = world.must_take(crane);
    let at_once = AfterFailure::Wait(secs(0));
    assert_eq!(world.ask(crane, fail_so(proof, at_once)), done());
    assert_eq!(world.state(1), Some(StateKind::Ready));
}

#[test]
fn a_wait_that_its_holder_names_saves_no_task_without_attempts() {
    let (mut world, crane, proof) = on_lease(NewTask {
        attempts_max: Some(1),
        ..task(1)
    });
    let then = AfterFailure::Wait(secs(1));
    assert_eq!(world.ask(crane, fail_so(proof, then)), done());
    assert_eq!(world.death(1), Some(Death::AttemptsSpent));
}

#[test]
fn a_wait_that_is_too_long_is_refused_and_the_task_stays_held() {
    let (mut world, crane, proof) = on_lease(task(1));
    let then = AfterFailure::Wait(limits::DELAY_MAX + ms(1));
    let Answer::Refused(refusal) = only(world.ask(crane, fail_so(proof, then))) else {
        panic!("it is refused")
    };
    assert_eq!(
        refusal.to_string(),
        "the delay in milliseconds is 3153600000001, and must be 0 to 3153600000000"
    );
    assert_eq!(world.state(1), Some(StateKind::Claimed));
    assert_eq!(world.complete(crane, proof), done());
}

#[test]
fn a_hopeless_task_is_dead_at_once_and_says_why() {
    let (mut world, crane, proof) = on_lease(task(1));
    let hopeless = fail_so(proof, AfterFailure::Never);
    assert_eq!(world.ask(crane, hopeless.clone()), done());
    assert_eq!(world.death(1), Some(Death::Hopeless));
    assert_eq!(world.task(1).last_reason(), "it broke");
    assert_eq!(world.ask(crane, hopeless), done(), "the answer was lost");
    world.restart();
    assert_eq!(world.death(1), Some(Death::Hopeless));
    let crane = world.open(2, &node("crane", 1));
    world.revive(crane, 1);
    world.must_take(crane);
    assert_eq!(world.task(1).attempt, 1);
}
