//! The verbs for what is known of a task, in every state; and every verb while one is being
//! stopped.

use leasehold_core::*;

use super::{
    check, check_on,
    starts::{STARTS, Scene, Start},
};
use crate::harness::*;

fn scene(name: &str) -> Scene {
    let of = STARTS.iter().find(|(of, _)| *of == name);
    let (_, start) = of.expect("a start of this name");
    start()
}

fn stop(scene: &mut Scene, grace: u64) -> Vec<Reply> {
    let command = Command::CancelWithin(vec![id(1)], Some(secs(grace)));
    scene.world.send(scene.producer, command)
}

/// Somebody gave its holder twenty seconds.
fn stopped(name: &str) -> Scene {
    let mut scene = scene(name);
    stop(&mut scene, 20);
    scene
}

fn restarted() -> Scene {
    let mut scene = stopped("claimed: mine");
    scene.world.restart();
    scene.me = scene.world.open(11, &node("me", 1));
    scene.another = scene.world.open(12, &node("another", 1));
    scene.producer = scene.world.open(13, &node("producer", 1));
    scene
}

const STOPPED: [(&str, Start); 4] = [
    ("stopped: mine", || stopped("claimed: mine")),
    ("stopped: another's", || stopped("claimed: another's")),
    ("stopped: adrift by cut", || {
        stopped("claimed: adrift by cut")
    }),
    ("stopped: hub restart", restarted),
];

fn told(scene: &Scene) -> Command {
    Command::Progress(vec![Told {
        proof: scene.mine,
        fraction: 2_500,
        note: "a quarter".into(),
    }])
}

fn revive_with(which: Which) -> Command {
    let edits = vec![Edit::Priority(3)];
    Command::ReviveWith(Box::new(ReviveWith { which, edits }))
}

fn half_a_minute(scene: &mut Scene) -> Vec<Reply> {
    scene.pass(secs(30))
}

