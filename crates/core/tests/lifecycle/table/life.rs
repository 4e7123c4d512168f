//! States that only limits of time and the word of a holder bring about, x every verb; and what a
//! failure with such a word makes of every state.

use leasehold_core::*;

use super::{
    check, check_on,
    starts::{Scene, Start, enqueued},
};
use crate::harness::*;

const LIMITED: [(&str, Start); 5] = [
    ("dead: expired", || {
        wishing_for(Wish::ExpiresAfter(10_000)).after(secs(10))
    }),
    ("dead: hopeless", || {
        let mut scene = wishing_for(Wish::ExpiresAfter(10_000)).i_take_it();
        scene
            .world
            .send(scene.me, fail_so(scene.mine, AfterFailure::Never));
        scene
    }),
    ("ready: overran", || {
        wishing_for(Wish::MaxRuntime(10_000))
            .i_take_it()
            .after(secs(610))
    }),
    ("scheduled: TTL behind it", || {
        let mut scene = wishing_for(Wish::ExpiresAfter(700_000)).i_take_it();
        scene.world.fail(scene.me, scene.mine);
        scene
    }),
    ("claimed: runtime is short", || {
        wishing_for(Wish::MaxRuntime(10_000)).i_take_it()
    }),
];

fn wishing_for(wish: Wish) -> Scene {
    enqueued(wishing(1, [wish]))
}

fn restart(scene: &mut Scene) -> Vec<Reply> {
    scene.world.restart();
    vec![]
}

#[test]
fn complete_by_me() {
    check_on(
        &LIMITED,
        |scene| scene.world.send(scene.me, complete(scene.mine)),
        "
        from                      | said           | then      | counts | lease | changes
        dead: expired             | me: lease lost | dead      | 0/0/0  | -     | -
        dead: hopeless            | me: lease lost | dead      | 1/0/0  | -     | -
        ready: overran            | me: lease lost | ready     | 1/0/0  | -     | -
        scheduled: TTL behind it  | me: lease lost | scheduled | 1/0/0  | -     | -
        claimed: runtime is short | me: done       | completed | 1/0/0  | -     | completed
        ",
    );
}

#[test]
fn fail_by_me() {
    check_on(
        &LIMITED,
        |scene| scene.world.send(scene.me, fail(scene.mine)),
        "
        from                      | said           | then      | counts | lease | changes
        dead: expired             | me: lease lost | dead      | 0/0/0  | -     | -
        dead: hopeless            | me: done       | dead      | 1/0/0  | -     | -
        ready: overran            | me: lease lost | ready     | 1/0/0  | -     | -
        scheduled: TTL behind it  | me: done       | scheduled | 1/0/0  | -     | -
        claimed: runtime is short | me: done       | scheduled | 1/0/0  | -     | failed
        ",
    );
}

#[test]
fn fail_by_me_with_a_wait() {
    check_on(
        &LIMITED,
        |scene| {
            scene
                .world
                .send(scene.me, fail_so(scene.mine, AfterFailure::Wait(secs(5))))
        },
        "
        from                      | said           | then      | counts | lease | changes
        dead: expired             | me: lease lost | dead      | 0/0/0  | -     | -
        dead: hopeless            | me: done       | dead      | 1/0/0  | -     | -
        ready: overran            | me: lease lost | ready     | 1/0/0  | -     | -
        scheduled: TTL behind it  | me: done       | scheduled | 1/0/0  | -     | -
        claimed: runtime is short | me: done       | scheduled | 1/0/0  | -     | failed
        ",
    );
}

#[test]
fn fail_by_me_for_good() {
    check_on(
        &LIMITED,
        |scene| {
            scene
                .world
                .send(scene.me, fail_so(scene.mine, AfterFailure::Never))
        },
        "
        from                      | said           | then      | counts | lease | changes
        dead: expired             | me: lease lost | dead      | 0/0/0  | -     | -
        dead: hopeless            | me: done       | dead      | 1/0/0  | -     | -
        ready: overran            | me: lease lost | ready     | 1/0/0  | -     | -
        scheduled: TTL behind it  | me: done       | scheduled | 1/0/0  | -     | -
        claimed: runtime is short | me: done       | dead      | 1/0/0  | -     | failed
        ",
    );
}

#[test]
fn release_by_me() {
    check_on(
        &LIMITED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Release(vec![scene.mine]))
        },
        "
        from                      | said           | then      | counts | lease | changes
        dead: expired             | me: lease lost | dead      | 0/0/0  | -     | -
        dead: hopeless            | me: lease lost | dead      | 1/0/0  | -     | -
        ready: overran            | me: lease lost | ready     | 1/0/0  | -     | -
        scheduled: TTL behind it  | me: lease lost | scheduled | 1/0/0  | -     | -
        claimed: runtime is short | me: done       | ready     | 0/1/0  | -     | released
        ",
    );
}

