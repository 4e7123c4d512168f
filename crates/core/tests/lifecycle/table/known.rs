//! The verbs for what is known of a task, in every state.

use leasehold_core::*;

use super::{check, starts::Scene};
use crate::harness::*;

pub(super) fn stop(scene: &mut Scene, grace: u64) -> Vec<Reply> {
    let command = Command::CancelWithin(vec![id(1)], Some(secs(grace)));
    scene.world.send(scene.producer, command)
}

pub(super) fn told(scene: &Scene) -> Command {
    Command::Progress(vec![Told {
        proof: scene.mine,
        fraction: 2_500,
        note: "a quarter".into(),
    }])
}

pub(super) fn revive_with(which: Which) -> Command {
    let edits = vec![Edit::Priority(3)];
    Command::ReviveWith(Box::new(ReviveWith { which, edits }))
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