#[test]
fn stop_by_the_producer() {
    check(|scene| stop(scene, 20), "
        from                       | said                                     | then      | counts | lease             | changes
        unknown                    | producer: no such task                   | unknown   | -      | -                 | -
        scheduled: delayed         | producer: done                           | cancelled | 0/0/0  | -                 | cancelled
        scheduled: I failed it     | producer: done                           | cancelled | 1/0/0  | -                 | cancelled
        scheduled: cut twice, kept | producer: done                           | cancelled | 2/0/2  | -                 | cancelled
        ready                      | producer: done                           | cancelled | 0/0/0  | -                 | cancelled
        ready: I released it       | producer: done                           | cancelled | 0/1/0  | -                 | cancelled
        ready: deadline, kept      | me: called off, producer: done           | cancelled | 1/0/0  | -                 | cancelled
        ready: cut, kept           | producer: done                           | cancelled | 1/0/1  | -                 | cancelled
        ready: silence, kept       | producer: done                           | cancelled | 1/0/1  | -                 | cancelled
        ready: hub restart, kept   | producer: done                           | cancelled | 0/1/0  | -                 | cancelled
        claimed: mine              | me: stop within 20s, producer: done      | claimed   | 1/0/0  | mine 20s          | stopasked
        claimed: another's         | another: stop within 20s, producer: done | claimed   | 2/0/0  | another's 20s     | stopasked
        claimed: adrift by cut     | producer: done                           | claimed   | 1/0/0  | mine adrift 500ms | stopasked
        claimed: adrift by restart | producer: done                           | claimed   | 1/0/0  | mine adrift 10s   | stopasked
        completed: by me           | producer: completed already              | completed | 1/0/0  | -                 | -
        completed: by another      | producer: completed already              | completed | 2/0/0  | -                 | -
        cancelled: was mine        | producer: done                           | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | producer: dead already                   | dead      | 1/0/0  | -                 | -
        dead: deadline             | producer: dead already                   | dead      | 1/0/0  | -                 | -
        forgotten                  | producer: no such task                   | unknown   | -      | -                 | -
        ");
}

#[test]
fn stop_without_a_grace() {
    check(|scene| stop(scene, 0), "
        from                       | said                                | then      | counts | lease | changes
        unknown                    | producer: no such task              | unknown   | -      | -     | -
        scheduled: delayed         | producer: done                      | cancelled | 0/0/0  | -     | cancelled
        scheduled: I failed it     | producer: done                      | cancelled | 1/0/0  | -     | cancelled
        scheduled: cut twice, kept | producer: done                      | cancelled | 2/0/2  | -     | cancelled
        ready                      | producer: done                      | cancelled | 0/0/0  | -     | cancelled
        ready: I released it       | producer: done                      | cancelled | 0/1/0  | -     | cancelled
        ready: deadline, kept      | me: called off, producer: done      | cancelled | 1/0/0  | -     | cancelled
        ready: cut, kept           | producer: done                      | cancelled | 1/0/1  | -     | cancelled
        ready: silence, kept       | producer: done                      | cancelled | 1/0/1  | -     | cancelled
        ready: hub restart, kept   | producer: done                      | cancelled | 0/1/0  | -     | cancelled
        claimed: mine              | me: called off, producer: done      | cancelled | 1/0/0  | -     | cancelled
        claimed: another's         | another: called off, producer: done | cancelled | 2/0/0  | -     | cancelled
        claimed: adrift by cut     | producer: done                      | cancelled | 1/0/0  | -     | cancelled
        claimed: adrift by restart | producer: done                      | cancelled | 1/0/0  | -     | cancelled
        completed: by me           | producer: completed already         | completed | 1/0/0  | -     | -
        completed: by another      | producer: completed already         | completed | 2/0/0  | -     | -
        cancelled: was mine        | producer: done                      | cancelled | 1/0/0  | -     | -
        dead: I failed it          | producer: dead already              | dead      | 1/0/0  | -     | -
        dead: deadline             | producer: dead already              | dead      | 1/0/0  | -     | -
        forgotten                  | producer: no such task              | unknown   | -      | -     | -
        ");
}

#[test]
fn progress_by_me() {
    check(|scene| scene.world.send(scene.me, told(scene)), "
        from                       | said           | then      | counts | lease         | changes
        unknown                    | me: lease lost | unknown   | -      | -             | -
        scheduled: delayed         | me: lease lost | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: lease lost | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: 30s        | claimed   | 2/0/1  | mine 30s      | progressed
        ready                      | me: lease lost | ready     | 0/0/0  | -             | -
        ready: I released it       | me: lease lost | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: 30s        | claimed   | 1/0/0  | mine 30s      | progressed
        ready: cut, kept           | me: 30s        | claimed   | 1/0/0  | mine 30s      | progressed
        ready: silence, kept       | me: 30s        | claimed   | 1/0/0  | mine 30s      | progressed
        ready: hub restart, kept   | me: 30s        | claimed   | 1/0/0  | mine 30s      | progressed
        claimed: mine              | me: 30s        | claimed   | 1/0/0  | mine 30s      | progressed
        claimed: another's         | me: lease lost | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: 30s        | claimed   | 1/0/0  | mine 30s      | progressed
        claimed: adrift by restart | me: 30s        | claimed   | 1/0/0  | mine 30s      | progressed
        completed: by me           | me: lease lost | completed | 1/0/0  | -             | -
        completed: by another      | me: lease lost | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: lease lost | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: lease lost | dead      | 1/0/0  | -             | -
        dead: deadline             | me: lease lost | dead      | 1/0/0  | -             | -
        forgotten                  | me: lease lost | unknown   | -      | -             | -
        ");
}

#[test]
fn revival_with_changes() {
    check(|scene| scene.world.send(scene.producer, revive_with(Which::Tasks(vec![id(1)]))), "
        from                       | said                          | then      | counts | lease             | changes
        unknown                    | producer: no such task        | unknown   | -      | -                 | -
        scheduled: delayed         | producer: scheduled, not dead | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | producer: scheduled, not dead | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | producer: scheduled, not dead | scheduled | 2/0/2  | mine kept         | -
        ready                      | producer: ready, not dead     | ready     | 0/0/0  | -                 | -
        ready: I released it       | producer: ready, not dead     | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | producer: ready, not dead     | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | producer: ready, not dead     | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | producer: ready, not dead     | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | producer: ready, not dead     | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | producer: claimed, not dead   | claimed   | 1/0/0  | mine 30s          | -
        claimed: another's         | producer: claimed, not dead   | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | producer: claimed, not dead   | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | producer: claimed, not dead   | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | producer: completed, not dead | completed | 1/0/0  | -                 | -
        completed: by another      | producer: completed, not dead | completed | 2/0/0  | -                 | -
        cancelled: was mine        | producer: cancelled, not dead | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | producer: revived             | ready     | 0/0/0  | -                 | revived
        dead: deadline             | producer: revived             | ready     | 0/0/0  | -                 | revived
        forgotten                  | producer: no such task        | unknown   | -      | -                 | -
        ");
}

#[test]
fn revival_of_all_with_changes() {
    check(|scene| scene.world.send(scene.producer, revive_with(Which::All)), "
        from                       | said              | then      | counts | lease             | changes
        unknown                    | producer: -       | unknown   | -      | -                 | -
        scheduled: delayed         | producer: -       | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | producer: -       | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | producer: -       | scheduled | 2/0/2  | mine kept         | -
        ready                      | producer: -       | ready     | 0/0/0  | -                 | -
        ready: I released it       | producer: -       | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | producer: -       | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | producer: -       | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | producer: -       | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | producer: -       | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | producer: -       | claimed   | 1/0/0  | mine 30s          | -
        claimed: another's         | producer: -       | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | producer: -       | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | producer: -       | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | producer: -       | completed | 1/0/0  | -                 | -
        completed: by another      | producer: -       | completed | 2/0/0  | -                 | -
        cancelled: was mine        | producer: -       | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | producer: revived | ready     | 0/0/0  | -                 | revived
        dead: deadline             | producer: revived | ready     | 0/0/0  | -                 | revived
        forgotten                  | producer: -       | unknown   | -      | -                 | -
        ");
}

#[test]
fn purge_of_all_that_ended() {
    check(|scene| scene.world.send(scene.producer, Command::Purge(vec![], 10)), "
        from                       | said               | then      | counts | lease             | changes
        unknown                    | producer: 0 purged | unknown   | -      | -                 | -
        scheduled: delayed         | producer: 0 purged | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | producer: 0 purged | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | producer: 0 purged | scheduled | 2/0/2  | mine kept         | -
        ready                      | producer: 0 purged | ready     | 0/0/0  | -                 | -
        ready: I released it       | producer: 0 purged | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | producer: 0 purged | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | producer: 0 purged | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | producer: 0 purged | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | producer: 0 purged | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | producer: 0 purged | claimed   | 1/0/0  | mine 30s          | -
        claimed: another's         | producer: 0 purged | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | producer: 0 purged | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | producer: 0 purged | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | producer: 1 purged | unknown   | -      | -                 | forgotten
        completed: by another      | producer: 1 purged | unknown   | -      | -                 | forgotten
        cancelled: was mine        | producer: 1 purged | unknown   | -      | -                 | forgotten
        dead: I failed it          | producer: 1 purged | unknown   | -      | -                 | forgotten
        dead: deadline             | producer: 1 purged | unknown   | -      | -                 | forgotten
        forgotten                  | producer: 0 purged | unknown   | -      | -                 | -
        ");
}

#[test]
fn stopped_and_enqueued_again() {
    check_on(&STOPPED, |scene| scene.world.enqueue(scene.producer, &[1]), "
        from                   | said                       | then    | counts | lease             | changes
        stopped: mine          | producer: known as claimed | claimed | 1/0/0  | mine 20s          | -
        stopped: another's     | producer: known as claimed | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | producer: known as claimed | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | producer: known as claimed | claimed | 1/0/0  | mine adrift 10s   | -
        ");
}

#[test]
fn stopped_and_claimed_by_another() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.another, claim(1)),
        "
        from                   | said               | then    | counts | lease             | changes
        stopped: mine          | another: 0 granted | claimed | 1/0/0  | mine 20s          | -
        stopped: another's     | another: 0 granted | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | another: 0 granted | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | another: 0 granted | claimed | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_completed() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.me, complete(scene.mine)),
        "
        from                   | said           | then      | counts | lease         | changes
        stopped: mine          | me: done       | completed | 1/0/0  | -             | completed
        stopped: another's     | me: lease lost | claimed   | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: done       | completed | 1/0/0  | -             | completed
        stopped: hub restart   | me: done       | completed | 1/0/0  | -             | completed
        ",
    );
}

#[test]
fn stopped_and_failed() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.me, fail(scene.mine)),
        "
        from                   | said           | then      | counts | lease         | changes
        stopped: mine          | me: done       | cancelled | 1/0/0  | -             | failed
        stopped: another's     | me: lease lost | claimed   | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: done       | cancelled | 1/0/0  | -             | failed
        stopped: hub restart   | me: done       | cancelled | 1/0/0  | -             | failed
        ",
    );
}

#[test]
fn stopped_and_released() {
    check_on(
        &STOPPED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Release(vec![scene.mine]))
        },
        "
        from                   | said           | then      | counts | lease         | changes
        stopped: mine          | me: done       | cancelled | 0/1/0  | -             | released
        stopped: another's     | me: lease lost | claimed   | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: done       | cancelled | 0/1/0  | -             | released
        stopped: hub restart   | me: done       | cancelled | 0/1/0  | -             | released
        ",
    );
}

