//! Changes as a hub would make them, for tests and measurements.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use leasehold_core::{
    Attempt, AttemptEnding, Cause, Change, Death, Epoch, Extra, Extras, Incarnation, Lease,
    LeaseId, Misfire, Node, Note, Policy, PolicyChange, PoolId, Progress, Schedule, State, Task,
    TaskId, Timestamp, When, Wish,
};

/// A task that was just enqueued.
#[must_use]
pub fn task(id: TaskId) -> Task {
    Task {
        id,
        place: 7,
        priority: 3,
        attempts_max: 5,
        enqueued_at: Timestamp::from_millis(1_700_000_000_000),
        ready_at: Timestamp::from_millis(1_700_000_000_000),
        attempt: 0,
        interruptions: 0,
        losses_in_a_row: 0,
        payload_len: 0,
        result_len: None,
        state: State::Ready,
        lease: None,
        history: Vec::new(),
        extras: None,
    }
}

/// It is put in.
#[must_use]
pub fn enqueued(id: TaskId, payload: &[u8]) -> Change {
    let mut task = task(id);
    task.payload_len = length(payload);
    put(task, Cause::Enqueued, Some(Bytes::copy_from_slice(payload)))
}

/// It is granted to a node.
#[must_use]
pub fn claimed(id: TaskId) -> Change {
    put(claimed_task(id), Cause::Claimed, None)
}

/// Its lease is extended, which is not durable.
#[must_use]
pub fn extended(id: TaskId) -> Change {
    let mut task = claimed_task(id);
    task.interruptions = 99;
    put(task, Cause::Extended, None)
}

/// It completes.
#[must_use]
pub fn completed(id: TaskId, result: &[u8]) -> Change {
    let mut task = ended_task(id, AttemptEnding::Completed, "");
    task.state = State::Completed {
        at: Timestamp::from_millis(1_700_000_002_000),
    };
    task.result_len = Some(length(result));
    put(task, Cause::Completed, Some(Bytes::copy_from_slice(result)))
}

/// An attempt of it fails, and it waits.
#[must_use]
pub fn failed(id: TaskId, reason: &str) -> Change {
    let mut task = ended_task(id, AttemptEnding::Failed, reason);
    task.state = State::Scheduled {
        run_at: Timestamp::from_millis(1_700_000_003_000),
    };
    put(task, Cause::Requeued(AttemptEnding::Failed), None)
}

/// An attempt of it fails, and it is dead.
#[must_use]
pub fn died(id: TaskId) -> Change {
    let mut task = ended_task(id, AttemptEnding::Cut, "");
    let at = Timestamp::from_millis(1_700_000_004_000);
    task.state = State::Dead {
        at,
        cause: Death::AttemptsSpent,
    };
    put(task, Cause::Requeued(AttemptEnding::Cut), None)
}

/// It is called off.
#[must_use]
pub fn cancelled(id: TaskId) -> Change {
    let mut task = task(id);
    task.state = State::Cancelled {
        at: Timestamp::from_millis(1_700_000_005_000),
    };
    put(task, Cause::Cancelled, None)
}

/// It is brought back.
#[must_use]
pub fn revived(id: TaskId) -> Change {
    put(ended_task(id, AttemptEnding::Cut, ""), Cause::Revived, None)
}

/// Its holder comes back.
#[must_use]
pub fn resumed(id: TaskId) -> Change {
    put(claimed_task(id), Cause::Resumed, None)
}

/// It is brought back, with another payload.
#[must_use]
pub fn edited(id: TaskId, payload: &[u8]) -> Change {
    let mut task = ended_task(id, AttemptEnding::Cut, "");
    task.payload_len = length(payload);
    let edited = put(task, Cause::Revived, Some(Bytes::copy_from_slice(payload)));
    with_extras(edited, [Extra::Edited(1)])
}

/// The same of a task that has extras; nothing changes where no task is put.
///
/// # Panics
/// When two of the extras are of one kind.
#[must_use]
pub fn with_extras(mut change: Change, list: impl IntoIterator<Item = Extra>) -> Change {
    let list: Vec<_> = list.into_iter().collect();
    if let Change::Put { task, .. } = &mut change {
        let extras = Extras::try_from(list).expect("each is of a kind of its own");
        task.extras = Some(Arc::new(extras));
    }
    change
}

