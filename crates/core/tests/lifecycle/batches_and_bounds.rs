//! Batches are answered item by item; each value has its bounds, and says so.

use std::time::Duration;

use leasehold_core::*;

use crate::harness::*;

fn world() -> (World, SessionId) {
    small(PoolSettings::default())
}

fn small(settings: PoolSettings) -> (World, SessionId) {
    let mut world = World::new(settings);
    let crane = world.open(1, &node("crane", 1));
    (world, crane)
}

/// The words of the refusal of this command, or of its only item.
fn refusal(world: &mut World, session: SessionId, command: Command) -> String {
    let words = match only(world.ask(session, command)) {
        Answer::Refused(refusal) => refusal.to_string(),
        Answer::Enqueued(items) => match items.as_slice() {
            [Err(refusal)] => refusal.to_string(),
            _ => panic!("{items:?} is no single refusal"),
        },
        other @ (Answer::Claimed(_)
        | Answer::Credited(_)
        | Answer::Extended(_)
        | Answer::Done(_)
        | Answer::Revived(_)
        | Answer::Awaited(_)
        | Answer::Purged(_)) => panic!("{other:?} is no refusal"),
    };
    assert_eq!(world.changes, []);
    words
}

fn enqueue(new: NewTask) -> Command {
    Command::Enqueue(vec![new])
}

#[test]
fn a_batch_is_answered_item_by_item() {
    let (mut world, crane) = world();
    world.enqueue(crane, &[1, 2]);
    let (one, two) = (world.must_take(crane), world.must_take(crane));
    let items = [one, invented(2), two, one].map(|proof| Completion {
        proof,
        result: None,
        then: vec![],
    });
    let answer = world.ask(crane, Command::Complete(items.to_vec()));
    assert_eq!(
        answer,
        Answer::Done(vec![Ok(()), Err(Rejection::LeaseLost), Ok(()), Ok(())])
    );
}

#[test]
fn an_id_twice_in_a_batch_is_one_task() {
    let (mut world, crane) = world();
    let payloads = ["first", "second"].map(|text| NewTask {
        payload: text.into(),
        ..task(1)
    });
    let answer = world.ask(crane, Command::Enqueue(payloads.to_vec()));
    let accepted = |known_as| {
        Ok(Accepted {
            id: id(1),
            known_as,
        })
    };
    assert_eq!(
        answer,
        Answer::Enqueued(vec![accepted(None), accepted(Some(StateKind::Ready))])
    );
    let [Change::Put { blob, .. }] = world.changes.as_slice() else {
        panic!("one task is one change");
    };
    assert_eq!(blob.as_deref(), Some(b"first".as_slice()));
}

#[test]
fn an_empty_batch_is_answered_with_nothing() {
    let (mut world, crane) = world();
    assert_eq!(
        world.ask(crane, Command::Complete(vec![])),
        Answer::Done(vec![])
    );
    assert_eq!(
        world.ask(crane, Command::Enqueue(vec![])),
        Answer::Enqueued(vec![])
    );
}

#[test]
fn a_batch_has_a_bound() {
    let (mut world, crane) = world();
    let max = limits::BATCH_MAX;
    let ids = |count: usize| Command::Cancel(vec![id(1); count]);
    let words = "the length of a batch is 4097, and must be 0 to 4096";
    assert_eq!(refusal(&mut world, crane, ids(max + 1)), words);
    let proofs = || vec![invented(1); max + 1];
    let batches = [
        Command::Enqueue(vec![task(1); max + 1]),
        Command::Release(proofs()),
        Command::Resume(proofs()),
        Command::Extend(proofs(), None),
        Command::Revive(Revive::Tasks(vec![id(1); max + 1])),
    ];
    for batch in batches {
        assert_eq!(refusal(&mut world, crane, batch), words);
    }
    assert!(matches!(world.ask(crane, ids(max)), Answer::Done(items) if items.len() == max));
}

#[test]
fn pool_full() {
    let (mut world, crane) = small(PoolSettings {
        tasks_max: 2,
        ..PoolSettings::default()
    });
    world.enqueue(crane, &[1, 2]);
    let full = |after| format!("the pool is full: tasks, at most 2; try again in {after}");
    assert_eq!(refusal(&mut world, crane, enqueue(task(3))), full("1s"));
    let again = world.ask(crane, enqueue(task(1)));
    assert!(
        matches!(again, Answer::Enqueued(items) if items[0].is_ok()),
        "a known id needs no room"
    );
    let proof = world.must_take(crane);
    world.complete(crane, proof);
    assert_eq!(
        refusal(&mut world, crane, enqueue(task(3))),
        full("10s"),
        "what is remembered takes room"
    );
    world.pass(secs(24 * 3600));
    world.enqueue(crane, &[3]);
    assert_eq!(world.state(3), Some(StateKind::Ready));
}

