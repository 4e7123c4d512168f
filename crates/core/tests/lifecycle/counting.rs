//! What counts as an attempt, what an interruption; back-off, suspects, death.

use std::time::Duration;

use leasehold_core::*;

use crate::harness::*;

fn world(settings: PoolSettings) -> (World, SessionId) {
    let mut world = World::new(settings);
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1]);
    (world, crane)
}

fn counts(world: &World) -> (u32, u32, u32) {
    let task = world.task(1);
    (task.attempt, task.interruptions, task.losses_in_a_row)
}

/// Waits for the task, claims it in a fresh session, and ends that.
fn lose(world: &mut World, session: u64, ending: Ending) {
    let away = world.due_in(1).unwrap_or_default();
    world.pass(away);
    let node = world.open(session, &node("crane", session));
    world.must_take(node);
    world.end(node, ending);
    world.pass(ms(500));
}

fn death(world: &World) -> Option<Death> {
    match world.task(1).state {
        State::Dead { cause, .. } => Some(cause),
        State::Scheduled { .. }
        | State::Ready
        | State::Claimed
        | State::Completed { .. }
        | State::Cancelled { .. } => None,
    }
}

#[test]
fn failed_expired_and_lost_count() {
    let (mut world, crane) = world(PoolSettings::default());
    let proof = world.must_take(crane);
    world.fail(crane, proof);
    assert_eq!(counts(&world), (1, 0, 0));
    world.pass(secs(1));
    world.must_take(crane);
    world.pass(secs(30));
    assert_eq!(counts(&world), (2, 0, 0));
    lose(&mut world, 11, Ending::Cut);
    assert_eq!(counts(&world), (3, 0, 1));
    lose(&mut world, 12, Ending::Silence);
    assert_eq!(counts(&world), (4, 0, 2));
}

#[test]
fn released_does_not_count() {
    let (mut world, crane) = world(PoolSettings::default());
    let proof = world.must_take(crane);
    world.release(crane, proof);
    assert_eq!(counts(&world), (0, 1, 0));
    assert_eq!(world.state(1), Some(StateKind::Ready));
    lose(&mut world, 11, Ending::Bye);
    assert_eq!(counts(&world), (0, 2, 0));
}

#[test]
fn hub_restart_does_not_count() {
    let (mut world, crane) = world(PoolSettings::default());
    world.must_take(crane);
    world.restart();
    assert_eq!(world.state(1), Some(StateKind::Claimed));
    world.pass(secs(10));
    assert_eq!(counts(&world), (0, 1, 0));
    assert_eq!(world.state(1), Some(StateKind::Ready));
    assert_eq!(world.task(1).history[0].ending, AttemptEnding::Interrupted);
}

#[test]
fn interruptions_are_bounded() {
    let settings = PoolSettings {
        interruptions_max: 7,
        ..PoolSettings::default()
    };
    let (mut world, _) = world(settings);
    for session in 1..=7 {
        lose(&mut world, 10 + session, Ending::Bye);
        assert_eq!(death(&world), None, "after {session}");
    }
    lose(&mut world, 20, Ending::Bye);
    assert_eq!(death(&world), Some(Death::InterruptedTooOften));
}

/// The first three move a task on at once; then it backs off.
#[test]
fn a_task_that_every_node_hands_back_backs_off() {
    let (mut world, crane) = world(PoolSettings::default());
    let mut waits = vec![];
    for _ in 0..6 {
        let proof = world.must_take(crane);
        world.release(crane, proof);
        let wait = world.due_in(1).unwrap_or_default();
        waits.push(wait);
        world.pass(wait);
    }
    assert_eq!(waits[..3], [Duration::ZERO; 3]);
    assert!((ms(500)..=ms(1000)).contains(&waits[3]), "{waits:?}");
    assert!((ms(1000)..=ms(2000)).contains(&waits[4]), "{waits:?}");
    assert!((ms(2000)..=ms(4000)).contains(&waits[5]), "{waits:?}");
}

#[test]
fn attempts_are_bounded() {
    let (mut world, crane) = world(PoolSettings::default());
    for attempt in 1..=5 {
        world.must_take(crane);
        assert_eq!(world.task(1).attempt, attempt);
        world.pass(secs(30));
    }
    assert_eq!(death(&world), Some(Death::AttemptsSpent));
    assert_eq!(world.task(1).last_reason(), "the lease's deadline passed");
}

