//! What a node may ask.

use bytes::Bytes;
use leasehold_core::StateKind;
use leasehold_wire::{CompleteItem, EnqueueItem, FailItem, Request};

use super::{Example, long_proof, other_task, pool, proof, request, task};

pub(crate) fn enqueue() -> Example {
    let tasks = vec![EnqueueItem {
        id: task(),
        priority: 10,
        attempts_max: None,
        delay_ms: 0,
        payload: Bytes::from_static(b"hello"),
    }];
    request(
        1,
        Request::Enqueue {
            pool: pool(),
            tasks,
        },
    )
}

fn enqueue_two() -> Example {
    let urgent = EnqueueItem {
        id: other_task(),
        priority: 0,
        attempts_max: Some(1000),
        delay_ms: 86_400_000,
        payload: Bytes::new(),
    };
    let long = EnqueueItem {
        id: task(),
        priority: u32::MAX,
        attempts_max: Some(1),
        delay_ms: 250,
        payload: Bytes::from(vec![0xab; 251]),
    };
    request(
        250,
        Request::Enqueue {
            pool: pool(),
            tasks: vec![urgent, long],
        },
    )
}

pub(crate) fn credit() -> Example {
    request(
        2,
        Request::Credit {
            pool: pool(),
            tasks: 1,
            lease_ms: None,
        },
    )
}

pub(crate) fn complete() -> Example {
    let item = CompleteItem {
        proof: proof(),
        result: Some(Bytes::from_static(b"ok")),
    };
    request(3, Request::Complete { items: vec![item] })
}

pub(crate) fn requests() -> Vec<(&'static str, Example)> {
    let mut all = taking();
    all.extend(finishing());
    all.extend(looking());
    all
}

fn taking() -> Vec<(&'static str, Example)> {
    let claim = |wait_ms, lease_ms| Request::Claim {
        pool: pool(),
        tasks_max: 64,
        wait_ms,
        lease_ms,
    };
    let leased = Request::Credit {
        pool: pool(),
        tasks: 4096,
        lease_ms: Some(60_000),
    };
    vec![
        ("FromNode.Request", request(u64::MAX, claim(0, None))),
        ("Request.Enqueue.two", enqueue_two()),
        ("Request.Claim", request(251, claim(0, None))),
        (
            "Request.Claim.waiting",
            request(65_535, claim(3_600_000, Some(100))),
        ),
        ("Request.Credit.leased", request(65_536, leased)),
    ]
}

fn finishing() -> Vec<(&'static str, Example)> {
    let leases = || vec![proof(), long_proof()];
    let failed = FailItem {
        proof: proof(),
        reason: "no route to host — ünreachable".into(),
    };
    let silent = CompleteItem {
        proof: long_proof(),
        result: None,
    };
    let renew = Request::Extend {
        leases: leases(),
        lease_ms: None,
    };
    let extend = Request::Extend {
        leases: vec![proof()],
        lease_ms: Some(86_400_000),
    };
    vec![
        ("Request.Extend", request(4, renew)),
        ("Request.Extend.to", request(5, extend)),
        (
            "Request.Complete.silent",
            request(
                6,
                Request::Complete {
                    items: vec![silent],
                },
            ),
        ),
        (
            "Request.Fail",
            request(
                7,
                Request::Fail {
                    items: vec![failed],
                },
            ),
        ),
        (
            "Request.Release",
            request(8, Request::Release { leases: leases() }),
        ),
        (
            "Request.Resume",
            request(9, Request::Resume { leases: leases() }),
        ),
        (
            "Request.Resume.nothing",
            request(10, Request::Resume { leases: vec![] }),
        ),
    ]
}

fn looking() -> Vec<(&'static str, Example)> {
    let revive = |tasks| Request::Revive {
        pool: pool(),
        tasks,
    };
    let list = |state, after| Request::Tasks {
        pool: pool(),
        state,
        after,
        tasks_max: 100,
    };
    let wait = Request::Await {
        pool: pool(),
        task: task(),
        wait_ms: 30_000,
    };
    let in_state = |state| request(20, list(Some(state), None));
    vec![
        (
            "Request.Cancel",
            request(
                11,
                Request::Cancel {
                    tasks: vec![task(), other_task()],
                },
            ),
        ),
        ("Request.Revive", request(12, revive(None))),
        (
            "Request.Revive.these",
            request(13, revive(Some(vec![task()]))),
        ),
        ("Request.Await", request(14, wait)),
        (
            "Request.Status",
            request(15, Request::Status { pool: None }),
        ),
        (
            "Request.Status.pool",
            request(16, Request::Status { pool: Some(pool()) }),
        ),
        ("Request.Tasks", request(17, list(None, None))),
        (
            "Request.Tasks.next",
            request(18, list(Some(StateKind::Dead), Some(task()))),
        ),
        ("Request.Task", request(19, Request::Task { task: task() })),
        ("StateKind.Scheduled", in_state(StateKind::Scheduled)),
        ("StateKind.Ready", in_state(StateKind::Ready)),
        ("StateKind.Claimed", in_state(StateKind::Claimed)),
        ("StateKind.Completed", in_state(StateKind::Completed)),
        ("StateKind.Cancelled", in_state(StateKind::Cancelled)),
        ("StateKind.Dead", in_state(StateKind::Dead)),
    ]
}
