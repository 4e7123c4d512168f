//! How long a task may wait to be claimed.

use leasehold_core::*;

use crate::harness::*;

const TTL: u64 = 10_000;

fn world(settings: PoolSettings) -> (World, SessionId) {
    let mut world = World::new(settings);
    let crane = world.open(1, &node("crane", 1));
    (world, crane)
}

/// A task that may wait ten seconds.
fn expiring() -> (World, SessionId) {
    let (mut world, crane) = world(PoolSettings::default());
    let new = wishing(1, [Wish::ExpiresAfter(TTL)]);
    assert!(world.put(crane, new).is_ok());
    (world, crane)
}

#[test]
fn a_task_expires_at_the_very_millisecond() {
    let (mut world, crane) = expiring();
    world.pass(ms(TTL - 1));
    assert_eq!(world.state(1), Some(StateKind::Ready));
    assert_eq!(world.pool.next_deadline(), Some(world.now + ms(1)));
    world.pass(ms(1));
    assert_eq!(world.death(1), Some(Death::Expired));
    assert!(matches!(
        world.changes[..],
        [Change::Put {
            cause: Cause::Expired,
            ..
        }]
    ));
    assert_eq!(world.take(crane), None);
}

#[test]
fn whoever_waits_for_its_end_is_told() {
    let (mut world, crane) = expiring();
    assert_eq!(world.send(crane, await_for(1, secs(60))), []);
    let replies = world.pass(ms(TTL));
    let [Reply::Answer(_, _, Answer::Awaited(task))] = &replies[..] else {
        panic!("{replies:?}")
    };
    assert_eq!(task.state.kind(), StateKind::Dead);
}

#[test]
fn it_is_claimed_to_the_last_moment_and_then_runs_as_long_as_it_runs() {
    let (mut world, crane) = expiring();
    world.pass(ms(TTL - 1));
    let proof = world.must_take(crane);
    world.pass(secs(20));
    assert_eq!(world.complete(crane, proof), done());
}

#[test]
fn one_that_is_given_back_too_late_is_dead_at_once() {
    type Back = fn(&mut World, SessionId, LeaseRef);
    let ways: [(Back, bool); 4] = [
        (|world, crane, proof| _ = world.release(crane, proof), false),
        (|world, crane, proof| _ = world.fail(crane, proof), false),
        (|world, _, _| _ = world.pass(secs(20)), true),
        (
            |world, crane, _| _ = world.end(crane, Ending::Silence),
            false,
        ),
    ];
    for (back, is_told) in ways {
        let (mut world, crane) = expiring();
        let proof = world.must_take(crane);
        world.pass(ms(TTL));
        back(&mut world, crane, proof);
        assert_eq!(world.death(1), Some(Death::Expired));
        let told = Reply::Revoke(crane, proof, Revocation::Lost);
        assert_eq!(world.heard.contains(&told), is_told);
    }
}

#[test]
fn the_holder_of_a_kept_lease_is_told_when_its_task_expires() {
    let (mut world, crane) = world(PoolSettings {
        lease: secs(5),
        ..PoolSettings::default()
    });
    let new = wishing(1, [Wish::ExpiresAfter(TTL)]);
    assert!(world.put(crane, new).is_ok());
    let proof = world.must_take(crane);
    world.pass(secs(5));
    assert_eq!(world.state(1), Some(StateKind::Ready), "its lease is kept");
    assert_eq!(
        world.pass(secs(5)),
        [Reply::Revoke(crane, proof, Revocation::Lost)]
    );
    assert_eq!(world.complete(crane, proof), LOST);
}

#[test]
fn the_clock_runs_while_it_backs_off() {
    let (mut world, crane) = expiring();
    let proof = world.must_take(crane);
    let then = AfterFailure::Wait(secs(3600));
    assert_eq!(world.ask(crane, fail_so(proof, then)), done());
    world.pass(ms(TTL - 1));
    assert_eq!(world.state(1), Some(StateKind::Scheduled));
    world.pass(ms(1));
    assert_eq!(world.death(1), Some(Death::Expired));
}

#[test]
fn the_clock_begins_when_a_scheduled_task_is_ready() {
    let (mut world, crane) = world(PoolSettings::default());
    let wishes = [Wish::RunAt(world.now + secs(60)), Wish::ExpiresAfter(TTL)];
    assert!(world.put(crane, wishing(1, wishes)).is_ok());
    world.pass(secs(60) + ms(TTL - 1));
    assert_eq!(world.state(1), Some(StateKind::Ready));
    world.pass(ms(1));
    assert_eq!(world.death(1), Some(Death::Expired));
}

#[test]
fn a_revived_task_counts_from_its_revival() {
    let (mut world, crane) = expiring();
    world.pass(secs(60));
    world.revive(crane, 1);
    world.pass(ms(TTL - 1));
    assert_eq!(world.state(1), Some(StateKind::Ready));
    world.pass(ms(1));
    assert_eq!(world.death(1), Some(Death::Expired));
}

#[test]
fn a_restart_changes_nothing_of_it() {
    let (mut world, _) = expiring();
    world.pass(ms(TTL - 1));
    world.restart();
    assert_eq!(world.state(1), Some(StateKind::Ready));
    world.pass(ms(1));
    assert_eq!(world.death(1), Some(Death::Expired));
    world.restart();
    assert_eq!(world.death(1), Some(Death::Expired));
}

#[test]
fn one_that_expired_while_the_hub_was_gone_is_dead_when_it_is_back() {
    let (mut world, _) = expiring();
    world.now = world.now + ms(TTL);
    world.restart();
    assert_eq!(world.death(1), Some(Death::Expired));
}

#[test]
fn a_pool_may_say_it_for_all_and_a_change_of_mind_moves_none() {
    let (mut world, crane) = world(PoolSettings {
        expires_after: Some(ms(TTL)),
        ..PoolSettings::default()
    });
    world.enqueue(crane, &[1]);
    let own = wishing(2, [Wish::ExpiresAfter(2 * TTL)]);
    assert!(world.put(crane, own).is_ok());
    world.pass(ms(TTL));
    assert_eq!(world.death(1), Some(Death::Expired));
    assert_eq!(world.state(2), Some(StateKind::Ready));
}

/// More than one call ends: whoever claims meanwhile is granted none of them.
#[test]
fn what_is_over_is_not_granted_though_nothing_ended_it_yet() {
    let (mut world, crane) = world(PoolSettings::default());
    let many = 2 * u128::try_from(limits::DUE_MAX).unwrap();
    let all = (1..=many).map(|number| wishing(number, [Wish::ExpiresAfter(TTL)]));
    world.send(crane, Command::Enqueue(all.collect()));
    world.enqueue(crane, &[many + 1]);
    world.now = world.now + ms(TTL);
    assert_eq!(world.take(crane), None);
    assert!(world.count(StateKind::Ready) > 1, "it is done in slices");
    assert!(world.pool.next_deadline() <= Some(world.now));
    world.pass(ms(0));
    assert_eq!(world.count(StateKind::Dead), u64::try_from(many).unwrap());
    assert_eq!(world.must_take(crane).task, id(many + 1));
}