#[test]
fn stopped_and_extended() {
    check_on(
        &STOPPED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Extend(vec![scene.mine], None))
        },
        "
        from                   | said           | then    | counts | lease         | changes
        stopped: mine          | me: 20s        | claimed | 1/0/0  | mine 20s      | (extended)
        stopped: another's     | me: lease lost | claimed | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: 20s        | claimed | 1/0/0  | mine 20s      | (extended)
        stopped: hub restart   | me: 20s        | claimed | 1/0/0  | mine 20s      | (extended)
        ",
    );
}

#[test]
fn stopped_and_resumed() {
    check_on(
        &STOPPED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Resume(vec![scene.mine]))
        },
        "
        from                   | said           | then    | counts | lease         | changes
        stopped: mine          | me: 20s        | claimed | 1/0/0  | mine 20s      | (extended)
        stopped: another's     | me: lease lost | claimed | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: 20s        | claimed | 1/0/0  | mine 20s      | (extended)
        stopped: hub restart   | me: 20s        | claimed | 1/0/0  | mine 20s      | (extended)
        ",
    );
}

#[test]
fn stopped_and_not_resumed() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.me, Command::Resume(vec![])),
        "
        from                   | said  | then      | counts | lease         | changes
        stopped: mine          | me: - | claimed   | 1/0/0  | mine 20s      | -
        stopped: another's     | me: - | claimed   | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: - | cancelled | 0/1/0  | -             | released
        stopped: hub restart   | me: - | cancelled | 0/1/0  | -             | released
        ",
    );
}

