//! Follow-ups, and tasks that wait for others.

use leasehold_core::{limits::*, *};

use crate::harness::*;

pub(super) const P: SessionId = SessionId(1);
pub(super) const W: SessionId = SessionId(2);

pub(super) fn world() -> World {
    with(PoolSettings::default())
}

pub(super) fn with(settings: PoolSettings) -> World {
    let mut world = World::new(settings);
    world.open(1, &node("producer", 1));
    world.open(2, &node("worker", 1));
    world
}

pub(super) fn in_partitions() -> World {
    with(PoolSettings {
        partitions: 2,
        ..PoolSettings::default()
    })
}

/// After a restart nobody's session is there.
pub(super) fn restart(world: &mut World) {
    world.restart();
    world.open(1, &node("producer", 1));
    world.open(2, &node("worker", 1));
}

fn after<const N: usize>(number: u128, parents: [u128; N]) -> NewTask {
    waiting(number, parents, false)
}

fn waiting<const N: usize>(number: u128, parents: [u128; N], any_end: bool) -> NewTask {
    let tasks = parents.map(id).into();
    wishing(number, [Wish::After { tasks, any_end }])
}

pub(super) fn is_new(number: u128) -> Result<Accepted, Rejection> {
    let known_as = None;
    let id = id(number);
    Ok(Accepted { id, known_as })
}

fn then<const N: usize>(proof: LeaseRef, then: [NewTask; N]) -> Command {
    let (result, then) = (None, then.into());
    Command::Complete(vec![Completion {
        proof,
        result,
        then,
    }])
}

/// Claims this task, which must be the next, and ends it so.
pub(super) fn finish(world: &mut World, number: u128, end: impl Fn(LeaseRef) -> Command) {
    let proof = world.must_take(W);
    assert_eq!(proof.task, id(number));
    assert_eq!(only(world.ask(W, end(proof))), done());
}

pub(super) fn batch(world: &mut World, tasks: Vec<NewTask>) -> Vec<Result<Accepted, Rejection>> {
    match world.ask(P, Command::Enqueue(tasks)) {
        Answer::Enqueued(items) => items,
        other @ (Answer::Claimed(_)
        | Answer::Credited(_)
        | Answer::Extended(_)
        | Answer::Done(_)
        | Answer::Revived(_)
        | Answer::Awaited(_)
        | Answer::Refused(_)
        | Answer::Purged(_)) => panic!("{other:?}"),
    }
}

#[test]
fn what_follows_a_completion_comes_in_the_same_commit() {
    let mut world = world();
    world.put(P, task(1)).expect("it is new");
    finish(&mut world, 1, |proof| {
        then(proof, [task(2), after(3, [1, 2])])
    });
    let put = |change: &Change| change.task_id();
    let told: Vec<_> = world.changes.iter().filter_map(put).collect();
    assert_eq!(told, [id(1), id(2), id(3)]);
    assert_eq!(world.state(2), Some(StateKind::Ready));
    assert_eq!(world.state(3), Some(StateKind::Scheduled));
    finish(&mut world, 2, complete);
    finish(&mut world, 3, complete);
}

#[test]
fn a_completion_that_is_said_again_enqueues_nothing_more() {
    let mut world = world();
    world.put(P, task(1)).expect("it is new");
    let proof = world.must_take(W);
    for _ in 0..2 {
        assert_eq!(only(world.ask(W, then(proof, [task(2)]))), done());
    }
    assert_eq!(world.changes, []);
    restart(&mut world);
    assert_eq!(only(world.ask(W, then(proof, [task(9)]))), done());
    assert_eq!((world.count(StateKind::Ready), world.state(9)), (1, None));
}

#[test]
fn one_bad_follow_up_leaves_the_task_held_and_nothing_enqueued() {
    let bad = [
        after(3, [7]),
        after(3, [3]),
        wishing(3, [Wish::ExpiresAfter(0)]),
        NewTask {
            attempts_max: Some(0),
            ..task(3)
        },
    ];
    for wrong in bad {
        let mut world = world();
        world.put(P, task(1)).expect("it is new");
        let proof = world.must_take(W);
        let refused = only(world.ask(W, then(proof, [task(2), wrong])));
        assert!(matches!(refused, Answer::Refused(_)), "{refused:?}");
        assert_eq!(world.changes, []);
        assert_eq!(world.state(1), Some(StateKind::Claimed));
        assert_eq!(world.state(2), None);
        assert_eq!(world.complete(W, proof), done());
    }
}

