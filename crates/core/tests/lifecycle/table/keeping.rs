//! Verbs that keep a lease: extend, resume.

use leasehold_core::Command;

use super::check;

#[test]
fn extend_by_me() {
    check(
        |scene| scene.world.send(scene.me, Command::Extend(vec![scene.mine], None)),
        "
        from                       | said           | then      | counts | lease         | changes
        unknown                    | me: lease lost | unknown   | -      | -             | -
        scheduled: delayed         | me: lease lost | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: lease lost | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: 30s        | claimed   | 2/0/1  | mine 30s      | resumed
        ready                      | me: lease lost | ready     | 0/0/0  | -             | -
        ready: I released it       | me: lease lost | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        ready: cut, kept           | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        ready: silence, kept       | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        ready: hub restart, kept   | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        claimed: mine              | me: 30s        | claimed   | 1/0/0  | mine 30s      | (extended)
        claimed: another's         | me: lease lost | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: 30s        | claimed   | 1/0/0  | mine 30s      | (extended)
        claimed: adrift by restart | me: 30s        | claimed   | 1/0/0  | mine 30s      | (extended)
        completed: by me           | me: lease lost | completed | 1/0/0  | -             | -
        completed: by another      | me: lease lost | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: lease lost | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: lease lost | dead      | 1/0/0  | -             | -
        dead: deadline             | me: lease lost | dead      | 1/0/0  | -             | -
        forgotten                  | me: lease lost | unknown   | -      | -             | -
        ",
    );
}

#[test]
fn resume_of_my_lease() {
    check(
        |scene| scene.world.send(scene.me, Command::Resume(vec![scene.mine])),
        "
        from                       | said           | then      | counts | lease         | changes
        unknown                    | me: lease lost | unknown   | -      | -             | -
        scheduled: delayed         | me: lease lost | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: lease lost | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: 30s        | claimed   | 2/0/1  | mine 30s      | resumed
        ready                      | me: lease lost | ready     | 0/0/0  | -             | -
        ready: I released it       | me: lease lost | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        ready: cut, kept           | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        ready: silence, kept       | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        ready: hub restart, kept   | me: 30s        | claimed   | 1/0/0  | mine 30s      | resumed
        claimed: mine              | me: 30s        | claimed   | 1/0/0  | mine 30s      | (extended)
        claimed: another's         | me: lease lost | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: 30s        | claimed   | 1/0/0  | mine 30s      | (extended)
        claimed: adrift by restart | me: 30s        | claimed   | 1/0/0  | mine 30s      | (extended)
        completed: by me           | me: lease lost | completed | 1/0/0  | -             | -
        completed: by another      | me: lease lost | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: lease lost | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: lease lost | dead      | 1/0/0  | -             | -
        dead: deadline             | me: lease lost | dead      | 1/0/0  | -             | -
        forgotten                  | me: lease lost | unknown   | -      | -             | -
        ",
    );
}

/// My node says that it holds nothing.
#[test]
fn resume_of_nothing() {
    check(
        |scene| scene.world.send(scene.me, Command::Resume(vec![])),
        "
        from                       | said  | then      | counts | lease         | changes
        unknown                    | me: - | unknown   | -      | -             | -
        scheduled: delayed         | me: - | scheduled | 0/0/0  | -             | -
        scheduled: I failed it     | me: - | scheduled | 1/0/0  | -             | -
        scheduled: cut twice, kept | me: - | scheduled | 2/0/2  | mine kept     | -
        ready                      | me: - | ready     | 0/0/0  | -             | -
        ready: I released it       | me: - | ready     | 0/1/0  | -             | -
        ready: deadline, kept      | me: - | ready     | 1/0/0  | mine kept     | -
        ready: cut, kept           | me: - | ready     | 1/0/1  | mine kept     | -
        ready: silence, kept       | me: - | ready     | 1/0/1  | mine kept     | -
        ready: hub restart, kept   | me: - | ready     | 0/1/0  | mine kept     | -
        claimed: mine              | me: - | claimed   | 1/0/0  | mine 30s      | -
        claimed: another's         | me: - | claimed   | 2/0/0  | another's 30s | -
        claimed: adrift by cut     | me: - | ready     | 0/1/0  | -             | released
        claimed: adrift by restart | me: - | ready     | 0/1/0  | -             | released
        completed: by me           | me: - | completed | 1/0/0  | -             | -
        completed: by another      | me: - | completed | 2/0/0  | -             | -
        cancelled: was mine        | me: - | cancelled | 1/0/0  | -             | -
        dead: I failed it          | me: - | dead      | 1/0/0  | -             | -
        dead: deadline             | me: - | dead      | 1/0/0  | -             | -
        forgotten                  | me: - | unknown   | -      | -             | -
        ",
    );
}
