//! Parked claims, credit, awaits.

use leasehold_core::*;

use crate::harness::*;

fn world() -> (World, SessionId, SessionId, SessionId) {
    let mut world = World::new(PoolSettings::default());
    let (crane, derrick) = (
        world.open(1, &node("crane", 1)),
        world.open(2, &node("derrick", 1)),
    );
    let producer = world.open(3, &node("producer", 1));
    (world, crane, derrick, producer)
}

/// Who was given which tasks, in the order of the replies.
fn given(replies: &[Reply]) -> Vec<(SessionId, Vec<u128>)> {
    let numbers = |grants: &[Grant]| grants.iter().map(|grant| grant.task.as_u128()).collect();
    let given = |reply: &Reply| match reply {
        Reply::Answer(to, _, Answer::Claimed(grants)) | Reply::Deliver(to, grants) => {
            Some((*to, numbers(grants)))
        }
        Reply::Answer(..) | Reply::Revoke(..) | Reply::AskStop(..) => None,
    };
    replies.iter().filter_map(given).collect()
}

#[test]
fn a_claim_without_a_wait_is_answered_at_once() {
    let (mut world, crane, ..) = world();
    assert_eq!(world.ask(crane, claim(5)), Answer::Claimed(vec![]));
    assert_eq!(world.pool.summary().waiting, 0);
}

#[test]
fn a_claim_takes_as_many_as_it_asked_for() {
    let (mut world, crane, derrick, producer) = world();
    world.enqueue(producer, &[1, 2, 3]);
    let replies = world.send(crane, claim(2));
    assert_eq!(given(&replies), [(crane, vec![1, 2])]);
    assert_eq!(world.take_all(derrick), [3]);
}

#[test]
fn parked_claims_are_served_first_come_first_served() {
    let (mut world, crane, derrick, producer) = world();
    assert_eq!(world.send(derrick, claim_for(1, secs(60))), []);
    assert_eq!(world.send(crane, claim_for(1, secs(60))), []);
    assert_eq!(world.send(derrick, claim_for(5, secs(60))), []);
    let replies = world.enqueue(producer, &[1, 2, 3, 4]);
    assert!(matches!(
        replies[0],
        Reply::Answer(_, _, Answer::Enqueued(_))
    ));
    assert_eq!(
        given(&replies),
        [(derrick, vec![1]), (crane, vec![2]), (derrick, vec![3, 4])]
    );
}

#[test]
fn a_parked_claim_is_answered_empty_when_its_wait_is_over() {
    let (mut world, crane, _, producer) = world();
    world.send(crane, claim_for(1, secs(5)));
    assert_eq!(world.pool.next_deadline(), Some(world.now + secs(5)));
    assert_eq!(world.pass(ms(4_999)), []);
    assert_eq!(given(&world.pass(ms(1))), [(crane, vec![])]);
    world.enqueue(producer, &[1]);
    assert_eq!(world.state(1), Some(StateKind::Ready));
}

#[test]
fn a_parked_claim_is_served_by_what_comes_back() {
    let (mut world, crane, derrick, producer) = world();
    world.enqueue(producer, &[1]);
    let proof = world.must_take(crane);
    world.send(derrick, claim_for(1, secs(60)));
    let replies = world.send(crane, Command::Release(vec![proof]));
    assert_eq!(given(&replies), [(derrick, vec![1])]);
    world.send(crane, claim_for(1, secs(60)));
    assert_eq!(given(&world.pass(secs(30))), [(crane, vec![1])]);
}

#[test]
fn a_parked_claim_is_served_by_what_is_due_even_at_its_last_moment() {
    let (mut world, crane, _, producer) = world();
    let delay = secs(5);
    world.send(
        producer,
        Command::Enqueue(vec![NewTask { delay, ..task(1) }]),
    );
    world.send(crane, claim_for(1, secs(5)));
    assert_eq!(given(&world.pass(secs(5))), [(crane, vec![1])]);
}

#[test]
fn a_parked_claim_is_served_by_a_revival() {
    let (mut world, crane, _, producer) = world();
    let attempts_max = Some(1);
    world.send(
        producer,
        Command::Enqueue(vec![NewTask {
            attempts_max,
            ..task(1)
        }]),
    );
    let proof = world.must_take(crane);
    world.fail(crane, proof);
    world.send(crane, claim_for(1, secs(5)));
    assert_eq!(
        given(&world.send(producer, Command::Revive(Revive::All))),
        [(crane, vec![1])]
    );
}

#[test]
fn credit_is_used_up_one_for_each_task() {
    let (mut world, crane, _, producer) = world();
    assert_eq!(world.ask(crane, credit(2)), Answer::Credited(2));
    assert_eq!(world.ask(crane, credit(1)), Answer::Credited(3));
    assert_eq!(given(&world.enqueue(producer, &[1])), [(crane, vec![1])]);
    assert_eq!(world.ask(crane, credit(0)), Answer::Credited(2));
    assert_eq!(
        given(&world.enqueue(producer, &[2, 3, 4])),
        [(crane, vec![2, 3])]
    );
    assert_eq!(world.state(4), Some(StateKind::Ready));
    assert_eq!(world.ask(crane, credit(0)), Answer::Credited(0));
    assert_eq!(world.pool.summary().waiting, 0);
}