fn keyed(number: u128, window_ms: Option<u64>) -> NewTask {
    let key = "one".into();
    wishing(number, [Wish::Key { key, window_ms }])
}

/// With a window it has its key still, and what has the same key is it: so nobody waits for that.
#[test]
fn what_follows_has_the_key_of_its_task_where_that_gives_it_back() {
    for (window_ms, is_free) in [(None, true), (Some(1000), false)] {
        let mut world = world();
        world.put(P, keyed(1, window_ms)).expect("it is new");
        let proof = world.must_take(W);
        let both = then(proof, [keyed(2, window_ms), after(3, [2])]);
        let said = match is_free {
            true => done(),
            false => Answer::Refused(Rejection::UnknownParent(id(2))),
        };
        assert_eq!(only(world.ask(W, both)), said);
        let known = [2, 3].map(|number| world.state(number).is_some());
        assert_eq!(known, [is_free; 2]);
        let one = then(proof, [keyed(2, window_ms)]);
        assert_eq!(only(world.ask(W, one)), done());
        assert_eq!(world.state(2).is_some(), is_free);
    }
}

#[test]
fn a_follow_up_that_is_another_task_by_its_key_is_nobodys_parent() {
    let mut world = world();
    world.put(P, task(1)).expect("it is new");
    world.put(P, keyed(9, None)).expect("it is new");
    let proof = world.must_take(W);
    let refused = then(proof, [task(2), keyed(3, None), after(4, [3])]);
    let nobody = Answer::Refused(Rejection::UnknownParent(id(3)));
    assert_eq!(only(world.ask(W, refused)), nobody);
    assert_eq!(world.changes, []);
    assert_eq!(world.state(1), Some(StateKind::Claimed));
    let good = then(proof, [keyed(3, None), after(4, [9])]);
    assert_eq!(only(world.ask(W, good)), done());
    assert_eq!(
        (world.state(3), world.state(4)),
        (None, Some(StateKind::Scheduled))
    );
}

#[test]
fn follow_ups_are_bounded_by_number_bytes_and_room() {
    let many = |count: u128| (2..2 + count).map(task).collect::<Vec<_>>();
    let ask = |world: &mut World, then: Vec<NewTask>| {
        let proof = world.must_take(W);
        let result = None;
        world.ask(
            W,
            Command::Complete(vec![Completion {
                proof,
                result,
                then,
            }]),
        )
    };
    let max = FOLLOW_UPS_MAX as u128;
    let settings = PoolSettings {
        tasks_max: 4,
        ..PoolSettings::default()
    };
    let half = NewTask {
        payload: vec![0; BLOB_BYTES_MAX / 2 + 1].into(),
        ..task(2)
    };
    let other = NewTask {
        id: id(3),
        ..half.clone()
    };
    let rows = [
        (PoolSettings::default(), many(max), true),
        (PoolSettings::default(), many(max + 1), false),
        (PoolSettings::default(), vec![half, other], false),
        (settings.clone(), many(3), true),
        (settings, many(4), false),
    ];
    for (row, (settings, then, fits)) in rows.into_iter().enumerate() {
        let mut world = with(settings);
        world.put(P, task(1)).expect("it is new");
        let answer = ask(&mut world, then);
        assert_eq!(answer == done(), fits, "{row}: {answer:?}");
    }
    let mut world = in_partitions();
    world.put(P, task(1)).expect("it is new");
    assert_ne!(ask(&mut world, many(1)), done());
}

#[test]
fn a_task_waits_until_all_its_parents_have_completed() {
    let mut world = world();
    let tasks = vec![task(1), task(2), after(3, [1, 2]), after(4, [3])];
    batch(&mut world, tasks);
    assert_eq!(world.count(StateKind::Scheduled), 2);
    assert_eq!(world.due_in(3), None, "no clock frees it");
    finish(&mut world, 1, complete);
    restart(&mut world);
    assert_eq!(world.state(3), Some(StateKind::Scheduled));
    finish(&mut world, 2, complete);
    finish(&mut world, 3, complete);
    finish(&mut world, 4, complete);
    // All that it waits for has been: it waits for nothing.
    assert_eq!(world.put(P, after(5, [1, 4])), is_new(5));
    assert_eq!(world.state(5), Some(StateKind::Ready));
}

