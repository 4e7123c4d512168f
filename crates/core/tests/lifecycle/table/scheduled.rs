//! What a schedule makes of tasks that are there already: nothing, whatever state they are in.

use leasehold_core::*;

use super::{check, starts::Scene};
use crate::harness::*;

/// A schedule is put, and an instant of it comes; task 1 is not its task.
fn fires(scene: &mut Scene) -> Vec<Reply> {
    let name = ScheduleName::new("s").expect("a name");
    let put = Schedule {
        name: name.clone(),
        seed: id(77),
        when: When::Every {
            ms: 1000,
            from: Timestamp::default(),
        },
        misfire: Misfire::Once,
        priority: 0,
        attempts_max: None,
        wishes: vec![],
        payload: "".into(),
        paused: false,
        done_until: Timestamp::default(),
        fired: 0,
        skipped: 0,
        last: None,
    };
    let put = Command::Schedule(ScheduleAsk::Put(Box::new(put)));
    let mut replies = scene.world.send(scene.producer, put);
    scene.world.now = scene.world.now + ms(1);
    let plan = Command::Plan(Box::new(Plan {
        name,
        due: vec![scene.world.now],
        more: false,
        next: None,
    }));
    replies.extend(scene.world.send(SessionId(0), plan));
    replies
}

#[test]
fn a_schedule_fires() {
    check(
        fires,
        r#"
        from                       | said           | then      | counts | lease              | changes
        unknown                    | producer: done | unknown   | -      | -                  | enqueued, note Schedule("s")
        scheduled: delayed         | producer: done | scheduled | 0/0/0  | -                  | enqueued, note Schedule("s")
        scheduled: I failed it     | producer: done | scheduled | 1/0/0  | -                  | enqueued, note Schedule("s")
        scheduled: cut twice, kept | producer: done | scheduled | 2/0/2  | mine kept          | enqueued, note Schedule("s")
        ready                      | producer: done | ready     | 0/0/0  | -                  | enqueued, note Schedule("s")
        ready: I released it       | producer: done | ready     | 0/1/0  | -                  | enqueued, note Schedule("s")
        ready: deadline, kept      | producer: done | ready     | 1/0/0  | mine kept          | enqueued, note Schedule("s")
        ready: cut, kept           | producer: done | ready     | 1/0/1  | mine kept          | enqueued, note Schedule("s")
        ready: silence, kept       | producer: done | ready     | 1/0/1  | mine kept          | enqueued, note Schedule("s")
        ready: hub restart, kept   | producer: done | ready     | 0/1/0  | mine kept          | enqueued, note Schedule("s")
        claimed: mine              | producer: done | claimed   | 1/0/0  | mine 29.999s       | enqueued, note Schedule("s")
        claimed: another's         | producer: done | claimed   | 2/0/0  | another's 29.999s  | enqueued, note Schedule("s")
        claimed: adrift by cut     | producer: done | claimed   | 1/0/0  | mine adrift 499ms  | enqueued, note Schedule("s")
        claimed: adrift by restart | producer: done | claimed   | 1/0/0  | mine adrift 9.999s | enqueued, note Schedule("s")
        completed: by me           | producer: done | completed | 1/0/0  | -                  | enqueued, note Schedule("s")
        completed: by another      | producer: done | completed | 2/0/0  | -                  | enqueued, note Schedule("s")
        cancelled: was mine        | producer: done | cancelled | 1/0/0  | -                  | enqueued, note Schedule("s")
        dead: I failed it          | producer: done | dead      | 1/0/0  | -                  | enqueued, note Schedule("s")
        dead: deadline             | producer: done | dead      | 1/0/0  | -                  | enqueued, note Schedule("s")
        forgotten                  | producer: done | unknown   | -      | -                  | enqueued, note Schedule("s")
        "#,
    );
}
