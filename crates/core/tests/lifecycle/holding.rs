//! Who holds a task, and for how long an answer of theirs is good.

use leasehold_core::*;

use crate::harness::*;

/// A pool with task 1, and two nodes: the first holds it.
fn held() -> (World, SessionId, SessionId, LeaseRef) {
    let mut world = World::new(PoolSettings::default());
    let (crane, derrick) = (
        world.open(1, &node("crane", 1)),
        world.open(2, &node("derrick", 1)),
    );
    world.enqueue(derrick, &[1]);
    let proof = world.must_take(crane);
    (world, crane, derrick, proof)
}

#[test]
fn a_blinking_node_keeps_its_tasks() {
    let (mut world, crane, derrick, proof) = held();
    world.end(crane, Ending::Cut);
    world.pass(ms(499));
    let back = world.open(3, &node("crane", 1));
    assert_eq!(
        world.resume(back, &[proof]),
        Answer::Extended(vec![Ok(secs(30))])
    );
    world.pass(secs(29));
    assert_eq!(world.take(derrick), None);
    assert_eq!(world.complete(back, proof), done());
    assert_eq!(world.task(1).attempt, 1);
}

#[test]
fn a_node_that_stays_away_loses_its_tasks_after_the_grace() {
    let (mut world, crane, derrick, _) = held();
    world.end(crane, Ending::Cut);
    world.pass(ms(499));
    assert_eq!(world.take(derrick), None);
    world.pass(ms(1));
    assert_eq!(world.must_take(derrick).task, id(1));
}

#[test]
fn a_cut_does_not_stretch_a_lease() {
    let (mut world, crane, _, _) = held();
    world.pass(ms(29_900));
    world.end(crane, Ending::Cut);
    assert_eq!(world.due_in(1), Some(ms(100)));
    world.pass(ms(100));
    assert_eq!(world.task(1).history[0].ending, AttemptEnding::Expired);
}

#[test]
fn a_dismissal_stretches_a_lease_to_the_grace() {
    let (mut world, crane, _, _) = held();
    world.pass(ms(29_900));
    world.end(crane, Ending::Dismissed);
    assert_eq!(world.due_in(1), Some(secs(10)));
}

#[test]
fn a_restarted_node_is_another_node() {
    let (mut world, crane, _, proof) = held();
    world.end(crane, Ending::Cut);
    let reborn = world.open(3, &node("crane", 2));
    assert_eq!(
        world.resume(reborn, &[proof]),
        Answer::Extended(vec![Err(Rejection::LeaseLost)])
    );
    assert_eq!(world.complete(reborn, proof), LOST);
    assert_eq!(world.due_in(1), Some(ms(500)));
}

#[test]
fn a_zombie_cannot_complete_what_another_holds() {
    let (mut world, crane, derrick, proof) = held();
    world.pass(secs(30));
    let theirs = world.must_take(derrick);
    assert_eq!(world.complete(crane, proof), LOST);
    assert_eq!(world.fail(crane, proof), LOST);
    assert_eq!(world.release(crane, proof), LOST);
    assert_eq!(world.extend(crane, proof), LOST);
    assert_eq!(world.pool.summary().lease_lost, 4);
    assert_eq!(world.complete(derrick, theirs), done());
}

#[test]
fn a_zombie_cannot_complete_with_a_lease_of_another() {
    let (mut world, crane, derrick, proof) = held();
    assert_eq!(world.complete(derrick, proof), LOST);
    assert_eq!(world.extend(derrick, proof), LOST);
    assert_eq!(world.complete(crane, proof), done());
}

#[test]
fn a_zombie_may_complete_what_nobody_took() {
    let (mut world, crane, derrick, proof) = held();
    world.pass(secs(3600));
    assert_eq!(world.state(1), Some(StateKind::Ready));
    assert_eq!(world.complete(crane, proof), done());
    let history = &world.task(1).history;
    assert_eq!(
        history.iter().map(|past| past.ending).collect::<Vec<_>>(),
        [AttemptEnding::Completed]
    );
    assert_eq!(world.take(derrick), None);
}

#[test]
fn a_zombie_that_failed_holds_nothing_any_more() {
    let (mut world, crane, _, proof) = held();
    assert_eq!(world.fail(crane, proof), done());
    assert_eq!(world.complete(crane, proof), LOST);
    assert_eq!(world.extend(crane, proof), LOST);
}

#[test]
fn a_repeated_answer_is_answered_again_and_changes_nothing() {
    type Verb = fn(&mut World, SessionId, LeaseRef) -> Answer;
    for verb in [World::complete as Verb, World::fail, World::release] {
        let (mut world, crane, _, proof) = held();
        assert_eq!(verb(&mut world, crane, proof), done());
        let stored = world.store.clone();
        world.pass(secs(1));
        assert_eq!(verb(&mut world, crane, proof), done());
        assert_eq!(world.changes, []);
        assert_eq!(world.store, stored);
    }
}

#[test]
fn a_repeated_complete_is_answered_to_a_later_session_too() {
    let (mut world, crane, derrick, proof) = held();
    world.complete(crane, proof);
    world.end(crane, Ending::Cut);
    let back = world.open(3, &node("crane", 1));
    assert_eq!(world.complete(back, proof), done());
    assert_eq!(world.complete(derrick, proof), LOST);
}

#[test]
fn an_extension_repeats_what_the_grant_said() {
    let (mut world, crane, _, proof) = held();
    world.pass(secs(20));
    assert_eq!(
        world.extend(crane, proof),
        Answer::Extended(vec![Ok(secs(30))])
    );
    assert_eq!(world.due_in(1), Some(secs(30)));
    let shorter = Command::Extend(vec![proof], Some(secs(2)));
    assert_eq!(
        world.ask(crane, shorter),
        Answer::Extended(vec![Ok(secs(2))])
    );
    assert_eq!(world.due_in(1), Some(secs(2)));
}

