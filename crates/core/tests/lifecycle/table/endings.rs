//! What nobody asks for: the ends of my session, time, a restart of the hub.

use leasehold_core::Ending;

use super::check;
use crate::harness::*;

#[test]
fn my_session_says_bye() {
    check(
        |scene| scene.world.end(scene.me, Ending::Bye),
        "
        from                       | said | then      | counts | lease             | changes
        unknown                    | -    | unknown   | -      | -                 | -
        scheduled: delayed         | -    | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | -    | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | -    | scheduled | 2/0/2  | mine kept         | -
        ready                      | -    | ready     | 0/0/0  | -                 | -
        ready: I released it       | -    | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | -    | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | -    | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | -    | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | -    | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | -    | ready     | 0/1/0  | -                 | released
        claimed: another's         | -    | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | -    | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | -    | completed | 1/0/0  | -                 | -
        completed: by another      | -    | completed | 2/0/0  | -                 | -
        cancelled: was mine        | -    | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | -    | dead      | 1/0/0  | -                 | -
        dead: deadline             | -    | dead      | 1/0/0  | -                 | -
        forgotten                  | -    | unknown   | -      | -                 | -
        ",
    );
}

#[test]
fn my_session_is_cut() {
    check(
        |scene| scene.world.end(scene.me, Ending::Cut),
        "
        from                       | said | then      | counts | lease             | changes
        unknown                    | -    | unknown   | -      | -                 | -
        scheduled: delayed         | -    | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | -    | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | -    | scheduled | 2/0/2  | mine kept         | -
        ready                      | -    | ready     | 0/0/0  | -                 | -
        ready: I released it       | -    | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | -    | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | -    | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | -    | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | -    | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: another's         | -    | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | -    | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | -    | completed | 1/0/0  | -                 | -
        completed: by another      | -    | completed | 2/0/0  | -                 | -
        cancelled: was mine        | -    | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | -    | dead      | 1/0/0  | -                 | -
        dead: deadline             | -    | dead      | 1/0/0  | -                 | -
        forgotten                  | -    | unknown   | -      | -                 | -
        ",
    );
}

#[test]
fn my_session_is_silent() {
    check(
        |scene| scene.world.end(scene.me, Ending::Silence),
        "
        from                       | said | then      | counts | lease             | changes
        unknown                    | -    | unknown   | -      | -                 | -
        scheduled: delayed         | -    | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | -    | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | -    | scheduled | 2/0/2  | mine kept         | -
        ready                      | -    | ready     | 0/0/0  | -                 | -
        ready: I released it       | -    | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | -    | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | -    | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | -    | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | -    | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | -    | ready     | 1/0/1  | mine kept         | silence
        claimed: another's         | -    | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | -    | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | -    | completed | 1/0/0  | -                 | -
        completed: by another      | -    | completed | 2/0/0  | -                 | -
        cancelled: was mine        | -    | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | -    | dead      | 1/0/0  | -                 | -
        dead: deadline             | -    | dead      | 1/0/0  | -                 | -
        forgotten                  | -    | unknown   | -      | -                 | -
        ",
    );
}

#[test]
fn the_hub_dismisses_my_session() {
    check(
        |scene| scene.world.end(scene.me, Ending::Dismissed),
        "
        from                       | said | then      | counts | lease             | changes
        unknown                    | -    | unknown   | -      | -                 | -
        scheduled: delayed         | -    | scheduled | 0/0/0  | -                 | -
        scheduled: I failed it     | -    | scheduled | 1/0/0  | -                 | -
        scheduled: cut twice, kept | -    | scheduled | 2/0/2  | mine kept         | -
        ready                      | -    | ready     | 0/0/0  | -                 | -
        ready: I released it       | -    | ready     | 0/1/0  | -                 | -
        ready: deadline, kept      | -    | ready     | 1/0/0  | mine kept         | -
        ready: cut, kept           | -    | ready     | 1/0/1  | mine kept         | -
        ready: silence, kept       | -    | ready     | 1/0/1  | mine kept         | -
        ready: hub restart, kept   | -    | ready     | 0/1/0  | mine kept         | -
        claimed: mine              | -    | claimed   | 1/0/0  | mine adrift 10s   | -
        claimed: another's         | -    | claimed   | 2/0/0  | another's 30s     | -
        claimed: adrift by cut     | -    | claimed   | 1/0/0  | mine adrift 500ms | -
        claimed: adrift by restart | -    | claimed   | 1/0/0  | mine adrift 10s   | -
        completed: by me           | -    | completed | 1/0/0  | -                 | -
        completed: by another      | -    | completed | 2/0/0  | -                 | -
        cancelled: was mine        | -    | cancelled | 1/0/0  | -                 | -
        dead: I failed it          | -    | dead      | 1/0/0  | -                 | -
        dead: deadline             | -    | dead      | 1/0/0  | -                 | -
        forgotten                  | -    | unknown   | -      | -                 | -
        ",
    );
}