#[test]
fn extend_by_me() {
    check_on(
        &LIMITED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Extend(vec![scene.mine], None))
        },
        "
        from                      | said           | then      | counts | lease    | changes
        dead: expired             | me: lease lost | dead      | 0/0/0  | -        | -
        dead: hopeless            | me: lease lost | dead      | 1/0/0  | -        | -
        ready: overran            | me: lease lost | ready     | 1/0/0  | -        | -
        scheduled: TTL behind it  | me: lease lost | scheduled | 1/0/0  | -        | -
        claimed: runtime is short | me: 10s        | claimed   | 1/0/0  | mine 10s | (extended)
        ",
    );
}

#[test]
fn resume_by_me() {
    check_on(
        &LIMITED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Resume(vec![scene.mine]))
        },
        "
        from                      | said           | then      | counts | lease    | changes
        dead: expired             | me: lease lost | dead      | 0/0/0  | -        | -
        dead: hopeless            | me: lease lost | dead      | 1/0/0  | -        | -
        ready: overran            | me: lease lost | ready     | 1/0/0  | -        | -
        scheduled: TTL behind it  | me: lease lost | scheduled | 1/0/0  | -        | -
        claimed: runtime is short | me: 10s        | claimed   | 1/0/0  | mine 10s | (extended)
        ",
    );
}

#[test]
fn resume_of_nothing_by_me() {
    check_on(
        &LIMITED,
        |scene| scene.world.send(scene.me, Command::Resume(vec![])),
        "
        from                      | said  | then      | counts | lease    | changes
        dead: expired             | me: - | dead      | 0/0/0  | -        | -
        dead: hopeless            | me: - | dead      | 1/0/0  | -        | -
        ready: overran            | me: - | ready     | 1/0/0  | -        | -
        scheduled: TTL behind it  | me: - | scheduled | 1/0/0  | -        | -
        claimed: runtime is short | me: - | claimed   | 1/0/0  | mine 10s | -
        ",
    );
}

#[test]
fn enqueue_again() {
    check_on(
        &LIMITED,
        |scene| scene.world.enqueue(scene.producer, &[1]),
        "
        from                      | said                         | then      | counts | lease    | changes
        dead: expired             | producer: known as dead      | dead      | 0/0/0  | -        | -
        dead: hopeless            | producer: known as dead      | dead      | 1/0/0  | -        | -
        ready: overran            | producer: known as ready     | ready     | 1/0/0  | -        | -
        scheduled: TTL behind it  | producer: known as scheduled | scheduled | 1/0/0  | -        | -
        claimed: runtime is short | producer: known as claimed   | claimed   | 1/0/0  | mine 10s | -
        ",
    );
}

#[test]
fn claim_by_another() {
    check_on(
        &LIMITED,
        |scene| scene.world.send(scene.another, claim(1)),
        "
        from                      | said               | then      | counts | lease         | changes
        dead: expired             | another: 0 granted | dead      | 0/0/0  | -             | -
        dead: hopeless            | another: 0 granted | dead      | 1/0/0  | -             | -
        ready: overran            | another: 1 granted | claimed   | 2/0/0  | another's 10s | claimed
        scheduled: TTL behind it  | another: 0 granted | scheduled | 1/0/0  | -             | -
        claimed: runtime is short | another: 0 granted | claimed   | 1/0/0  | mine 10s      | -
        ",
    );
}

#[test]
fn credit_of_another() {
    check_on(
        &LIMITED,
        |scene| scene.world.send(scene.another, credit(1)),
        "
        from                      | said                                    | then      | counts | lease         | changes
        dead: expired             | another: credit 1                       | dead      | 0/0/0  | -             | -
        dead: hopeless            | another: credit 1                       | dead      | 1/0/0  | -             | -
        ready: overran            | another: credit 1, another: 1 delivered | claimed   | 2/0/0  | another's 10s | claimed
        scheduled: TTL behind it  | another: credit 1                       | scheduled | 1/0/0  | -             | -
        claimed: runtime is short | another: credit 1                       | claimed   | 1/0/0  | mine 10s      | -
        ",
    );
}

