//! Every verb while a task is being stopped.

use leasehold_core::*;

use super::{
    check_on,
    known::{revive_with, stop, told},
    starts::{STARTS, Scene, Start},
};
use crate::harness::*;

fn scene(name: &str) -> Scene {
    let of = STARTS.iter().find(|(of, _)| *of == name);
    let (_, start) = of.expect("a start of this name");
    start()
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

fn half_a_minute(scene: &mut Scene) -> Vec<Reply> {
    scene.pass(secs(30))
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
        from                   | said                         | then    | counts | lease         | changes
        stopped: mine          | me: stop within 20s, me: 20s | claimed | 1/0/0  | mine 20s      | (extended)
        stopped: another's     | me: lease lost               | claimed | 2/0/0  | another's 20s | -
        stopped: adrift by cut | me: stop within 20s, me: 20s | claimed | 1/0/0  | mine 20s      | (extended)
        stopped: hub restart   | me: stop within 20s, me: 20s | claimed | 1/0/0  | mine 20s      | (extended)
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