#[test]
fn its_own_moment_comes_after_its_parents() {
    let mut world = world();
    let run_at = world.now + secs(60);
    let tasks = [id(1)].into();
    let any_end = false;
    let child = wishing(2, [Wish::After { tasks, any_end }, Wish::RunAt(run_at)]);
    let soon = NewTask {
        delay: secs(5),
        ..after(3, [1])
    };
    let expiring = wishing(
        4,
        [
            Wish::After {
                tasks: [id(1)].into(),
                any_end,
            },
            Wish::ExpiresAfter(7_000),
        ],
    );
    batch(&mut world, vec![task(1), child, soon, expiring]);
    world.pass(secs(20));
    restart(&mut world);
    finish(&mut world, 1, complete);
    assert_eq!(world.due_in(2), Some(secs(40)));
    assert_eq!(world.state(3), Some(StateKind::Ready));
    // It has waited for its turn since now.
    world.pass(ms(6_999));
    assert_eq!(world.state(4), Some(StateKind::Ready));
    world.pass(ms(1));
    assert_eq!(world.death(4), Some(Death::Expired));
}

#[test]
fn what_every_end_of_a_parent_means() {
    type End = fn(&mut World);
    let completes: End = |world| finish(world, 1, complete);
    let dies: End = |world| finish(world, 1, |proof| fail_so(proof, AfterFailure::Never));
    let cancelled: End = |world| _ = world.cancel(P, 1);
    let forgotten: End = |world| {
        finish(world, 1, |proof| fail_so(proof, AfterFailure::Never));
        world.pass(PoolSettings::default().dead_kept_for);
    };
    let rows = [
        (completes, false, "ready"),
        (completes, true, "ready"),
        (dies, false, "scheduled"),
        (dies, true, "ready"),
        (cancelled, false, "dead"),
        (cancelled, true, "ready"),
        (forgotten, false, "dead"),
        (forgotten, true, "ready"),
    ];
    for (row, (end, any_end, state)) in rows.into_iter().enumerate() {
        let mut world = world();
        batch(&mut world, vec![task(1), waiting(2, [1], any_end)]);
        end(&mut world);
        let kind = world.task(2).state.kind();
        assert_eq!(kind.as_str(), state, "{row}");
        restart(&mut world);
        assert_eq!(world.task(2).state.kind(), kind, "{row} after a restart");
    }
}

#[test]
fn a_purge_takes_no_task_with_it_that_has_not_ended() {
    let mut world = world();
    batch(&mut world, vec![task(1), after(2, [1]), task(3)]);
    finish(&mut world, 1, |proof| fail_so(proof, AfterFailure::Never));
    world.cancel(P, 3);
    let purge = || Command::Purge(vec![], 10);
    assert_eq!(world.ask(P, purge()), Answer::Purged(1));
    assert_eq!(world.state(1), Some(StateKind::Dead));
    assert_eq!(world.state(2), Some(StateKind::Scheduled));
    world.cancel(P, 2);
    assert_eq!(world.ask(P, purge()), Answer::Purged(2));
}

#[test]
fn a_dead_parent_is_explained_revived_and_the_child_runs() {
    let mut world = world();
    batch(&mut world, vec![task(1), after(2, [1])]);
    finish(&mut world, 1, |proof| fail_so(proof, AfterFailure::Never));
    let why = |world: &World| world.pool.explain_waiting(&world.task(2));
    let said = why(&world).expect("it waits");
    assert!(
        said.contains("hopeless") && said.contains("revive it"),
        "{said}"
    );
    restart(&mut world);
    world.revive(P, 1);
    finish(&mut world, 1, complete);
    assert_eq!(why(&world), None);
    finish(&mut world, 2, complete);
}

#[test]
fn a_parent_that_is_called_off_takes_down_all_that_hangs_on_it() {
    let mut world = world();
    let chain = vec![task(1), after(2, [1]), after(3, [2]), waiting(4, [3], true)];
    batch(&mut world, chain);
    world.cancel(P, 1);
    assert_eq!(world.death(2), Some(Death::ParentGone));
    assert_eq!(world.death(3), Some(Death::ParentGone));
    assert_eq!(world.state(4), Some(StateKind::Ready), "any end will do");
    let said = world.pool.explain_waiting(&world.task(2));
    assert!(said.expect("it waited").contains("is cancelled"));
    restart(&mut world);
    // Brought back, in whatever order, they wait for each other as before.
    world.revive(P, 3);
    assert_eq!(world.state(3), Some(StateKind::Scheduled));
    world.revive(P, 2);
    assert_eq!(world.take_all(W), [2, 4]);
    assert_eq!(world.state(3), Some(StateKind::Scheduled));
}

