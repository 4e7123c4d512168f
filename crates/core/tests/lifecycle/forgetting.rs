//! How long ended tasks are remembered.

use leasehold_core::*;

use crate::harness::*;

fn world(settings: PoolSettings) -> (World, SessionId) {
    let mut world = World::new(settings);
    let crane = world.open(1, &node("crane", 1));
    (world, crane)
}

/// Enqueues, claims and completes each task, a second apart.
fn complete_each(world: &mut World, session: SessionId, numbers: &[u128]) {
    for number in numbers {
        world.enqueue(session, &[*number]);
        let proof = world.must_take(session);
        world.complete(session, proof);
        world.pass(secs(1));
    }
}

fn known(world: &World) -> Vec<u128> {
    world
        .pool
        .tasks(None, None, usize::MAX)
        .iter()
        .map(|task| task.id.as_u128())
        .collect()
}

#[test]
fn completed_tasks_are_forgotten_by_age() {
    let (mut world, crane) = world(PoolSettings {
        completed_kept_for: secs(10),
        ..PoolSettings::default()
    });
    complete_each(&mut world, crane, &[1, 2]);
    world.pass(ms(7_999));
    assert_eq!(known(&world), [1, 2]);
    world.pass(ms(1));
    assert_eq!(
        (known(&world), world.changes.as_slice()),
        (vec![2], [Change::Forget(id(1))].as_slice())
    );
    world.pass(secs(1));
    assert!(known(&world).is_empty() && world.store.0.is_empty());
    assert_eq!(world.pool.next_deadline(), None);
}

#[test]
fn completed_tasks_are_forgotten_by_number_the_oldest_first() {
    let (mut world, crane) = world(PoolSettings {
        completed_kept_max: 2,
        ..PoolSettings::default()
    });
    complete_each(&mut world, crane, &[3, 1, 2]);
    assert_eq!(known(&world), [1, 2]);
    world.enqueue(crane, &[9]);
    world.cancel(crane, 9);
    assert_eq!(known(&world), [2, 9]);
}

#[test]
fn a_pool_may_remember_nothing() {
    let settings = PoolSettings {
        completed_kept_max: 0,
        ..PoolSettings::default()
    };
    let (mut world, crane) = world(settings);
    world.enqueue(crane, &[1]);
    let proof = world.must_take(crane);
    assert_eq!(world.complete(crane, proof), done());
    assert!(known(&world).is_empty() && world.store.0.is_empty());
}

#[test]
fn dead_tasks_are_forgotten_by_their_own_age_only() {
    let settings = PoolSettings {
        completed_kept_for: secs(1),
        completed_kept_max: 0,
        dead_kept_for: secs(100),
        attempts_max: 1,
        ..PoolSettings::default()
    };
    let (mut world, crane) = world(settings);
    world.enqueue(crane, &[1]);
    let proof = world.must_take(crane);
    world.fail(crane, proof);
    world.pass(ms(99_999));
    assert_eq!(world.state(1), Some(StateKind::Dead));
    world.pass(ms(1));
    assert_eq!(world.state(1), None);
}

#[test]
fn a_live_task_is_never_forgotten() {
    let settings = PoolSettings {
        completed_kept_max: 0,
        ..PoolSettings::default()
    };
    let (mut world, crane) = world(settings);
    world.enqueue(crane, &[1]);
    world.pass(limits::DELAY_MAX);
    assert_eq!(world.state(1), Some(StateKind::Ready));
}

/// Where the clock begins at zero, nothing is older than it is.
#[test]
fn a_task_that_ended_at_time_zero_is_kept_as_long_as_any() {
    let zero = Timestamp::from_millis(0);
    let mut pool = Pool::restore(PoolId(1), Epoch(1), PoolSettings::default(), zero, vec![]);
    let mut out = Transition::default();
    let (session, request) = (SessionId(1), RequestId(1));
    let commands = [
        Command::Open(node("crane", 1)),
        Command::Enqueue(vec![task(1)]),
        Command::Cancel(vec![id(1)]),
    ];
    for command in commands {
        pool.apply(zero, session, request, command, &mut out);
    }
    pool.advance(Timestamp::from_millis(1), &mut out);
    assert!(pool.task(id(1)).is_some());
}
