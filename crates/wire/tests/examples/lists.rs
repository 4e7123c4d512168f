//! Answers for people who look.

use bytes::Bytes;
use leasehold_core::{AttemptEnding, StateKind};
use leasehold_wire::{
    AttemptDetail, HubStatus, PoolStatus, Response, SessionStatus, Status, StoreStatus, TaskDetail,
    TaskSummary,
};

use super::{Example, lease, node, other_task, pool, response, task};

pub(crate) fn lists() -> Vec<(&'static str, Example)> {
    let mut all = vec![
        (
            "Response.Task",
            response(20, Response::Task(Box::new(detail()))),
        ),
        (
            "Response.Tasks",
            response(21, Response::Tasks(vec![summary(), waiting()])),
        ),
        (
            "Response.Status",
            response(22, Response::Status(Box::new(status()))),
        ),
        (
            "Response.Task.waiting",
            response(23, Response::Task(Box::new(bare()))),
        ),
    ];
    all.extend(endings());
    all
}

pub(crate) fn ended(ending: AttemptEnding) -> Example {
    let detail = TaskDetail {
        history: vec![attempt(ending)],
        ..bare()
    };
    response(24, Response::Task(Box::new(detail)))
}

fn endings() -> Vec<(&'static str, Example)> {
    vec![
        ("AttemptEnding.Completed", ended(AttemptEnding::Completed)),
        ("AttemptEnding.Failed", ended(AttemptEnding::Failed)),
        ("AttemptEnding.Expired", ended(AttemptEnding::Expired)),
        ("AttemptEnding.Cut", ended(AttemptEnding::Cut)),
        ("AttemptEnding.Silence", ended(AttemptEnding::Silence)),
        ("AttemptEnding.Released", ended(AttemptEnding::Released)),
        (
            "AttemptEnding.Interrupted",
            ended(AttemptEnding::Interrupted),
        ),
        ("AttemptEnding.Cancelled", ended(AttemptEnding::Cancelled)),
    ]
}

fn summary() -> TaskSummary {
    TaskSummary {
        id: task(),
        state: StateKind::Completed,
        priority: 10,
        attempt: 2,
        attempts_max: 5,
        node: Some(node()),
        enqueued_at_ms: 1_753_000_000_000,
        at_ms: Some(1_753_000_060_000),
        reason: "timed out".into(),
        payload_bytes: 5,
    }
}

fn waiting() -> TaskSummary {
    TaskSummary {
        id: other_task(),
        state: StateKind::Ready,
        priority: 0,
        attempt: 0,
        node: None,
        at_ms: None,
        reason: String::new(),
        payload_bytes: 65_536,
        ..summary()
    }
}

pub(crate) fn detail() -> TaskDetail {
    TaskDetail {
        pool: pool(),
        summary: summary(),
        lease: Some(lease()),
        interruptions: 1,
        losses_in_a_row: 0,
        ready_at_ms: 1_753_000_000_000,
        history: vec![
            attempt(AttemptEnding::Failed),
            attempt(AttemptEnding::Completed),
        ],
        payload: Some(Bytes::from_static(b"hello")),
        result: Some(Bytes::from_static(b"ok")),
    }
}

fn bare() -> TaskDetail {
    TaskDetail {
        summary: waiting(),
        lease: None,
        interruptions: 0,
        history: vec![],
        payload: None,
        result: None,
        ..detail()
    }
}

fn attempt(ending: AttemptEnding) -> AttemptDetail {
    AttemptDetail {
        attempt: 1,
        lease: lease(),
        node: node(),
        started_at_ms: 1_753_000_001_000,
        ended_at_ms: 1_753_000_031_000,
        ending,
        reason: "timed out".into(),
    }
}

fn status() -> Status {
    Status {
        pools: vec![pool_status()],
        sessions: vec![session_status()],
        sessions_open: 1,
        store: StoreStatus {
            engine: "sled".into(),
            disk_bytes: 120_000_000,
            live_bytes: 36_000_000,
            free_bytes: Some(1 << 40),
            commits: 9000,
            changes: 1_000_000,
        },
        hub: HubStatus {
            version: "0.1.0".into(),
            up_for_ms: 3_600_000,
            draining: false,
        },
    }
}

fn pool_status() -> PoolStatus {
    PoolStatus {
        name: pool(),
        ready: 10,
        scheduled: 251,
        claimed: 3,
        completed: 65_536,
        cancelled: 0,
        dead: 1,
        waiting: 2,
        oldest_ready_ms: Some(1500),
        lease_lost: 0,
        epoch: 3,
    }
}

fn session_status() -> SessionStatus {
    SessionStatus {
        session: 7,
        node: node(),
        address: "127.0.0.1:50123".into(),
        open_for_ms: 60_000,
        claimed: 3,
    }
}