#[test]
fn a_child_that_comes_after_its_parents_end_is_settled_at_once() {
    let mut world = world();
    batch(&mut world, vec![task(1), task(2)]);
    world.cancel(P, 1);
    assert_eq!(world.put(P, after(3, [1])), is_new(3));
    assert_eq!(world.death(3), Some(Death::ParentGone));
    assert_eq!(world.put(P, waiting(4, [1], true)), is_new(4));
    assert_eq!(world.state(4), Some(StateKind::Ready));
    finish(&mut world, 2, |proof| fail_so(proof, AfterFailure::Never));
    assert_eq!(world.put(P, after(5, [2])), is_new(5));
    assert_eq!(world.state(5), Some(StateKind::Scheduled));
}

#[test]
fn unknown_parents_and_rings_are_refused() {
    let mut world = world();
    let unknown = |number| Err(Rejection::UnknownParent(id(number)));
    let ring = |number| Err(Rejection::Cycle(id(number)));
    assert_eq!(world.put(P, after(1, [9])), unknown(9));
    assert_eq!(world.put(P, after(1, [1])), ring(1));
    let answers = batch(&mut world, vec![after(1, [2]), task(2)]);
    assert_eq!(answers, [unknown(2), is_new(2)], "parents come first");
    let tasks = vec![
        after(3, [2, 5]),
        after(4, [3]),
        after(5, [4]),
        after(6, [5]),
    ];
    let answers = batch(&mut world, tasks);
    assert_eq!(answers, [ring(3), ring(4), ring(5), unknown(5)]);
    let tasks = vec![id(2); AFTER_MAX + 1];
    let any_end = false;
    let many = wishing(7, [Wish::After { tasks, any_end }]);
    assert!(matches!(
        world.put(P, many),
        Err(Rejection::OutOfBounds { .. })
    ));
    let none = wishing(
        7,
        [Wish::After {
            tasks: vec![],
            any_end,
        }],
    );
    assert!(matches!(
        world.put(P, none),
        Err(Rejection::OutOfBounds { .. })
    ));
    let mut world = in_partitions();
    world.put(P, task(1)).expect("it is new");
    let refused = world.put(P, after(2, [1]));
    assert!(matches!(refused, Err(Rejection::Unsupported(_))));
}

#[test]
fn ten_thousand_children_are_freed_in_slices() {
    let mut world = world();
    world.put(P, task(1)).expect("it is new");
    many(&mut world, 10_000, |number| after(number, [1]));
    finish(&mut world, 1, complete);
    let freed = world.count(StateKind::Ready);
    assert!((1..10_000).contains(&freed), "{freed} at once");
    look_until_quiet(&mut world);
    assert_eq!(world.count(StateKind::Ready), 10_000);
}

#[test]
fn a_chain_of_ten_thousand_ends_with_its_first() {
    let mut world = world();
    world.put(P, task(1)).expect("it is new");
    many(&mut world, 10_000, |number| after(number, [number - 1]));
    world.cancel(P, 1);
    look_until_quiet(&mut world);
    assert_eq!(world.count(StateKind::Dead), 10_000);
}

/// So many tasks from number 2 on.
fn many(world: &mut World, count: u128, new: impl Fn(u128) -> NewTask) {
    let numbers: Vec<u128> = (2..2 + count).collect();
    for numbers in numbers.chunks(BATCH_MAX) {
        batch(world, numbers.iter().map(|number| new(*number)).collect());
    }
}

/// As a hub does that is told that more is due.
fn look_until_quiet(world: &mut World) {
    while world.pool.next_deadline().is_some_and(|at| at <= world.now) {
        world.look();
    }
}

#[test]
fn an_end_is_not_forgotten_before_all_who_waited_have_heard() {
    let settings = PoolSettings {
        completed_kept_max: 0,
        ..PoolSettings::default()
    };
    let mut world = with(settings);
    world.put(P, task(1)).expect("it is new");
    many(&mut world, 8000, |number| after(number, [1]));
    finish(&mut world, 1, complete);
    restart(&mut world);
    look_until_quiet(&mut world);
    assert_eq!(world.state(1), None);
    assert_eq!(world.count(StateKind::Ready), 8000);
}

#[test]
fn a_childs_id_comes_of_its_parents() {
    let parent = TaskId::from_u128(0x0123_4567_89ab_7000_8000_0000_0000_0001);
    // Golden: whoever is interrupted may go on with a later version.
    assert_eq!(parent.child(0).to_string(), CHILD);
    assert_ne!(parent.child(0), parent.child(1));
    assert_ne!(parent.child(0), TaskId::from_u128(7).child(0));
}

const CHILD: &str = "01234567-89ab-8019-9a52-b0826d5ae25b";
