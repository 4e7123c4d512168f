//! Beginnings and ends of sessions, and resumption.

use leasehold_core::*;

use crate::harness::*;

/// Two tasks in the hands of one node.
fn two_held() -> (World, SessionId, LeaseRef, LeaseRef) {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1, 2]);
    let (one, two) = (world.must_take(crane), world.must_take(crane));
    (world, crane, one, two)
}

#[test]
fn a_session_that_was_never_opened_is_refused() {
    let mut world = World::new(PoolSettings::default());
    let stranger = SessionId(9);
    let commands = [
        Command::Enqueue(vec![task(1)]),
        claim(1),
        credit(1),
        complete(invented(1)),
        Command::Resume(vec![]),
        Command::Cancel(vec![id(1)]),
        Command::Revive(Revive::All),
        await_for(1, secs(1)),
    ];
    for command in commands {
        let refused = Answer::Refused(Rejection::SessionEnded);
        assert_eq!(world.ask(stranger, command), refused);
        assert_eq!(world.changes, []);
    }
}

#[test]
fn a_session_that_ended_is_refused() {
    for ending in [Ending::Bye, Ending::Cut, Ending::Silence, Ending::Dismissed] {
        let (mut world, crane, one, _) = two_held();
        world.end(crane, ending);
        let refused = Answer::Refused(Rejection::SessionEnded);
        assert_eq!(world.complete(crane, one), refused, "{ending:?}");
    }
}

#[test]
fn an_end_is_heard_once() {
    let (mut world, crane, _, _) = two_held();
    world.end(crane, Ending::Cut);
    let before = world.due_in(1);
    world.pass(ms(100));
    for ending in [Ending::Bye, Ending::Silence, Ending::Dismissed] {
        assert_eq!(world.end(crane, ending), []);
        assert_eq!(world.changes, []);
    }
    assert_eq!(world.end(SessionId(77), Ending::Bye), []);
    assert_eq!(world.due_in(1), before.map(|before| before - ms(100)));
}

#[test]
fn a_second_open_changes_nothing() {
    let (mut world, crane, one, _) = two_held();
    world.open(1, &node("impostor", 1));
    assert_eq!(world.complete(crane, one), done());
}

#[test]
fn a_bye_gives_all_back_at_once_and_does_not_count() {
    let (mut world, crane, _, _) = two_held();
    world.end(crane, Ending::Bye);
    assert_eq!(world.count(StateKind::Ready), 2);
    assert_eq!((world.task(1).attempt, world.task(1).interruptions), (0, 1));
}

#[test]
fn a_resume_releases_what_never_arrived() {
    let (mut world, crane, one, two) = two_held();
    world.end(crane, Ending::Cut);
    let back = world.open(2, &node("crane", 1));
    assert_eq!(
        world.resume(back, &[two]),
        Answer::Extended(vec![Ok(secs(30))])
    );
    assert_eq!(world.state(1), Some(StateKind::Ready));
    assert_eq!((world.task(1).attempt, world.task(1).interruptions), (0, 1));
    assert_eq!(world.state(2), Some(StateKind::Claimed));
    assert_eq!(world.complete(back, one), LOST);
}

/// The socket of the old session is dead, and the hub has not noticed.
#[test]
fn a_resume_overtakes_the_end_of_the_session_before() {
    let (mut world, crane, _, two) = two_held();
    let back = world.open(2, &node("crane", 1));
    world.resume(back, &[two]);
    assert_eq!(world.state(1), Some(StateKind::Ready));
    world.end(crane, Ending::Cut);
    world.pass(secs(29));
    assert_eq!(world.complete(back, two), done());
}

#[test]
fn a_resume_leaves_the_leases_of_its_own_session_alone() {
    let (mut world, crane, one, two) = two_held();
    assert_eq!(world.resume(crane, &[]), Answer::Extended(vec![]));
    assert_eq!(world.complete(crane, one), done());
    assert_eq!(world.complete(crane, two), done());
}

#[test]
fn a_resume_leaves_other_nodes_alone() {
    let (mut world, crane, one, _) = two_held();
    world.end(crane, Ending::Cut);
    for other in [node("crane", 2), node("derrick", 1)] {
        let session = world.open(other.incarnation.0 + 10, &other);
        world.resume(session, &[]);
    }
    let back = world.open(20, &node("crane", 1));
    assert_eq!(world.complete(back, one), done());
}

/// The first grant ran out, the second never arrived: the node names only the first.
#[test]
fn a_resume_under_an_older_lease_does_not_keep_the_newer_one() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1]);
    let older = world.must_take(crane);
    world.pass(secs(30));
    world.must_take(crane);
    world.end(crane, Ending::Cut);
    let back = world.open(2, &node("crane", 1));
    assert_eq!(
        world.resume(back, &[older]),
        Answer::Extended(vec![Err(Rejection::LeaseLost)])
    );
    assert_eq!(world.state(1), Some(StateKind::Ready));
    assert_eq!((world.task(1).attempt, world.task(1).interruptions), (1, 1));
}

#[test]
fn a_resume_after_a_hub_restart_keeps_tasks() {
    let (mut world, _, one, two) = two_held();
    world.restart();
    world.pass(ms(9_999));
    let back = world.open(1, &node("crane", 1));
    let both = Answer::Extended(vec![Ok(secs(30)), Ok(secs(30))]);
    assert_eq!(world.resume(back, &[two, one]), both);
    assert_eq!(world.complete(back, one), done());
    assert_eq!(world.task(2).interruptions, 0);
}

