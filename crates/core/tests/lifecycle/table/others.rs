//! Verbs of those who hold nothing: enqueue, claim, credit, cancel, revive, await.

use leasehold_core::{Command, Revive};

use super::check;
use crate::harness::*;

#[test]
fn enqueue_of_the_same_id() {
    check(|scene| scene.world.enqueue(scene.producer, &[1]), "
        from                       | said                         | then      | counts | lease             | changes
        unknown                    | producer: accepted           | ready     | 0/0/0  | -                 | enqueued
        scheduled: delayed         | producer: known as scheduled | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | producer: known as scheduled | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | producer: known as scheduled | scheduled | 2/0/2  | mine kept         | -
        ready                      | producer: known as ready     | ready     | 0/0/0  | -                 | -
        ready: I released it       | producer: known as ready     | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | producer: known as ready     | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | producer: known as ready     | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | producer: known as ready     | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | producer: known as ready     | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | producer: known as claimed   | claimed   | 1/0/0  | mine 30s          | -
        claimed: another's         | producer: known as claimed   | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | producer: known as claimed   | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | producer: known as claimed   | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | producer: known as completed | completed | 1/0/0  | -                 | -
        completed: by another      | producer: known as completed | completed | 2/0/0  | -                 | -
        cancelled: was mine        | producer: known as cancelled | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | producer: known as dead      | dead      | 1/0/0  | -                 | -
        dead: deadline             | producer: known as dead      | dead      | 1/0/0  | -                 | -
        forgotten                  | producer: accepted           | ready     | 0/0/0  | -                 | enqueued
        ");
}

#[test]
fn claim_by_another() {
    check(|scene| scene.world.send(scene.another, claim(1)), "
        from                       | said                            | then      | counts | lease             | changes
        unknown                    | another: 0 granted              | unknown   | -      | -                 | -
        scheduled: delayed         | another: 0 granted              | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | another: 0 granted              | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | another: 0 granted              | scheduled | 2/0/2  | mine kept         | -
        ready                      | another: 1 granted              | claimed   | 1/0/0  | another's 30s     | claimed
        ready: I released it       | another: 1 granted              | claimed   | 1/1/0  | another's 30s     | claimed
        ready: deadline, kept      | me: revoked, another: 1 granted | claimed   | 2/0/0  | another's 30s     | claimed
        ready: cut, kept           | another: 1 granted              | claimed   | 2/0/1  | another's 30s     | claimed
        ready: silence, kept       | another: 1 granted              | claimed   | 2/0/1  | another's 30s     | claimed
        ready: hub restart, kept   | another: 1 granted              | claimed   | 1/1/0  | another's 30s     | claimed
        claimed: mine              | another: 0 granted              | claimed   | 1/0/0  | mine 30s          | -
        claimed: another's         | another: 0 granted              | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | another: 0 granted              | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | another: 0 granted              | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | another: 0 granted              | completed | 1/0/0  | -                 | -
        completed: by another      | another: 0 granted              | completed | 2/0/0  | -                 | -
        cancelled: was mine        | another: 0 granted              | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | another: 0 granted              | dead      | 1/0/0  | -                 | -
        dead: deadline             | another: 0 granted              | dead      | 1/0/0  | -                 | -
        forgotten                  | another: 0 granted              | unknown   | -      | -                 | -
        ");
}

#[test]
fn credit_of_another() {
    check(|scene| scene.world.send(scene.another, credit(1)), "
        from                       | said                                                 | then      | counts | lease             | changes
        unknown                    | another: credit 1                                    | unknown   | -      | -                 | -
        scheduled: delayed         | another: credit 1                                    | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | another: credit 1                                    | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | another: credit 1                                    | scheduled | 2/0/2  | mine kept         | -
        ready                      | another: credit 1, another: 1 delivered              | claimed   | 1/0/0  | another's 30s     | claimed
        ready: I released it       | another: credit 1, another: 1 delivered              | claimed   | 1/1/0  | another's 30s     | claimed
        ready: deadline, kept      | another: credit 1, me: revoked, another: 1 delivered | claimed   | 2/0/0  | another's 30s     | claimed
        ready: cut, kept           | another: credit 1, another: 1 delivered              | claimed   | 2/0/1  | another's 30s     | claimed
        ready: silence, kept       | another: credit 1, another: 1 delivered              | claimed   | 2/0/1  | another's 30s     | claimed
        ready: hub restart, kept   | another: credit 1, another: 1 delivered              | claimed   | 1/1/0  | another's 30s     | claimed
        claimed: mine              | another: credit 1                                    | claimed   | 1/0/0  | mine 30s          | -
        claimed: another's         | another: credit 1                                    | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | another: credit 1                                    | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | another: credit 1                                    | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | another: credit 1                                    | completed | 1/0/0  | -                 | -
        completed: by another      | another: credit 1                                    | completed | 2/0/0  | -                 | -
        cancelled: was mine        | another: credit 1                                    | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | another: credit 1                                    | dead      | 1/0/0  | -                 | -
        dead: deadline             | another: credit 1                                    | dead      | 1/0/0  | -                 | -
        forgotten                  | another: credit 1                                    | unknown   | -      | -                 | -
        ");
}

#[test]
fn cancel_by_the_producer() {
    check(
        |scene| scene.world.send(scene.producer, Command::Cancel(vec![id(1)])),
        "
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
        ",
    );
}

#[test]
fn revive_by_the_producer() {
    let revive = || Command::Revive(Revive::Tasks(vec![id(1)]));
    check(|scene| scene.world.send(scene.producer, revive()), "
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

/// No answer yet: the await is parked.
#[test]
fn await_by_the_producer() {
    check(|scene| scene.world.send(scene.producer, await_for(1, secs(5))), "
        from                       | said                      | then      | counts | lease             | changes
        unknown                    | producer: no such task    | unknown   | -      | -                 | -
        scheduled: delayed         | -                         | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | -                         | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | -                         | scheduled | 2/0/2  | mine kept         | -
        ready                      | -                         | ready     | 0/0/0  | -                 | -
        ready: I released it       | -                         | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | -                         | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | -                         | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | -                         | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | -                         | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | -                         | claimed   | 1/0/0  | mine 30s          | -
        claimed: another's         | -                         | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | -                         | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | -                         | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | producer: it is completed | completed | 1/0/0  | -                 | -
        completed: by another      | producer: it is completed | completed | 2/0/0  | -                 | -
        cancelled: was mine        | producer: it is cancelled | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | producer: it is dead      | dead      | 1/0/0  | -                 | -
        dead: deadline             | producer: it is dead      | dead      | 1/0/0  | -                 | -
        forgotten                  | producer: no such task    | unknown   | -      | -                 | -
        ");
}