#[test]
fn cancel() {
    check_on(
        &LIMITED,
        |scene| {
            scene
                .world
                .send(scene.producer, Command::Cancel(vec![id(1)]))
        },
        "
        from                      | said                           | then      | counts | lease | changes
        dead: expired             | producer: dead already         | dead      | 0/0/0  | -     | -
        dead: hopeless            | producer: dead already         | dead      | 1/0/0  | -     | -
        ready: overran            | producer: done                 | cancelled | 1/0/0  | -     | cancelled
        scheduled: TTL behind it  | producer: done                 | cancelled | 1/0/0  | -     | cancelled
        claimed: runtime is short | me: called off, producer: done | cancelled | 1/0/0  | -     | cancelled
        ",
    );
}

#[test]
fn revive() {
    check_on(
        &LIMITED,
        |scene| {
            scene
                .world
                .send(scene.producer, Command::Revive(Revive::Tasks(vec![id(1)])))
        },
        "
        from                      | said                          | then      | counts | lease    | changes
        dead: expired             | producer: revived             | ready     | 0/0/0  | -        | revived
        dead: hopeless            | producer: revived             | ready     | 0/0/0  | -        | revived
        ready: overran            | producer: ready, not dead     | ready     | 1/0/0  | -        | -
        scheduled: TTL behind it  | producer: scheduled, not dead | scheduled | 1/0/0  | -        | -
        claimed: runtime is short | producer: claimed, not dead   | claimed   | 1/0/0  | mine 10s | -
        ",
    );
}

#[test]
fn wait_for_its_end() {
    check_on(
        &LIMITED,
        |scene| scene.world.send(scene.producer, await_for(1, secs(5))),
        "
        from                      | said                 | then      | counts | lease    | changes
        dead: expired             | producer: it is dead | dead      | 0/0/0  | -        | -
        dead: hopeless            | producer: it is dead | dead      | 1/0/0  | -        | -
        ready: overran            | -                    | ready     | 1/0/0  | -        | -
        scheduled: TTL behind it  | -                    | scheduled | 1/0/0  | -        | -
        claimed: runtime is short | -                    | claimed   | 1/0/0  | mine 10s | -
        ",
    );
}

#[test]
fn my_session_says_bye() {
    check_on(
        &LIMITED,
        |scene| scene.world.end(scene.me, Ending::Bye),
        "
        from                      | said | then      | counts | lease | changes
        dead: expired             | -    | dead      | 0/0/0  | -     | -
        dead: hopeless            | -    | dead      | 1/0/0  | -     | -
        ready: overran            | -    | ready     | 1/0/0  | -     | -
        scheduled: TTL behind it  | -    | scheduled | 1/0/0  | -     | -
        claimed: runtime is short | -    | ready     | 0/1/0  | -     | released
        ",
    );
}

#[test]
fn my_session_is_cut() {
    check_on(
        &LIMITED,
        |scene| scene.world.end(scene.me, Ending::Cut),
        "
        from                      | said | then      | counts | lease             | changes
        dead: expired             | -    | dead      | 0/0/0  | -                 | -
        dead: hopeless            | -    | dead      | 1/0/0  | -                 | -
        ready: overran            | -    | ready     | 1/0/0  | -                 | -
        scheduled: TTL behind it  | -    | scheduled | 1/0/0  | -                 | -
        claimed: runtime is short | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        ",
    );
}

#[test]
fn my_session_falls_silent() {
    check_on(
        &LIMITED,
        |scene| scene.world.end(scene.me, Ending::Silence),
        "
        from                      | said | then      | counts | lease     | changes
        dead: expired             | -    | dead      | 0/0/0  | -         | -
        dead: hopeless            | -    | dead      | 1/0/0  | -         | -
        ready: overran            | -    | ready     | 1/0/0  | -         | -
        scheduled: TTL behind it  | -    | scheduled | 1/0/0  | -         | -
        claimed: runtime is short | -    | ready     | 1/0/1  | mine kept | silence
        ",
    );
}

#[test]
fn the_hub_dismisses_my_session() {
    check_on(
        &LIMITED,
        |scene| scene.world.end(scene.me, Ending::Dismissed),
        "
        from                      | said | then      | counts | lease           | changes
        dead: expired             | -    | dead      | 0/0/0  | -               | -
        dead: hopeless            | -    | dead      | 1/0/0  | -               | -
        ready: overran            | -    | ready     | 1/0/0  | -               | -
        scheduled: TTL behind it  | -    | scheduled | 1/0/0  | -               | -
        claimed: runtime is short | -    | claimed   | 1/0/0  | mine adrift 10s | -
        ",
    );
}