#[test]
fn an_extension_after_the_deadline_takes_the_ending_back() {
    let (mut world, crane, derrick, proof) = held();
    world.pass(secs(31));
    assert_eq!(
        world.extend(crane, proof),
        Answer::Extended(vec![Ok(secs(30))])
    );
    assert_eq!(world.take(derrick), None);
    assert_eq!((world.task(1).attempt, world.task(1).history.len()), (1, 0));
}

#[test]
fn a_claim_may_name_its_own_lease() {
    let (mut world, crane, derrick, _) = held();
    world.enqueue(derrick, &[2]);
    let lease = Some(secs(5));
    let claim = Claim {
        tasks_max: 1,
        wait: ms(0),
        lease,
    };
    let Answer::Claimed(grants) = world.ask(crane, Command::Claim(claim)) else {
        panic!("a claim is answered with grants");
    };
    assert_eq!(grants[0].lease_for, secs(5));
    world.pass(secs(4));
    assert_eq!(
        world.extend(crane, proof_of(&grants[0])),
        Answer::Extended(vec![Ok(secs(5))])
    );
}

#[test]
fn who_is_told_late_of_a_lease_is_told_what_is_left_of_it() {
    let (mut world, crane, derrick, proof) = held();
    world.pass(secs(10));
    let told = |world: &World, session| world.pool.granted(world.now, session, proof);
    let grant = told(&world, crane).expect("it is held");
    assert_eq!(proof_of(&grant), proof);
    assert_eq!((grant.attempt, grant.lease_for), (1, secs(20)));
    assert_eq!(told(&world, derrick), None, "it is another's");
    world.end(crane, Ending::Cut);
    let back = world.open(3, &node("crane", 1));
    assert_eq!(told(&world, back), None, "nobody has it in hand");
    world.resume(back, &[proof]);
    assert_eq!(told(&world, crane), None, "that session is over");
    assert!(told(&world, back).is_some());
    world.pass(secs(31));
    assert_eq!(told(&world, back), None, "it ran out");
}

#[test]
fn a_cancelled_task_is_revoked() {
    let (mut world, crane, derrick, proof) = held();
    let replies = world.send(derrick, Command::Cancel(vec![id(1)]));
    assert_eq!(
        replies[0],
        Reply::Revoke(crane, proof, Revocation::Cancelled)
    );
    assert_eq!(world.complete(crane, proof), LOST);
    assert_eq!(world.task(1).history[0].ending, AttemptEnding::Cancelled);
}

#[test]
fn a_holder_is_told_when_another_is_granted_its_task_and_not_before() {
    let (mut world, crane, derrick, proof) = held();
    assert_eq!(world.pass(secs(30)), []);
    let replies = world.send(derrick, claim(1));
    assert_eq!(replies[0], Reply::Revoke(crane, proof, Revocation::Lost));
    assert_eq!(replies.len(), 2);
}

#[test]
fn a_holder_is_told_when_its_task_dies_at_the_deadline() {
    let (mut world, crane, derrick, _) = held();
    let attempts_max = Some(1);
    world.send(
        derrick,
        Command::Enqueue(vec![NewTask {
            attempts_max,
            ..task(2)
        }]),
    );
    let proof = world.must_take(crane);
    assert_eq!(
        world.pass(secs(30)),
        [Reply::Revoke(crane, proof, Revocation::Lost)]
    );
    assert_eq!(world.state(2), Some(StateKind::Dead));
}

#[test]
fn the_node_of_a_task_is_the_one_that_holds_or_ended_it() {
    let (mut world, crane, derrick, proof) = held();
    let me = node("crane", 1);
    assert_eq!(world.task(1).node(), Some(&me));
    world.complete(crane, proof);
    assert_eq!(world.task(1).node(), Some(&me), "it completed it");
    world.enqueue(derrick, &[2]);
    world.must_take(crane);
    world.cancel(derrick, 2);
    assert_eq!(world.task(2).node(), Some(&me), "it had it when called off");
}

#[test]
fn nobody_ended_a_task_that_was_called_off_while_it_waited() {
    let (mut world, crane, derrick, proof) = held();
    world.release(crane, proof);
    assert_eq!(world.task(1).node(), None);
    world.cancel(derrick, 1);
    assert_eq!(world.task(1).history.len(), 1);
    assert_eq!(world.task(1).node(), None);
}

#[test]
fn the_node_of_a_dead_task_is_the_one_with_which_it_died() {
    let (mut world, crane, ..) = held();
    for _ in 0..5 {
        world.pass(secs(30));
        _ = world.take(crane);
    }
    assert_eq!(world.state(1), Some(StateKind::Dead));
    assert_eq!(world.task(1).node(), Some(&node("crane", 1)));
}

#[test]
fn a_repeated_cancel_is_answered_again_and_changes_nothing() {
    let (mut world, _, derrick, _) = held();
    assert_eq!(world.cancel(derrick, 1), done());
    let stored = world.store.clone();
    world.pass(secs(1));
    let replies = world.send(derrick, Command::Cancel(vec![id(1), id(1)]));
    let twice = Answer::Done(vec![Ok(()), Ok(())]);
    assert!(
        matches!(replies.as_slice(), [Reply::Answer(_, _, answer)] if *answer == twice),
        "{replies:?}"
    );
    assert_eq!(world.changes, []);
    assert_eq!(world.store, stored);
}