#[test]
fn bounds_of_a_task() {
    let (mut world, crane) = small(PoolSettings {
        payload_bytes_max: 3,
        ..PoolSettings::default()
    });
    let attempts = |attempts| NewTask {
        attempts_max: Some(attempts),
        ..task(1)
    };
    let delayed = |delay| NewTask { delay, ..task(1) };
    let refused = [
        (attempts(0), "attempts_max is 0, and must be 1 to 1000"),
        (
            attempts(1001),
            "attempts_max is 1001, and must be 1 to 1000",
        ),
        (
            delayed(limits::DELAY_MAX + ms(1)),
            "the delay in milliseconds is 3153600000001, and must be 0 to 3153600000000",
        ),
        (
            NewTask {
                payload: "1234".into(),
                ..task(1)
            },
            "the payload's length in bytes is 4, and must be 0 to 3",
        ),
    ];
    for (new, words) in refused {
        assert_eq!(refusal(&mut world, crane, enqueue(new)), words);
    }
    for (number, new) in (1..).zip([attempts(1), attempts(1000), delayed(limits::DELAY_MAX)]) {
        world.send(
            crane,
            enqueue(NewTask {
                id: id(number),
                ..new
            }),
        );
        assert!(world.state(number).is_some());
    }
}

#[test]
fn bounds_of_a_claim() {
    let (mut world, crane) = world();
    let tasks = "the number of tasks claimed";
    let of = |tasks_max, lease| {
        Command::Claim(Claim {
            tasks_max,
            wait: ms(0),
            lease: Some(lease),
        })
    };
    let lease = "the lease in milliseconds";
    let refused = [
        (claim(0), format!("{tasks} is 0, and must be 1 to 4096")),
        (
            claim(4097),
            format!("{tasks} is 4097, and must be 1 to 4096"),
        ),
        (
            of(1, ms(99)),
            format!("{lease} is 99, and must be 100 to 86400000"),
        ),
        (
            of(1, secs(86_401)),
            format!("{lease} is 86401000, and must be 100 to 86400000"),
        ),
        (
            claim_for(1, secs(3601)),
            "the wait in milliseconds is 3601000, and must be 0 to 3600000".to_string(),
        ),
    ];
    for (command, words) in refused {
        assert_eq!(refusal(&mut world, crane, command), words);
    }
    for lease in [limits::LEASE_MIN, limits::LEASE_MAX] {
        assert_eq!(
            world.ask(crane, of(limits::CLAIM_MAX, lease)),
            Answer::Claimed(vec![])
        );
    }
    assert_eq!(world.send(crane, claim_for(1, limits::WAIT_MAX)), []);
}

/// A pool whose longest payload has a hundred bytes, and tasks with payloads of these lengths.
fn weighing(lengths: &[usize]) -> (World, SessionId) {
    let (mut world, crane) = small(PoolSettings {
        payload_bytes_max: 100,
        ..PoolSettings::default()
    });
    for (number, length) in (1..).zip(lengths) {
        let payload = vec![0; *length].into();
        world.send(
            crane,
            enqueue(NewTask {
                payload,
                ..task(number)
            }),
        );
    }
    (world, crane)
}

/// Each grant weighs 64 bytes beside its payload.
#[test]
fn a_claim_stops_at_the_weight_of_the_longest_payload() {
    let (mut world, crane) = weighing(&[18, 18, 0, 18, 19, 100, 0]);
    assert_eq!(world.take_all(crane), [1, 2], "82 and 82 of 164");
    assert_eq!(world.take_all(crane), [3, 4]);
    assert_eq!(world.take_all(crane), [5], "none goes before its turn");
    assert_eq!(world.take_all(crane), [6]);
    assert_eq!(world.take_all(crane), [7]);
}

#[test]
fn a_parked_claim_stops_there_too_and_the_next_goes_on() {
    let (mut world, crane) = weighing(&[]);
    let derrick = world.open(2, &node("derrick", 1));
    for session in [crane, derrick] {
        world.send(session, claim_for(9, secs(60)));
    }
    world.enqueue(crane, &[1, 2, 3]);
    let held: Vec<_> = world.pool.holdings().collect();
    assert_eq!(held, [(crane, 2), (derrick, 1)]);
}