#[test]
fn credit_goes_round_robin() {
    let (mut world, crane, derrick, producer) = world();
    world.send(crane, credit(3));
    world.send(derrick, credit(2));
    let replies = world.enqueue(producer, &[1, 2, 3, 4, 5]);
    assert_eq!(
        given(&replies),
        [(crane, vec![1, 3, 5]), (derrick, vec![2, 4])]
    );
}

#[test]
fn credit_says_how_long_its_leases_run() {
    let (mut world, crane, _, producer) = world();
    let lease = Some(secs(3));
    world.send(crane, Command::Credit(Credit { tasks: 1, lease }));
    world.enqueue(producer, &[1]);
    assert_eq!(world.due_in(1), Some(secs(3)));
}

/// To ask how much credit there is changes nothing of it.
#[test]
fn no_credit_without_a_lease_leaves_the_lease_as_it_was() {
    let (mut world, crane, _, producer) = world();
    let of = |tasks, lease| Command::Credit(Credit { tasks, lease });
    world.send(crane, of(4, Some(secs(3))));
    let mut next = 0;
    let mut runs = |world: &mut World| {
        next += 1;
        world.enqueue(producer, &[next]);
        world.due_in(next)
    };
    assert_eq!(world.ask(crane, of(0, None)), Answer::Credited(4));
    assert_eq!(runs(&mut world), Some(secs(3)));
    world.send(crane, of(0, Some(secs(4))));
    assert_eq!(runs(&mut world), Some(secs(4)));
    world.send(crane, of(1, None));
    assert_eq!(runs(&mut world), Some(secs(30)), "the pool's own");
}

#[test]
fn one_task_one_delivery() {
    let (mut world, crane, derrick, producer) = world();
    world.send(crane, credit(9));
    world.send(derrick, claim_for(9, secs(9)));
    world.send(derrick, credit(9));
    let replies = world.enqueue(producer, &[1]);
    assert_eq!(given(&replies), [(crane, vec![1])]);
    assert_eq!(given(&world.pass(ms(100))), []);
}

#[test]
fn an_await_is_answered_by_each_end() {
    type End = fn(&mut World, SessionId, SessionId, LeaseRef);
    let ends: [(End, StateKind); 4] = [
        (
            |world, crane, _, proof| _ = world.send(crane, complete(proof)),
            StateKind::Completed,
        ),
        (
            |world, _, producer, _| _ = world.send(producer, Command::Cancel(vec![id(1)])),
            StateKind::Cancelled,
        ),
        (
            |world, crane, _, proof| _ = world.send(crane, fail(proof)),
            StateKind::Dead,
        ),
        (|world, _, _, _| _ = world.pass(secs(30)), StateKind::Dead),
    ];
    for (end, expected) in ends {
        let (mut world, crane, derrick, producer) = world();
        let attempts_max = Some(1);
        world.send(
            producer,
            Command::Enqueue(vec![NewTask {
                attempts_max,
                ..task(1)
            }]),
        );
        let proof = world.must_take(crane);
        assert_eq!(world.send(derrick, await_for(1, secs(60))), []);
        let mut before = world.clone();
        end(&mut world, crane, producer, proof);
        let Answer::Awaited(told) = world.ask(derrick, await_for(1, secs(60))) else {
            panic!("an await of an ended task is answered at once");
        };
        assert_eq!(told.state.kind(), expected);
        let heard = heard_by(&mut before, derrick, |world| {
            end(world, crane, producer, proof)
        });
        assert_eq!(heard, [expected]);
    }
}

/// What awaits of this session are answered with, once `act` was done and time passed.
fn heard_by(world: &mut World, session: SessionId, act: impl Fn(&mut World)) -> Vec<StateKind> {
    act(world);
    let told = |reply: &Reply| match reply {
        Reply::Answer(to, _, Answer::Awaited(task)) => (*to == session).then(|| task.state.kind()),
        Reply::Answer(..) | Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => None,
    };
    let heard: Vec<_> = world.heard.iter().filter_map(told).collect();
    assert_eq!(
        world.pass(secs(100)).iter().find_map(told),
        None,
        "an await is answered once"
    );
    heard
}

#[test]
fn an_await_that_is_over_tells_the_state_as_it_is() {
    let (mut world, crane, _, producer) = world();
    world.enqueue(producer, &[1]);
    world.send(crane, await_for(1, secs(5)));
    let replies = world.pass(secs(5));
    let [Reply::Answer(to, _, Answer::Awaited(task))] = replies.as_slice() else {
        panic!("{replies:?} answers no await");
    };
    assert_eq!((*to, task.state), (crane, State::Ready));
}

#[test]
fn an_await_without_a_wait_is_a_look() {
    let (mut world, crane, _, producer) = world();
    world.enqueue(producer, &[1]);
    let look = world.ask(crane, await_for(1, ms(0)));
    assert_eq!(look, Answer::Awaited(Box::new(world.task(1).clone())));
    assert_eq!(
        world.ask(crane, await_for(2, ms(0))),
        Answer::Refused(Rejection::NoSuchTask)
    );
}
