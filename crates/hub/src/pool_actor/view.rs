//! The core's words as the wire's.

mod facts;

pub(super) use self::facts::{
    after as after_of, granted as facts_of_grant, known as facts_known, of as facts_of,
};

use bytes::Bytes;
use leasehold_core::{
    Accepted, Answer, Attempt, Grant, LeaseRef, Listed, PoolName, PoolSummary, Rejection, State,
    StateKind, Task, TaskId, Timestamp, time::millis,
};
use leasehold_wire::{
    AttemptDetail, Delivery, DeliveryMore, EnqueuedItem, PoolStatus, Response, TaskDetail,
    TaskSummary,
};

pub(super) fn response(answer: Answer) -> Response {
    match answer {
        Answer::Enqueued(items) => {
            let item = |accepted: Accepted| enqueued(accepted.id, accepted.known_as);
            Response::Enqueued(items.into_iter().map(|one| one.map(item)).collect())
        }
        Answer::Credited(total) => Response::Credited(total),
        Answer::Extended(items) => {
            Response::Extended(items.into_iter().map(|one| one.map(millis)).collect())
        }
        Answer::Done(items) => Response::Done(items),
        Answer::Revived(items) => Response::Revived(items),
        Answer::Purged(tasks) => Response::Purged(tasks),
        Answer::Refused(rejection) => Response::Refused(rejection),
        Answer::Claimed(_) | Answer::Awaited(_) => unreachable!("these carry bytes of the store"),
    }
}

pub(super) const fn enqueued(id: TaskId, known_as: Option<StateKind>) -> EnqueuedItem {
    EnqueuedItem { id, known_as }
}

pub(super) const fn no_such_task() -> Response {
    Response::Refused(Rejection::NoSuchTask)
}

pub(super) fn delivery(grant: &Grant, payload: Bytes) -> Delivery {
    Delivery {
        proof: LeaseRef {
            task: grant.task,
            lease: grant.lease,
        },
        attempt: grant.attempt,
        lease_ms: millis(grant.lease_for),
        priority: grant.priority,
        enqueued_at_ms: grant.enqueued_at.as_millis(),
        payload,
    }
}

pub(super) fn delivery_more(grant: &Grant, payload: Bytes) -> DeliveryMore {
    DeliveryMore {
        delivery: delivery(grant, payload),
        facts: facts_of_grant(grant),
    }
}

pub(super) fn status(name: &PoolName, summary: &PoolSummary) -> PoolStatus {
    let counts = summary.counts;
    PoolStatus {
        name: name.clone(),
        ready: counts.of(StateKind::Ready),
        scheduled: counts.of(StateKind::Scheduled),
        claimed: counts.of(StateKind::Claimed),
        completed: counts.of(StateKind::Completed),
        cancelled: counts.of(StateKind::Cancelled),
        dead: counts.of(StateKind::Dead),
        waiting: summary.waiting,
        oldest_ready_ms: summary.oldest_ready_for.map(millis),
        lease_lost: summary.lease_lost,
        epoch: summary.epoch.0,
    }
}

/// Of a pool without a task of its own, at which so many wait.
pub(crate) fn status_of_none(name: PoolName, waiting: u64) -> PoolStatus {
    PoolStatus {
        name,
        ready: 0,
        scheduled: 0,
        claimed: 0,
        completed: 0,
        cancelled: 0,
        dead: 0,
        waiting,
        oldest_ready_ms: None,
        lease_lost: 0,
        epoch: 0,
    }
}

pub(super) fn tasks(listed: Vec<Listed>) -> Response {
    let view = |(task, moment): &Listed| summary(task, *moment);
    Response::Tasks(listed.iter().map(view).collect())
}

pub(super) fn detail(
    pool: &PoolName,
    task: &Task,
    moment: Option<Timestamp>,
    payload: Option<Bytes>,
    result: Option<Bytes>,
) -> TaskDetail {
    TaskDetail {
        pool: pool.clone(),
        summary: summary(task, moment),
        lease: task.lease.as_ref().map(|lease| lease.id),
        interruptions: task.interruptions,
        losses_in_a_row: task.losses_in_a_row,
        ready_at_ms: task.ready_at.as_millis(),
        history: task.history.iter().map(attempt).collect(),
        payload,
        result,
    }
}

fn summary(task: &Task, moment: Option<Timestamp>) -> TaskSummary {
    TaskSummary {
        id: task.id,
        state: task.state.kind(),
        priority: task.priority,
        attempt: task.attempt,
        attempts_max: task.attempts_max,
        node: task.node().map(|node| node.name.clone()),
        enqueued_at_ms: task.enqueued_at.as_millis(),
        at_ms: moment.map(Timestamp::as_millis),
        reason: reason(task),
        payload_bytes: task.payload_len,
    }
}

fn reason(task: &Task) -> String {
    let last = task.last_reason();
    match task.state {
        State::Dead { cause, .. } if last.is_empty() => cause.to_string(),
        State::Dead { cause, .. } => format!("{cause}: {last}"),
        State::Scheduled { .. }
        | State::Ready
        | State::Claimed
        | State::Completed { .. }
        | State::Cancelled { .. } => last.to_owned(),
    }
}

fn attempt(attempt: &Attempt) -> AttemptDetail {
    AttemptDetail {
        attempt: attempt.attempt,
        lease: attempt.lease,
        node: attempt.node.name.clone(),
        started_at_ms: attempt.started_at.as_millis(),
        ended_at_ms: attempt.ended_at.as_millis(),
        ending: attempt.ending,
        reason: attempt.reason.clone(),
    }
}