#[test]
fn what_a_session_had_parked_leaves_with_it() {
    let mut world = World::new(PoolSettings::default());
    let (crane, derrick) = (
        world.open(1, &node("crane", 1)),
        world.open(2, &node("derrick", 1)),
    );
    world.send(crane, claim_for(1, secs(60)));
    world.send(crane, credit(5));
    assert_eq!(world.pool.summary().waiting, 2);
    world.end(crane, Ending::Cut);
    assert_eq!(world.pool.summary().waiting, 0);
    world.enqueue(derrick, &[1]);
    assert_eq!(world.state(1), Some(StateKind::Ready));
}

#[test]
fn an_end_gives_its_tasks_to_those_who_wait() {
    let (mut world, crane, _, _) = two_held();
    let derrick = world.open(2, &node("derrick", 1));
    world.send(derrick, credit(5));
    let replies = world.end(crane, Ending::Bye);
    let [Reply::Deliver(to, grants)] = replies.as_slice() else {
        panic!("{replies:?} is no delivery");
    };
    assert_eq!((*to, grants.len()), (derrick, 2));
}

/// A node in a session that it has given up, and in the next, in which it has resumed.
fn moved_on() -> (World, SessionId, SessionId, SessionId) {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    let producer = world.open(2, &node("producer", 1));
    world.send(crane, credit(5));
    world.send(crane, claim_for(1, secs(60)));
    world.enqueue(producer, &[9]);
    world.send(crane, await_for(9, secs(60)));
    let back = world.open(3, &node("crane", 1));
    world.resume(back, &[]);
    (world, crane, back, producer)
}

#[test]
fn a_superseded_session_is_granted_nothing_more() {
    let (mut world, crane, back, producer) = moved_on();
    assert_eq!(world.pool.summary().waiting, 0);
    world.enqueue(producer, &[1, 2]);
    assert_eq!(world.count(StateKind::Ready), 3);
    let refused = Answer::Refused(Rejection::SessionEnded);
    for late in [claim(1), claim_for(1, secs(60)), credit(1), credit(0)] {
        assert_eq!(world.ask(crane, late), refused);
    }
    assert_eq!(world.pool.summary().waiting, 0);
    assert_eq!(world.take_all(back), [9, 1, 2]);
}

#[test]
fn what_a_superseded_session_had_parked_is_never_answered() {
    let (mut world, crane, back, _) = moved_on();
    let proof = world.must_take(back);
    let replies = world.send(back, complete(proof));
    assert!(
        replies.iter().all(|reply| reply.session() == back),
        "{replies:?}"
    );
    let replies = world.pass(secs(60));
    assert!(
        replies.iter().all(|reply| reply.session() != crane),
        "{replies:?}"
    );
}

/// It was sent before the node moved on, and is as good as it was then.
#[test]
fn what_a_superseded_session_says_of_its_leases_still_counts() {
    let (mut world, crane, one, two) = two_held();
    let back = world.open(2, &node("crane", 1));
    world.resume(back, &[one, two]);
    assert_eq!(world.complete(crane, one), done());
    let replies = world.enqueue(crane, &[3]);
    assert!(matches!(
        replies[..],
        [Reply::Answer(_, _, Answer::Enqueued(_))]
    ));
    world.end(crane, Ending::Silence);
    assert_eq!(world.complete(back, two), done());
}

#[test]
fn a_resume_supersedes_no_other_node_and_no_later_session() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    let others = [(2, "crane", 2), (3, "derrick", 1)];
    let others = others.map(|(of, name, run)| world.open(of, &node(name, run)));
    let later = world.open(4, &node("crane", 1));
    for session in [crane, others[0], others[1], later] {
        world.send(session, credit(1));
    }
    let middle = world.open(5, &node("hoist", 1));
    world.resume(middle, &[]);
    world.resume(crane, &[]);
    assert_eq!(world.pool.summary().waiting, 4);
    world.resume(later, &[]);
    assert_eq!(world.pool.summary().waiting, 3);
    let producer = world.open(6, &node("producer", 1));
    world.enqueue(producer, &[1, 2, 3, 4]);
    assert_eq!(world.count(StateKind::Claimed), 3);
}

/// Task 1 was granted to the second session of a node, which is gone; what the node had said in
/// the first is heard only now.
#[test]
fn a_late_resume_gives_nothing_back_that_a_later_session_had() {
    for ending in [Ending::Cut, Ending::Dismissed] {
        let mut world = World::new(PoolSettings::default());
        let first = world.open(1, &node("crane", 1));
        let second = world.open(2, &node("crane", 1));
        world.enqueue(first, &[1]);
        let proof = world.must_take(second);
        world.end(second, ending);
        let due = world.due_in(1);
        assert_eq!(world.resume(first, &[]), Answer::Extended(vec![]));
        assert_eq!(world.changes, []);
        assert_eq!(world.due_in(1), due, "{ending:?}");
        let third = world.open(3, &node("crane", 1));
        assert_eq!(
            world.resume(third, &[proof]),
            Answer::Extended(vec![Ok(secs(30))])
        );
        assert_eq!(world.complete(third, proof), done());
        assert_eq!(world.task(1).interruptions, 0);
    }
}

/// No session was before a restart.
#[test]
fn the_first_resume_after_a_restart_gives_back_what_it_does_not_name() {
    let (mut world, _, _, two) = two_held();
    world.restart();
    let back = world.open(1, &node("crane", 1));
    world.resume(back, &[two]);
    assert_eq!(world.state(1), Some(StateKind::Ready));
    assert_eq!(world.state(2), Some(StateKind::Claimed));
}
