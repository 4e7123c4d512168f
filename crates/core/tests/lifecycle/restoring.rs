//! A restart: what comes back from the durable changes alone.

use leasehold_core::*;

use crate::harness::*;

/// A pool with a task in every state, and one that was forgotten.
fn of_every_kind() -> (World, SessionId) {
    let settings = PoolSettings {
        attempts_max: 2,
        ..PoolSettings::default()
    };
    let mut world = World::new(settings);
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1, 2, 3, 4, 5, 6]);
    let proofs: Vec<LeaseRef> = (0..5).map(|_| world.must_take(crane)).collect();
    world.complete(crane, proofs[0]);
    world.cancel(crane, 2);
    world.release(crane, proofs[2]);
    world.fail(crane, proofs[3]);
    world.pass(secs(30));
    let delay = secs(60);
    world.send(crane, Command::Enqueue(vec![NewTask { delay, ..task(7) }]));
    for _ in 0..4 {
        world.must_take(crane);
    }
    world.pass(secs(30));
    world.must_take(crane);
    (world, crane)
}

fn tasks(world: &World) -> Vec<Task> {
    world.pool.tasks(None, None, usize::MAX)
}

#[test]
fn restore_is_equal_to_what_was() {
    let (mut world, _) = of_every_kind();
    for kind in StateKind::ALL {
        assert_ne!(world.count(kind), 0, "none is {kind}");
    }
    let (before, counts) = (tasks(&world), world.pool.summary().counts);
    world.restart();
    assert_eq!(tasks(&world), before);
    assert_eq!(world.pool.summary().counts, counts);
    assert_eq!(world.pool.epoch(), Epoch(2));
}

#[test]
fn the_order_is_restored() {
    let (mut world, crane) = of_every_kind();
    world.enqueue(crane, &[21, 20]);
    let mut twin = world.clone();
    twin.restart();
    twin.open(1, &node("crane", 1));
    assert_eq!(twin.take_all(SessionId(1)), world.take_all(crane));
}

#[test]
fn a_task_put_in_after_a_restart_is_behind_its_elders() {
    let (mut world, crane) = of_every_kind();
    world.cancel(crane, 7);
    world.enqueue(crane, &[99]);
    world.restart();
    world.open(1, &node("crane", 1));
    world.enqueue(crane, &[11]);
    let taken = world.take_all(crane);
    assert!(taken.ends_with(&[99, 11]), "{taken:?}");
}

#[test]
fn leases_are_never_issued_again_after_a_restart() {
    let mut world = World::new(PoolSettings::default());
    let mut granted = std::collections::BTreeSet::new();
    for restart in 0..5 {
        let crane = world.open(1, &node("crane", restart));
        world.enqueue(crane, &[1]);
        let proof = world.must_take(crane);
        assert!(
            granted.insert(proof.lease),
            "{} was granted before",
            proof.lease
        );
        assert_eq!(granted.last(), Some(&proof.lease), "lease ids grow");
        world.restart();
        world.pass(secs(60));
    }
}

#[test]
fn a_lease_from_before_the_restart_is_lost_once_another_has_the_task() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1]);
    let proof = world.must_take(crane);
    world.restart();
    world.pass(secs(10));
    let derrick = world.open(2, &node("derrick", 1));
    world.must_take(derrick);
    let back = world.open(3, &node("crane", 1));
    assert_eq!(world.complete(back, proof), LOST);
}

#[test]
fn a_delay_goes_on_over_a_restart() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    let delay = secs(60);
    world.send(crane, Command::Enqueue(vec![NewTask { delay, ..task(1) }]));
    world.pass(secs(20));
    world.restart();
    assert_eq!(world.due_in(1), Some(secs(40)));
    world.now = world.now + secs(50);
    world.restart();
    assert_eq!(
        world.state(1),
        Some(StateKind::Ready),
        "its time came while the hub was gone"
    );
}

#[test]
fn a_repeated_enqueue_after_a_restart_is_one_task() {
    let (mut world, _) = of_every_kind();
    let before = world.pool.summary().counts;
    world.restart();
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(world.pool.summary().counts, before);
    assert_eq!(world.changes, []);
}

#[test]
fn a_repeated_complete_after_a_restart_is_answered_again() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    world.enqueue(crane, &[1]);
    let proof = world.must_take(crane);
    world.complete(crane, proof);
    world.restart();
    let back = world.open(1, &node("crane", 1));
    assert_eq!(world.complete(back, proof), done());
}

/// Time of the caller may go back; the pool's does not.
#[test]
fn time_never_goes_back() {
    let mut world = World::new(PoolSettings::default());
    let crane = world.open(1, &node("crane", 1));
    world.pass(secs(100));
    let late = world.now;
    world.now = START;
    world.enqueue(crane, &[1]);
    assert_eq!(world.task(1).enqueued_at, late);
}

/// Whatever a store gives back is kept as it is, however seldom it is so.
#[test]
fn odd_tasks_come_back_as_they_were() {
    let (world, _) = of_every_kind();
    let all = tasks(&world);
    let odd: [fn(&mut Task); 12] = [
        |task| task.attempts_max = 1_000_000,
        |task| task.enqueued_at = Timestamp::from_millis(0),
        |task| task.enqueued_at = task.ready_at + limits::DELAY_MAX,
        |task| task.interruptions = 7,
        |task| task.losses_in_a_row = 7,
        |task| task.attempt += 1,
        |task| task.result_len = Some(7),
        |task| task.lease.iter_mut().for_each(|of| of.id.pool = PoolId(9)),
        |task| task.lease.iter_mut().for_each(|of| of.lease_ms = u64::MAX),
        |task| {
            task.history
                .iter_mut()
                .for_each(|of| of.lease.pool = PoolId(9))
        },
        |task| {
            task.history
                .iter_mut()
                .for_each(|of| of.reason = "odd".into())
        },
        |task| task.history.truncate(0),
    ];
    for twist in odd {
        let mut stored = all.clone();
        stored.iter_mut().for_each(twist);
        let settings = PoolSettings::default();
        let pool = Pool::restore(PoolId(1), Epoch(2), settings, world.now, stored.clone());
        assert_eq!(pool.tasks(None, None, usize::MAX), stored);
        assert!(
            stored
                .iter()
                .all(|task| pool.state(task.id) == Some(task.state))
        );
    }
}