/// All extras that there are.
#[must_use]
pub fn all_extras() -> Vec<Extra> {
    let at = Timestamp::from_millis(1_700_000_006_000);
    let wishes = [
        Wish::RunAt(at),
        Wish::ExpiresAfter(86_400_000),
        Wish::MaxRuntime(100),
        Wish::BackOff {
            base_ms: 1000,
            cap_ms: 300_000,
            factor_percent: 200,
            jitter_percent: 50,
        },
        Wish::LossesMax(3),
        Wish::InterruptionsMax(1_000_000),
        Wish::Key {
            key: "invoice \u{e9} 7".to_owned(),
            window_ms: Some(3_600_000),
        },
        Wish::Group("tenant-1".to_owned()),
        Wish::After {
            tasks: vec![TaskId::from_u128(1), TaskId::from_u128(u128::MAX)],
            any_end: true,
        },
        Wish::Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    ];
    let others = [
        Extra::Schedule("nightly".to_owned()),
        Extra::Losses(2),
        Extra::Stop {
            asked_at: at,
            forced_at: at + Duration::from_secs(10),
        },
        Extra::Progress(Progress {
            at,
            fraction: 2500,
            note: "a quarter".to_owned(),
        }),
        Extra::Edited(300),
    ];
    wishes.map(Extra::Wish).into_iter().chain(others).collect()
}

/// Notes of a pool: its policy, and two schedules.
///
/// # Panics
/// Never: their names are names.
#[must_use]
pub fn notes() -> [Note; 3] {
    let at = Timestamp::from_millis(1_700_000_007_000);
    let policy = Policy {
        set: vec![("lease".to_owned(), "2m".to_owned())],
        paused: Some("the printer is out of paper".to_owned()),
        deleted: false,
        made_at: at,
        history: vec![PolicyChange {
            at,
            by: "node-1".parse().expect("it is a name"),
            what: "lease = 2m".to_owned(),
        }],
    };
    let schedule = |name: &str, when| Schedule {
        name: name.parse().expect("it is a name"),
        seed: TaskId::from_u128(77),
        when,
        misfire: Misfire::Once,
        priority: 4,
        attempts_max: Some(3),
        wishes: vec![
            Wish::ExpiresAfter(60_000),
            Wish::Group("tenant-1".to_owned()),
        ],
        payload: Bytes::from_static(b"hello"),
        paused: false,
        done_until: at,
        fired: 3,
        skipped: 1,
        last: Some(TaskId::from_u128(78)),
    };
    let cron = When::Cron {
        expr: "30 2 * * *".to_owned(),
        zone: "Europe/Vienna".to_owned(),
    };
    let every = When::Every { ms: 1000, from: at };
    [
        Note::Policy(policy),
        Note::Schedule(schedule("nightly", cron)),
        Note::Schedule(schedule("often", every)),
    ]
}

/// It is now as given.
#[must_use]
pub fn put(task: Task, cause: Cause, blob: Option<Bytes>) -> Change {
    Change::Put {
        task: Box::new(task),
        cause,
        blob,
    }
}

fn claimed_task(id: TaskId) -> Task {
    let mut task = task(id);
    task.state = State::Claimed;
    task.attempt = 1;
    task.lease = Some(Lease {
        id: lease(),
        node: node(),
        granted_at: Timestamp::from_millis(1_700_000_001_000),
        lease_ms: 30_000,
    });
    task
}

fn ended_task(id: TaskId, ending: AttemptEnding, reason: &str) -> Task {
    let mut task = task(id);
    task.attempt = 1;
    task.history.push(Attempt {
        attempt: 1,
        lease: lease(),
        node: node(),
        started_at: Timestamp::from_millis(1_700_000_001_000),
        ended_at: Timestamp::from_millis(1_700_000_002_000),
        ending,
        reason: reason.to_owned(),
    });
    task
}

fn lease() -> LeaseId {
    LeaseId {
        pool: PoolId(1),
        epoch: Epoch(2),
        number: 42,
    }
}

fn node() -> Node {
    Node {
        name: "node-1".parse().expect("it is a name"),
        incarnation: Incarnation(0xfeed),
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a sample is short")
}
