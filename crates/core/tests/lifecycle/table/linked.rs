//! A task that waits for others, and one that was given up with its parent, x every verb.

use leasehold_core::*;

use super::{
    check_on,
    starts::{Scene, Start, enqueued},
};
use crate::harness::*;

const LINKED: [(&str, Start); 2] = [
    ("scheduled: waits for another", waits),
    ("dead: with its parent", orphan),
];

/// Task 1 waits for task 2, whose time is far off.
fn waits() -> Scene {
    let parent = NewTask {
        delay: secs(100_000),
        ..task(2)
    };
    let mut scene = enqueued(parent);
    let (tasks, any_end) = ([id(2)].into(), false);
    let child = wishing(1, [Wish::After { tasks, any_end }]);
    scene
        .world
        .send(scene.producer, Command::Enqueue(vec![child]));
    scene
}

fn orphan() -> Scene {
    let mut scene = waits();
    scene.world.cancel(scene.producer, 2);
    scene
}

#[test]
fn complete_by_me() {
    check_on(
        &LINKED,
        |scene| scene.world.send(scene.me, complete(scene.mine)),
        "
        from                         | said           | then      | counts | lease | changes
        scheduled: waits for another | me: lease lost | scheduled | 0/0/0  | -     | -
        dead: with its parent        | me: lease lost | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn fail_by_me() {
    check_on(
        &LINKED,
        |scene| scene.world.send(scene.me, fail(scene.mine)),
        "
        from                         | said           | then      | counts | lease | changes
        scheduled: waits for another | me: lease lost | scheduled | 0/0/0  | -     | -
        dead: with its parent        | me: lease lost | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn release_by_me() {
    check_on(
        &LINKED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Release(vec![scene.mine]))
        },
        "
        from                         | said           | then      | counts | lease | changes
        scheduled: waits for another | me: lease lost | scheduled | 0/0/0  | -     | -
        dead: with its parent        | me: lease lost | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn extend_by_me() {
    check_on(
        &LINKED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Extend(vec![scene.mine], None))
        },
        "
        from                         | said           | then      | counts | lease | changes
        scheduled: waits for another | me: lease lost | scheduled | 0/0/0  | -     | -
        dead: with its parent        | me: lease lost | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn resume_by_me() {
    check_on(
        &LINKED,
        |scene| {
            scene
                .world
                .send(scene.me, Command::Resume(vec![scene.mine]))
        },
        "
        from                         | said           | then      | counts | lease | changes
        scheduled: waits for another | me: lease lost | scheduled | 0/0/0  | -     | -
        dead: with its parent        | me: lease lost | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn enqueue_again() {
    check_on(
        &LINKED,
        |scene| scene.world.enqueue(scene.producer, &[1]),
        "
        from                         | said                         | then      | counts | lease | changes
        scheduled: waits for another | producer: known as scheduled | scheduled | 0/0/0  | -     | -
        dead: with its parent        | producer: known as dead      | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn claim_by_another() {
    check_on(
        &LINKED,
        |scene| scene.world.send(scene.another, claim(1)),
        "
        from                         | said               | then      | counts | lease | changes
        scheduled: waits for another | another: 0 granted | scheduled | 0/0/0  | -     | -
        dead: with its parent        | another: 0 granted | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn credit_of_another() {
    check_on(
        &LINKED,
        |scene| scene.world.send(scene.another, credit(1)),
        "
        from                         | said              | then      | counts | lease | changes
        scheduled: waits for another | another: credit 1 | scheduled | 0/0/0  | -     | -
        dead: with its parent        | another: credit 1 | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn cancel() {
    check_on(
        &LINKED,
        |scene| {
            scene
                .world
                .send(scene.producer, Command::Cancel(vec![id(1)]))
        },
        "
        from                         | said                   | then      | counts | lease | changes
        scheduled: waits for another | producer: done         | cancelled | 0/0/0  | -     | cancelled
        dead: with its parent        | producer: dead already | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn cancel_within_a_while() {
    check_on(
        &LINKED,
        |scene| {
            scene.world.send(
                scene.producer,
                Command::CancelWithin(vec![id(1)], Some(secs(5))),
            )
        },
        "
        from                         | said                   | then      | counts | lease | changes
        scheduled: waits for another | producer: done         | cancelled | 0/0/0  | -     | cancelled
        dead: with its parent        | producer: dead already | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn revive() {
    check_on(
        &LINKED,
        |scene| {
            scene
                .world
                .send(scene.producer, Command::Revive(Revive::Tasks(vec![id(1)])))
        },
        "
        from                         | said                          | then      | counts | lease | changes
        scheduled: waits for another | producer: scheduled, not dead | scheduled | 0/0/0  | -     | -
        dead: with its parent        | producer: revived             | ready     | 0/0/0  | -     | revived
        ",
    );
}

#[test]
fn purge() {
    check_on(
        &LINKED,
        |scene| scene.world.send(scene.producer, Command::Purge(vec![], 10)),
        "
        from                         | said               | then      | counts | lease | changes
        scheduled: waits for another | producer: 0 purged | scheduled | 0/0/0  | -     | -
        dead: with its parent        | producer: 2 purged | unknown   | -      | -     | forgotten, forgotten
        ",
    );
}

#[test]
fn wait_for_its_end() {
    check_on(
        &LINKED,
        |scene| scene.world.send(scene.producer, await_for(1, secs(5))),
        "
        from                         | said                 | then      | counts | lease | changes
        scheduled: waits for another | -                    | scheduled | 0/0/0  | -     | -
        dead: with its parent        | producer: it is dead | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn my_session_says_bye() {
    check_on(
        &LINKED,
        |scene| scene.world.end(scene.me, Ending::Bye),
        "
        from                         | said | then      | counts | lease | changes
        scheduled: waits for another | -    | scheduled | 0/0/0  | -     | -
        dead: with its parent        | -    | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn my_session_is_cut() {
    check_on(
        &LINKED,
        |scene| scene.world.end(scene.me, Ending::Cut),
        "
        from                         | said | then      | counts | lease | changes
        scheduled: waits for another | -    | scheduled | 0/0/0  | -     | -
        dead: with its parent        | -    | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn a_quarter_of_an_hour_passes() {
    check_on(
        &LINKED,
        |scene| scene.pass(secs(900)),
        "
        from                         | said | then      | counts | lease | changes
        scheduled: waits for another | -    | scheduled | 0/0/0  | -     | -
        dead: with its parent        | -    | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn a_restart() {
    check_on(
        &LINKED,
        |scene| {
            scene.world.restart();
            vec![]
        },
        "
        from                         | said | then      | counts | lease | changes
        scheduled: waits for another | -    | scheduled | 0/0/0  | -     | -
        dead: with its parent        | -    | dead      | 0/0/0  | -     | -
        ",
    );
}

#[test]
fn its_parent_is_cancelled() {
    check_on(
        &LINKED,
        |scene| {
            scene
                .world
                .send(scene.producer, Command::Cancel(vec![id(2)]))
        },
        "
        from                         | said           | then | counts | lease | changes
        scheduled: waits for another | producer: done | dead | 0/0/0  | -     | cancelled, parentgone
        dead: with its parent        | producer: done | dead | 0/0/0  | -     | -
        ",
    );
}