/// Deadlines pass, and the graces of those who are adrift.
#[test]
fn half_a_minute_passes() {
    check(
        |scene| scene.pass(secs(30)),
        "
        from                       | said | then      | counts | lease          | changes
        unknown                    | -    | unknown   | -      | -              | -
        scheduled: delayed         | -    | scheduled | 0/0/0  | -              | -
        scheduled: I failed it     | -    | scheduled | 1/0/0  | -              | -
        scheduled: cut twice, kept | -    | scheduled | 2/0/2  | mine kept      | -
        ready                      | -    | ready     | 0/0/0  | -              | -
        ready: I released it       | -    | ready     | 0/1/0  | -              | -
        ready: deadline, kept      | -    | ready     | 1/0/0  | mine kept      | -
        ready: cut, kept           | -    | ready     | 1/0/1  | mine kept      | -
        ready: silence, kept       | -    | ready     | 1/0/1  | mine kept      | -
        ready: hub restart, kept   | -    | ready     | 0/1/0  | mine kept      | -
        claimed: mine              | -    | ready     | 1/0/0  | mine kept      | expired
        claimed: another's         | -    | ready     | 2/0/0  | another's kept | expired
        claimed: adrift by cut     | -    | ready     | 1/0/1  | mine kept      | cut
        claimed: adrift by restart | -    | ready     | 0/1/0  | mine kept      | interrupted
        completed: by me           | -    | completed | 1/0/0  | -              | -
        completed: by another      | -    | completed | 2/0/0  | -              | -
        cancelled: was mine        | -    | cancelled | 1/0/0  | -              | -
        dead: I failed it          | -    | dead      | 1/0/0  | -              | -
        dead: deadline             | -    | dead      | 1/0/0  | -              | -
        forgotten                  | -    | unknown   | -      | -              | -
        ",
    );
}

/// The times of those who wait pass.
#[test]
fn a_quarter_of_an_hour_passes() {
    check(
        |scene| scene.pass(secs(900)),
        "
        from                       | said | then      | counts | lease          | changes
        unknown                    | -    | unknown   | -      | -              | -
        scheduled: delayed         | -    | ready     | 0/0/0  | -              | (due)
        scheduled: I failed it     | -    | ready     | 1/0/0  | -              | (due)
        scheduled: cut twice, kept | -    | ready     | 2/0/2  | mine kept      | (due)
        ready                      | -    | ready     | 0/0/0  | -              | -
        ready: I released it       | -    | ready     | 0/1/0  | -              | -
        ready: deadline, kept      | -    | ready     | 1/0/0  | mine kept      | -
        ready: cut, kept           | -    | ready     | 1/0/1  | mine kept      | -
        ready: silence, kept       | -    | ready     | 1/0/1  | mine kept      | -
        ready: hub restart, kept   | -    | ready     | 0/1/0  | mine kept      | -
        claimed: mine              | -    | ready     | 1/0/0  | mine kept      | expired
        claimed: another's         | -    | ready     | 2/0/0  | another's kept | expired
        claimed: adrift by cut     | -    | ready     | 1/0/1  | mine kept      | cut
        claimed: adrift by restart | -    | ready     | 0/1/0  | mine kept      | interrupted
        completed: by me           | -    | completed | 1/0/0  | -              | -
        completed: by another      | -    | completed | 2/0/0  | -              | -
        cancelled: was mine        | -    | cancelled | 1/0/0  | -              | -
        dead: I failed it          | -    | dead      | 1/0/0  | -              | -
        dead: deadline             | -    | dead      | 1/0/0  | -              | -
        forgotten                  | -    | unknown   | -      | -              | -
        ",
    );
}

