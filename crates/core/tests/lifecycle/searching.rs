//! Revivals by a condition and purges of more tasks than one call looks at.

use leasehold_core::*;

use crate::harness::*;

/// More than thrice what one call looks at.
const MANY: u128 = 12_500;

/// All of these are cancelled, but a hundred are dead.
fn scene() -> (World, SessionId) {
    let mut world = World::new(PoolSettings {
        attempts_max: 1,
        ..PoolSettings::default()
    });
    let me = world.open(1, &node("me", 1));
    for first in (1..=MANY).step_by(500) {
        let some: Vec<_> = (first..first + 500).collect();
        world.enqueue(me, &some);
        fail_some(&mut world, me, 4);
        let live = some.iter().map(|number| id(*number)).collect();
        world.send(me, Command::Cancel(live));
        // The check of the pool looks long at what ends in one millisecond.
        world.pass(ms(1));
    }
    assert_eq!(world.count(StateKind::Dead), 100);
    (world, me)
}

fn fail_some(world: &mut World, me: SessionId, tasks: u32) {
    let Answer::Claimed(grants) = world.ask(me, claim(tasks)) else {
        panic!("tasks are ready");
    };
    assert_eq!(grants.len(), tasks as usize);
    let failure = |grant| Failure {
        proof: proof_of(grant),
        reason: "it broke".into(),
        then: AfterFailure::ByPolicy,
    };
    world.send(me, Command::Fail(grants.iter().map(failure).collect()));
}

/// Works on until it is answered: how many calls that took.
fn answer(world: &mut World, me: SessionId, command: Command) -> (usize, Answer) {
    let mut said = world.send(me, command);
    for calls in 1.. {
        let answer = said.iter().find_map(|reply| match reply {
            Reply::Answer(of, _, answer) => (*of == me).then(|| answer.clone()),
            Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => None,
        });
        if let Some(answer) = answer {
            return (calls, answer);
        }
        assert_eq!(world.pool.next_deadline(), Some(world.now), "it is owed");
        said = world.look();
    }
    unreachable!("it is answered sometime")
}

fn purge(tasks_max: u32) -> Command {
    Command::Purge(vec![Where::State(StateKind::Dead)], tasks_max)
}

#[test]
fn other_work_goes_on_while_a_purge_looks_at_many_tasks() {
    let (mut world, me) = scene();
    let said = world.send(me, purge(4096));
    assert_eq!(said, [], "it looks at some of them");
    assert_eq!(world.enqueue(me, &[MANY + 1]).len(), 1);
    let calls = (1..9).find(|_| !world.look().is_empty());
    assert!(calls.is_some(), "it is answered");
    assert_eq!(world.count(StateKind::Dead), 0);
    assert_eq!(world.count(StateKind::Ready), 1);
}

#[test]
fn a_purge_that_is_repeated_looks_at_no_task_twice() {
    let (mut world, me) = scene();
    let mut calls = 0;
    for left in (0..10).rev() {
        let (some, purged) = answer(&mut world, me, purge(10));
        assert_eq!(purged, Answer::Purged(10));
        assert_eq!(world.count(StateKind::Dead), left * 10);
        calls += some;
    }
    assert!(calls < 20, "each begins where the last left off: {calls}");
    let (_, none) = answer(&mut world, me, purge(10));
    assert_eq!(none, Answer::Purged(0));
    assert_eq!(world.store.load().len() as u128, MANY - 100);
}

#[test]
fn a_purge_of_many_says_how_many_and_forgets_a_bounded_number_in_one_call() {
    let (mut world, me) = scene();
    world.send(me, Command::Purge(vec![], 4096));
    let some = world.changes.len();
    assert!((1..=limits::DUE_MAX).contains(&some), "{some}");
    let calls = (1..9).find_map(|_| match world.look().as_slice() {
        [Reply::Answer(_, _, answer)] => Some(answer.clone()),
        _ => None,
    });
    assert_eq!(calls, Some(Answer::Purged(4096)));
}

#[test]
fn requests_that_look_at_many_are_answered_in_their_order() {
    let (mut world, me) = scene();
    assert_eq!(world.send(me, purge(4096)), []);
    assert_eq!(world.send(me, purge(4096)), []);
    let mut said = vec![];
    while world.pool.next_deadline() == Some(world.now) {
        said.extend(world.look());
    }
    let purged: Vec<_> = said
        .into_iter()
        .filter_map(|reply| match reply {
            Reply::Answer(_, _, answer) => Some(answer),
            Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => None,
        })
        .collect();
    assert_eq!(purged, [Answer::Purged(100), Answer::Purged(0)]);
}

#[test]
fn nobody_is_answered_who_has_left() {
    let (mut world, me) = scene();
    assert_eq!(world.send(me, purge(4096)), []);
    world.end(me, Ending::Bye);
    assert_ne!(world.pool.next_deadline(), Some(world.now));
    assert_eq!(world.look(), []);
    assert!(world.count(StateKind::Dead) > 0, "the rest is left");
}

/// Five thousand are dead.
fn cemetery() -> (World, SessionId) {
    let mut world = World::new(PoolSettings {
        attempts_max: 1,
        ..PoolSettings::default()
    });
    let me = world.open(1, &node("me", 1));
    for first in [1, 2501] {
        let some: Vec<_> = (first..first + 2500).collect();
        world.enqueue(me, &some);
        fail_some(&mut world, me, 2500);
    }
    (world, me)
}

fn revive_where(which: Vec<Where>) -> Command {
    let which = Which::Where(which);
    let edits = vec![];
    Command::ReviveWith(Box::new(ReviveWith { which, edits }))
}

#[test]
fn a_revival_of_many_goes_in_slices_and_names_as_many_as_one_answer_may() {
    let (mut world, me) = cemetery();
    let all = revive_where(vec![Where::Cause(Death::AttemptsSpent)]);
    let (calls, revived) = answer(&mut world, me, all.clone());
    let Answer::Revived(named) = revived else {
        panic!("{revived:?}");
    };
    assert_eq!((calls, named.len()), (4, limits::BATCH_MAX));
    assert_eq!(world.count(StateKind::Dead), 5000 - 4096);
    answer(&mut world, me, all);
    assert_eq!(world.count(StateKind::Dead), 0);
}

#[test]
fn what_dies_again_meanwhile_is_not_revived_by_the_same_request() {
    let (mut world, me) = cemetery();
    world.pass(ms(1));
    assert_eq!(
        world.send(me, revive_where(vec![Where::Reason("broke".into())])),
        []
    );
    world.now = world.now + ms(1);
    let proof = world.must_take(me);
    world.fail(me, proof);
    let before = world.pool.task(proof.task).expect("it is dead");
    while world.pool.next_deadline() == Some(world.now) {
        world.look();
    }
    assert_eq!(world.pool.task(proof.task), Some(before));
}