#[test]
fn half_a_minute_passes() {
    check_on(
        &LIMITED,
        |scene| scene.pass(secs(30)),
        "
        from                      | said        | then      | counts | lease | changes
        dead: expired             | -           | dead      | 0/0/0  | -     | -
        dead: hopeless            | -           | dead      | 1/0/0  | -     | -
        ready: overran            | -           | ready     | 1/0/0  | -     | -
        scheduled: TTL behind it  | -           | scheduled | 1/0/0  | -     | -
        claimed: runtime is short | me: overran | scheduled | 1/0/0  | -     | overran
        ",
    );
}

#[test]
fn a_quarter_of_an_hour_passes() {
    check_on(
        &LIMITED,
        |scene| scene.pass(secs(900)),
        "
        from                      | said        | then  | counts | lease | changes
        dead: expired             | -           | dead  | 0/0/0  | -     | -
        dead: hopeless            | -           | dead  | 1/0/0  | -     | -
        ready: overran            | -           | ready | 1/0/0  | -     | -
        scheduled: TTL behind it  | -           | dead  | 1/0/0  | -     | (due), expired
        claimed: runtime is short | me: overran | ready | 1/0/0  | -     | overran, (due)
        ",
    );
}

#[test]
fn a_restart() {
    check_on(
        &LIMITED,
        restart,
        "
        from                      | said | then      | counts | lease           | changes
        dead: expired             | -    | dead      | 0/0/0  | -               | -
        dead: hopeless            | -    | dead      | 1/0/0  | -               | -
        ready: overran            | -    | ready     | 1/0/0  | -               | (due)
        scheduled: TTL behind it  | -    | scheduled | 1/0/0  | -               | -
        claimed: runtime is short | -    | claimed   | 1/0/0  | mine adrift 10s | -
        ",
    );
}

#[test]
fn every_state_failed_with_a_wait() {
    check(
        |scene| {
            scene
                .world
                .send(scene.me, fail_so(scene.mine, AfterFailure::Wait(secs(5))))
        },
        "
        from                       | said           | then      | counts | lease         | changes
        unknown                    | me: lease lost | unknown   | -      | -             | -
        scheduled: delayed         | me: lease lost | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: done       | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: done       | scheduled | 2/0/0  | -             | failed
        ready                      | me: lease lost | ready     | 0/0/0  | -             | -
        ready: I released it       | me: lease lost | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: done       | scheduled | 1/0/0  | -             | failed
        ready: cut, kept           | me: done       | scheduled | 1/0/0  | -             | failed
        ready: silence, kept       | me: done       | scheduled | 1/0/0  | -             | failed
        ready: hub restart, kept   | me: done       | scheduled | 1/0/0  | -             | failed
        claimed: mine              | me: done       | scheduled | 1/0/0  | -             | failed
        claimed: another's         | me: lease lost | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: done       | scheduled | 1/0/0  | -             | failed
        claimed: adrift by restart | me: done       | scheduled | 1/0/0  | -             | failed
        completed: by me           | me: lease lost | completed | 1/0/0  | -             | -
        completed: by another      | me: lease lost | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: lease lost | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: done       | dead      | 1/0/0  | -             | -
        dead: deadline             | me: lease lost | dead      | 1/0/0  | -             | -
        forgotten                  | me: lease lost | unknown   | -      | -             | -
        ",
    );
}

#[test]
fn every_state_failed_for_good() {
    check(
        |scene| {
            scene
                .world
                .send(scene.me, fail_so(scene.mine, AfterFailure::Never))
        },
        "
        from                       | said           | then      | counts | lease         | changes
        unknown                    | me: lease lost | unknown   | -      | -             | -
        scheduled: delayed         | me: lease lost | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: done       | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: done       | dead      | 2/0/0  | -             | failed
        ready                      | me: lease lost | ready     | 0/0/0  | -             | -
        ready: I released it       | me: lease lost | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: done       | dead      | 1/0/0  | -             | failed
        ready: cut, kept           | me: done       | dead      | 1/0/0  | -             | failed
        ready: silence, kept       | me: done       | dead      | 1/0/0  | -             | failed
        ready: hub restart, kept   | me: done       | dead      | 1/0/0  | -             | failed
        claimed: mine              | me: done       | dead      | 1/0/0  | -             | failed
        claimed: another's         | me: lease lost | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: done       | dead      | 1/0/0  | -             | failed
        claimed: adrift by restart | me: done       | dead      | 1/0/0  | -             | failed
        completed: by me           | me: lease lost | completed | 1/0/0  | -             | -
        completed: by another      | me: lease lost | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: lease lost | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: done       | dead      | 1/0/0  | -             | -
        dead: deadline             | me: lease lost | dead      | 1/0/0  | -             | -
        forgotten                  | me: lease lost | unknown   | -      | -             | -
        ",
    );
}