/// Finished tasks are forgotten after a day.
#[test]
fn a_day_passes() {
    check(
        |scene| scene.pass(secs(24 * 3600)),
        "
        from                       | said | then    | counts | lease          | changes
        unknown                    | -    | unknown | -      | -              | -
        scheduled: delayed         | -    | ready   | 0/0/0  | -              | (due)
        scheduled: I failed it     | -    | ready   | 1/0/0  | -              | (due)
        scheduled: cut twice, kept | -    | ready   | 2/0/2  | mine kept      | (due)
        ready                      | -    | ready   | 0/0/0  | -              | -
        ready: I released it       | -    | ready   | 0/1/0  | -              | -
        ready: deadline, kept      | -    | ready   | 1/0/0  | mine kept      | -
        ready: cut, kept           | -    | ready   | 1/0/1  | mine kept      | -
        ready: silence, kept       | -    | ready   | 1/0/1  | mine kept      | -
        ready: hub restart, kept   | -    | ready   | 0/1/0  | mine kept      | -
        claimed: mine              | -    | ready   | 1/0/0  | mine kept      | expired
        claimed: another's         | -    | ready   | 2/0/0  | another's kept | expired
        claimed: adrift by cut     | -    | ready   | 1/0/1  | mine kept      | cut
        claimed: adrift by restart | -    | ready   | 0/1/0  | mine kept      | interrupted
        completed: by me           | -    | unknown | -      | -              | forgotten
        completed: by another      | -    | unknown | -      | -              | forgotten
        cancelled: was mine        | -    | unknown | -      | -              | forgotten
        dead: I failed it          | -    | dead    | 1/0/0  | -              | -
        dead: deadline             | -    | dead    | 1/0/0  | -              | -
        forgotten                  | -    | unknown | -      | -              | -
        ",
    );
}

/// The hub restarts, with what was stored.
#[test]
fn a_restart() {
    check(
        |scene| {
            scene.world.restart();
            vec![]
        },
        "
        from                       | said | then      | counts | lease                | changes
        unknown                    | -    | unknown   | -      | -                    | -
        scheduled: delayed         | -    | scheduled | 0/0/0  | -                    | -
        scheduled: I failed it     | -    | scheduled | 1/0/0  | -                    | -
        scheduled: cut twice, kept | -    | scheduled | 2/0/2  | mine kept            | -
        ready                      | -    | ready     | 0/0/0  | -                    | -
        ready: I released it       | -    | ready     | 0/1/0  | -                    | -
        ready: deadline, kept      | -    | ready     | 1/0/0  | mine kept            | -
        ready: cut, kept           | -    | ready     | 1/0/1  | mine kept            | -
        ready: silence, kept       | -    | ready     | 1/0/1  | mine kept            | -
        ready: hub restart, kept   | -    | ready     | 0/1/0  | mine kept            | -
        claimed: mine              | -    | claimed   | 1/0/0  | mine adrift 10s      | -
        claimed: another's         | -    | claimed   | 2/0/0  | another's adrift 10s | -
        claimed: adrift by cut     | -    | claimed   | 1/0/0  | mine adrift 10s      | -
        claimed: adrift by restart | -    | claimed   | 1/0/0  | mine adrift 10s      | -
        completed: by me           | -    | completed | 1/0/0  | -                    | -
        completed: by another      | -    | completed | 2/0/0  | -                    | -
        cancelled: was mine        | -    | cancelled | 1/0/0  | -                    | -
        dead: I failed it          | -    | dead      | 1/0/0  | -                    | -
        dead: deadline             | -    | dead      | 1/0/0  | -                    | -
        forgotten                  | -    | unknown   | -      | -                    | -
        ",
    );
}