#[test]
fn stopped_and_progressed() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.me, told(scene)),
        "
        from                   | said           | then    | counts | lease         | changes
        stopped: mine          | me: 20s        | claimed | 1/0/0  | mine 20s      | progressed
        stopped: another's     | me: lease lost | claimed | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: 20s        | claimed | 1/0/0  | mine 20s      | progressed
        stopped: hub restart   | me: 20s        | claimed | 1/0/0  | mine 20s      | progressed
        ",
    );
}

#[test]
fn stopped_and_cancelled() {
    check_on(&STOPPED, |scene| scene.world.send(scene.producer, Command::Cancel(vec![id(1)])), "
        from                   | said                                | then      | counts | lease | changes
        stopped: mine          | me: called off, producer: done      | cancelled | 1/0/0  | -     | cancelled
        stopped: another's     | another: called off, producer: done | cancelled | 2/0/0  | -     | cancelled
        stopped: adrift by cut | producer: done                      | cancelled | 1/0/0  | -     | cancelled
        stopped: hub restart   | producer: done                      | cancelled | 1/0/0  | -     | cancelled
        ");
}

#[test]
fn stopped_and_stopped_later() {
    check_on(
        &STOPPED,
        |scene| stop(scene, 25),
        "
        from                   | said           | then    | counts | lease             | changes
        stopped: mine          | producer: done | claimed | 1/0/0  | mine 20s          | -
        stopped: another's     | producer: done | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | producer: done | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | producer: done | claimed | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_stopped_earlier() {
    check_on(&STOPPED, |scene| stop(scene, 5), "
        from                   | said                                    | then    | counts | lease             | changes
        stopped: mine          | me: stop within 5s, producer: done      | claimed | 1/0/0  | mine 5s           | stopasked
        stopped: another's     | another: stop within 5s, producer: done | claimed | 2/0/0  | another's 5s      | stopasked
        stopped: adrift by cut | producer: done                          | claimed | 1/0/0  | mine adrift 500ms | stopasked
        stopped: hub restart   | producer: done                          | claimed | 1/0/0  | mine adrift 5s    | stopasked
        ");
}

#[test]
fn stopped_and_stopped_now() {
    check_on(&STOPPED, |scene| stop(scene, 0), "
        from                   | said                                | then      | counts | lease | changes
        stopped: mine          | me: called off, producer: done      | cancelled | 1/0/0  | -     | cancelled
        stopped: another's     | another: called off, producer: done | cancelled | 2/0/0  | -     | cancelled
        stopped: adrift by cut | producer: done                      | cancelled | 1/0/0  | -     | cancelled
        stopped: hub restart   | producer: done                      | cancelled | 1/0/0  | -     | cancelled
        ");
}

#[test]
fn stopped_and_revived() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.producer, revive_with(Which::All)),
        "
        from                   | said        | then    | counts | lease             | changes
        stopped: mine          | producer: - | claimed | 1/0/0  | mine 20s          | -
        stopped: another's     | producer: - | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | producer: - | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | producer: - | claimed | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_purged() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.producer, Command::Purge(vec![], 10)),
        "
        from                   | said               | then    | counts | lease             | changes
        stopped: mine          | producer: 0 purged | claimed | 1/0/0  | mine 20s          | -
        stopped: another's     | producer: 0 purged | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | producer: 0 purged | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | producer: 0 purged | claimed | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_awaited() {
    check_on(
        &STOPPED,
        |scene| scene.world.send(scene.producer, await_for(1, secs(5))),
        "
        from                   | said | then    | counts | lease             | changes
        stopped: mine          | -    | claimed | 1/0/0  | mine 20s          | -
        stopped: another's     | -    | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | -    | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | -    | claimed | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_bye() {
    check_on(
        &STOPPED,
        |scene| scene.world.end(scene.me, Ending::Bye),
        "
        from                   | said | then      | counts | lease             | changes
        stopped: mine          | -    | cancelled | 0/1/0  | -                 | released
        stopped: another's     | -    | claimed   | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | -    | claimed   | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_cut() {
    check_on(
        &STOPPED,
        |scene| scene.world.end(scene.me, Ending::Cut),
        "
        from                   | said | then    | counts | lease             | changes
        stopped: mine          | -    | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: another's     | -    | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | -    | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | -    | claimed | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_silent() {
    check_on(
        &STOPPED,
        |scene| scene.world.end(scene.me, Ending::Silence),
        "
        from                   | said | then      | counts | lease             | changes
        stopped: mine          | -    | cancelled | 1/0/1  | -                 | silence
        stopped: another's     | -    | claimed   | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | -    | claimed   | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_dismissed() {
    check_on(
        &STOPPED,
        |scene| scene.world.end(scene.me, Ending::Dismissed),
        "
        from                   | said | then    | counts | lease             | changes
        stopped: mine          | -    | claimed | 1/0/0  | mine adrift 10s   | -
        stopped: another's     | -    | claimed | 2/0/0  | another's 20s     | -
        stopped: adrift by cut | -    | claimed | 1/0/0  | mine adrift 500ms | -
        stopped: hub restart   | -    | claimed | 1/0/0  | mine adrift 10s   | -
        ",
    );
}

#[test]
fn stopped_and_half_a_minute_passes() {
    check_on(
        &STOPPED,
        half_a_minute,
        "
        from                   | said                | then      | counts | lease | changes
        stopped: mine          | me: called off      | cancelled | 1/0/0  | -     | cancelled
        stopped: another's     | another: called off | cancelled | 2/0/0  | -     | cancelled
        stopped: adrift by cut | -                   | cancelled | 1/0/1  | -     | cut
        stopped: hub restart   | -                   | cancelled | 0/1/0  | -     | interrupted
        ",
    );
}
