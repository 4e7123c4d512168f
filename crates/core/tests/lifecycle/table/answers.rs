//! Verbs of a holder: complete, fail, release.

use leasehold_core::Command;

use super::check;
use crate::harness::*;

#[test]
fn complete_by_me() {
    check(
        |scene| scene.world.send(scene.me, complete(scene.mine)),
        "
        from                       | said           | then      | counts | lease         | changes
        unknown                    | me: lease lost | unknown   | -      | -             | -
        scheduled: delayed         | me: lease lost | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: lease lost | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: done       | completed | 2/0/1  | -             | completed
        ready                      | me: lease lost | ready     | 0/0/0  | -             | -
        ready: I released it       | me: lease lost | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: done       | completed | 1/0/0  | -             | completed
        ready: cut, kept           | me: done       | completed | 1/0/0  | -             | completed
        ready: silence, kept       | me: done       | completed | 1/0/0  | -             | completed
        ready: hub restart, kept   | me: done       | completed | 1/0/0  | -             | completed
        claimed: mine              | me: done       | completed | 1/0/0  | -             | completed
        claimed: another's         | me: lease lost | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: done       | completed | 1/0/0  | -             | completed
        claimed: adrift by restart | me: done       | completed | 1/0/0  | -             | completed
        completed: by me           | me: done       | completed | 1/0/0  | -             | -
        completed: by another      | me: lease lost | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: lease lost | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: lease lost | dead      | 1/0/0  | -             | -
        dead: deadline             | me: lease lost | dead      | 1/0/0  | -             | -
        forgotten                  | me: lease lost | unknown   | -      | -             | -
        ",
    );
}

#[test]
fn fail_by_me() {
    check(
        |scene| scene.world.send(scene.me, fail(scene.mine)),
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
fn release_by_me() {
    check(
        |scene| {
            scene
                .world
                .send(scene.me, Command::Release(vec![scene.mine]))
        },
        "
        from                       | said           | then      | counts | lease         | changes
        unknown                    | me: lease lost | unknown   | -      | -             | -
        scheduled: delayed         | me: lease lost | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: lease lost | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: done       | ready     | 1/1/1  | -             | released
        ready                      | me: lease lost | ready     | 0/0/0  | -             | -
        ready: I released it       | me: done       | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: done       | ready     | 0/1/0  | -             | released
        ready: cut, kept           | me: done       | ready     | 0/1/0  | -             | released
        ready: silence, kept       | me: done       | ready     | 0/1/0  | -             | released
        ready: hub restart, kept   | me: done       | ready     | 0/1/0  | -             | released
        claimed: mine              | me: done       | ready     | 0/1/0  | -             | released
        claimed: another's         | me: lease lost | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: done       | ready     | 0/1/0  | -             | released
        claimed: adrift by restart | me: done       | ready     | 0/1/0  | -             | released
        completed: by me           | me: lease lost | completed | 1/0/0  | -             | -
        completed: by another      | me: lease lost | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: lease lost | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: lease lost | dead      | 1/0/0  | -             | -
        dead: deadline             | me: lease lost | dead      | 1/0/0  | -             | -
        forgotten                  | me: lease lost | unknown   | -      | -             | -
        ",
    );
}