/// It was put in before the pool's bound was lowered.
#[test]
fn a_payload_longer_than_the_longest_is_granted_alone() {
    let (mut world, _) = weighing(&[100, 0]);
    let lower = PoolSettings {
        payload_bytes_max: 10,
        ..PoolSettings::default()
    };
    world.pool = Pool::restore(PoolId(1), Epoch(2), lower, world.now, world.store.load());
    let crane = world.open(1, &node("crane", 1));
    assert_eq!(world.take_all(crane), [1]);
    assert_eq!(world.take_all(crane), [2]);
}

#[test]
fn bounds_of_credit() {
    let (mut world, crane) = world();
    assert_eq!(world.ask(crane, credit(4000)), Answer::Credited(4000));
    let words = "the credit of a session in a pool is 4097, and must be 0 to 4096";
    assert_eq!(refusal(&mut world, crane, credit(97)), words);
    assert_eq!(world.ask(crane, credit(96)), Answer::Credited(4096));
    let words = "the credit of a session in a pool is 4294967295, and must be 0 to 4096";
    assert_eq!(refusal(&mut world, crane, credit(u32::MAX)), words);
    let lease = Some(ms(1));
    let words = "the lease in milliseconds is 1, and must be 100 to 86400000";
    assert_eq!(
        refusal(
            &mut world,
            crane,
            Command::Credit(Credit { tasks: 0, lease })
        ),
        words
    );
}

#[test]
fn bounds_of_an_extension() {
    let (mut world, crane) = world();
    world.enqueue(crane, &[1]);
    let proof = world.must_take(crane);
    let words = "the lease in milliseconds is 0, and must be 100 to 86400000";
    let none = Command::Extend(vec![proof], Some(Duration::ZERO));
    assert_eq!(refusal(&mut world, crane, none), words);
    assert_eq!(world.due_in(1), Some(secs(30)));
}

#[test]
fn bounds_of_a_result() {
    let (mut world, crane) = small(PoolSettings {
        result_bytes_max: 3,
        ..PoolSettings::default()
    });
    world.enqueue(crane, &[1]);
    let proof = world.must_take(crane);
    let with = |text: &'static str| {
        Command::Complete(vec![Completion {
            proof,
            result: Some(text.into()),
            then: vec![],
        }])
    };
    let words = "the result's length in bytes is 4, and must be 0 to 3";
    assert_eq!(refusal(&mut world, crane, with("1234")), words);
    assert_eq!(world.state(1), Some(StateKind::Claimed));
    assert_eq!(only(world.ask(crane, with("123"))), done());
    assert_eq!(world.task(1).result_len, Some(3));
    let [Change::Put { blob, .. }] = world.changes.as_slice() else {
        panic!("a completion is one change");
    };
    assert_eq!(blob.as_deref(), Some(b"123".as_slice()));
}

#[test]
fn bounds_of_what_is_parked() {
    let (mut world, crane) = world();
    let delay = secs(600);
    world.send(crane, enqueue(NewTask { delay, ..task(1) }));
    for parked in 0..limits::PARKED_MAX {
        let command = if parked % 2 == 0 {
            claim_for(1, secs(9))
        } else {
            await_for(1, secs(9))
        };
        assert_eq!(world.send(crane, command), []);
    }
    let words = "the number of requests parked in a pool is 257, and must be 0 to 256";
    assert_eq!(refusal(&mut world, crane, claim_for(1, secs(9))), words);
    assert_eq!(refusal(&mut world, crane, await_for(1, secs(9))), words);
    assert_eq!(world.ask(crane, credit(1)), Answer::Credited(1));
    assert_eq!(
        world.ask(crane, claim(1)),
        Answer::Claimed(vec![]),
        "what does not wait is not parked"
    );
}

#[test]
fn credit_takes_no_place_of_what_is_parked() {
    let (mut world, crane) = world();
    world.send(crane, credit(1));
    for _ in 0..limits::PARKED_MAX {
        assert_eq!(world.send(crane, claim_for(1, secs(9))), []);
    }
}

#[test]
fn a_cancel_of_what_has_ended_otherwise_is_refused_with_the_state() {
    let (mut world, crane) = world();
    world.enqueue(crane, &[1]);
    let proof = world.must_take(crane);
    assert_eq!(world.complete(crane, proof), done());
    let words = "the task is completed already";
    assert_eq!(
        refusal(&mut world, crane, Command::Cancel(vec![id(1)])),
        words
    );
    let words = "no such task is known";
    assert_eq!(
        refusal(&mut world, crane, Command::Cancel(vec![id(2)])),
        words
    );
}