#[test]
fn back_off_grows() {
    let (mut world, crane) = world(PoolSettings::default());
    for longest in [1000, 2000, 4000, 8000] {
        let proof = world.must_take(crane);
        world.fail(crane, proof);
        let wait = world.due_in(1).expect("it backs off");
        assert!(
            (ms(longest / 2)..=ms(longest)).contains(&wait),
            "{wait:?} of {longest}"
        );
        assert_eq!(world.take(crane), None);
        world.pass(wait);
    }
    let proof = world.must_take(crane);
    world.fail(crane, proof);
    assert_eq!(death(&world), Some(Death::AttemptsSpent));
}

#[test]
fn a_task_that_kills_its_nodes_is_dead_after_its_bound_and_neighbours_go_first() {
    let (mut world, crane) = world(PoolSettings::default());
    for session in [11, 12] {
        lose(&mut world, session, Ending::Cut);
        assert_eq!(world.state(1), Some(StateKind::Ready), "not yet a suspect");
    }
    world.enqueue(crane, &[2]);
    lose(&mut world, 13, Ending::Silence);
    assert_eq!(
        world.state(1),
        Some(StateKind::Scheduled),
        "a suspect backs off"
    );
    let wait = world.due_in(1).expect("it backs off");
    world.pass(wait);
    assert_eq!(world.take_all(crane), [2, 1], "its neighbours go first");
    world.cancel(crane, 2);
    world.end(crane, Ending::Silence);
    let longer = world.due_in(1).expect("it backs off");
    assert!(longer >= ms(1000), "{longer:?}");
    lose(&mut world, 15, Ending::Cut);
    assert_eq!(death(&world), Some(Death::LostTooOften));
}

#[test]
fn losses_that_are_not_in_a_row_make_no_suspect() {
    let (mut world, crane) = world(PoolSettings::default());
    lose(&mut world, 11, Ending::Cut);
    lose(&mut world, 12, Ending::Cut);
    world.must_take(crane);
    world.pass(secs(30));
    assert_eq!(counts(&world), (3, 0, 0));
    lose(&mut world, 13, Ending::Cut);
    assert_eq!(world.state(1), Some(StateKind::Ready));
    lose(&mut world, 14, Ending::Cut);
    assert_eq!(death(&world), None);
    lose(&mut world, 15, Ending::Cut);
    assert_eq!(death(&world), Some(Death::LostTooOften), "it is the fifth");
}

#[test]
fn an_interruption_between_losses_does_not_clear_a_suspect() {
    let (mut world, _) = world(PoolSettings::default());
    lose(&mut world, 11, Ending::Cut);
    lose(&mut world, 12, Ending::Bye);
    assert_eq!(counts(&world), (1, 1, 1));
}

#[test]
fn the_history_is_bounded_and_keeps_the_last() {
    let (mut world, crane) = world(PoolSettings::default());
    for _ in 0..12 {
        let proof = world.must_take(crane);
        world.release(crane, proof);
        world.pass(secs(300));
    }
    let proof = world.must_take(crane);
    world.fail(crane, proof);
    let history = &world.task(1).history;
    assert_eq!(history.len(), limits::HISTORY_MAX);
    assert_eq!(history.last().map(|past| past.lease), Some(proof.lease));
    assert_eq!(history[0].lease.number, 6);
}

#[test]
fn a_long_reason_is_cut_at_a_character() {
    let (mut world, crane) = world(PoolSettings::default());
    let proof = world.must_take(crane);
    let reason = format!("x{}", "é".repeat(1000));
    world.ask(
        crane,
        Command::Fail(vec![Failure {
            proof,
            reason,
            then: AfterFailure::ByPolicy,
        }]),
    );
    assert_eq!(
        world.task(1).last_reason().len(),
        limits::REASON_BYTES_MAX - 1
    );
}

#[test]
fn a_revived_task_begins_anew_and_keeps_its_history() {
    let (mut world, crane) = world(PoolSettings::default());
    for _ in 0..5 {
        world.must_take(crane);
        world.pass(secs(30));
    }
    let revive = Command::Revive(Revive::All);
    assert_eq!(
        world.ask(crane, revive.clone()),
        Answer::Revived(vec![(id(1), Ok(()))])
    );
    assert_eq!(world.ask(crane, revive), Answer::Revived(vec![]));
    assert_eq!(counts(&world), (0, 0, 0));
    assert_eq!(world.task(1).history.len(), 5);
    assert_eq!(world.task(1).ready_at, world.now);
    world.must_take(crane);
}
