//! Where the requests of version 2 go.

use leasehold_core::{
    AfterFailure, Command, Completion, Edit, Failure, NewTask, PoolName, ReviveWith, TaskId, Told,
    Where, limits::BATCH_MAX,
};
use leasehold_wire::{
    CompleteMoreItem, EnqueueMoreItem, FailMoreItem, FailThen, PoolVerb, ProgressItem, Request,
    ScheduleVerb,
};

use super::{AllShape, ItemShape, Route, SUMMARY, by_lease, completion, failure, ms, new_task};
use crate::pool_actor::{Ask, Query};

pub(super) fn route(request: Request) -> Route {
    match request {
        Request::EnqueueMore { pool, tasks } => {
            let tasks = tasks.into_iter().map(wished).collect();
            Route::ToOne(pool, Ask::Command(Command::Enqueue(tasks)))
        }
        Request::CompleteMore { items } => {
            let items = items.into_iter().map(followed).collect();
            by_lease(
                items,
                |item: &Completion| item.proof,
                Command::Complete,
                ItemShape::Done,
            )
        }
        Request::FailMore { items } => {
            let items = items.into_iter().map(given_up).collect();
            by_lease(
                items,
                |item: &Failure| item.proof,
                Command::Fail,
                ItemShape::Done,
            )
        }
        Request::Progress { items } => {
            let items = items.into_iter().map(told).collect();
            by_lease(
                items,
                |item: &Told| item.proof,
                Command::Progress,
                ItemShape::Extended,
            )
        }
        Request::CancelWithin { tasks, grace_ms } => calls_off(tasks, grace_ms),
        Request::ReviveWhere { pool, which, edits } => {
            Route::ToKnown(pool, revival(ReviveWith { which, edits }))
        }
        Request::Purge {
            pool,
            which,
            tasks_max,
        } => Route::ToKnown(pool, Ask::Command(Command::Purge(which, tasks_max))),
        Request::TasksWhere {
            pool,
            which,
            after,
            tasks_max,
        } => Route::ToKnown(pool, listing(which, after, tasks_max)),
        Request::Pool { pool, verb } => pools(pool, verb),
        Request::Schedule { pool, verb } => schedules(pool, verb),
        Request::Enqueue { .. }
        | Request::Claim { .. }
        | Request::Credit { .. }
        | Request::Extend { .. }
        | Request::Complete { .. }
        | Request::Fail { .. }
        | Request::Release { .. }
        | Request::Resume { .. }
        | Request::Cancel { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. }
        | Request::Tasks { .. }
        | Request::Task { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. } => unreachable!("routed by the caller"),
    }
}

fn calls_off(tasks: Vec<TaskId>, grace_ms: Option<u64>) -> Route {
    let shape = AllShape::Cancel(tasks.len());
    let command = Command::CancelWithin(tasks, grace_ms.map(ms));
    Route::ToAll(Ask::Command(command), shape)
}

fn pools(pool: PoolName, verb: PoolVerb) -> Route {
    match verb {
        PoolVerb::Create(settings) => Route::Create(pool, settings),
        known @ (PoolVerb::Show
        | PoolVerb::Set(_)
        | PoolVerb::Pause(_)
        | PoolVerb::Resume
        | PoolVerb::Delete { .. }) => Route::ToKnown(pool, Ask::Pool(known)),
    }
}

/// A pool that has not been used yet is made for its first schedule.
fn schedules(pool: PoolName, verb: ScheduleVerb) -> Route {
    let makes = matches!(verb, ScheduleVerb::Put(_));
    let ask = Ask::Schedule(verb);
    if makes {
        Route::ToOne(pool, ask)
    } else {
        Route::ToKnown(pool, ask)
    }
}

fn revival(revive: ReviveWith) -> Ask {
    Ask::Command(Command::ReviveWith(Box::new(revive)))
}

fn listing(which: Vec<Where>, after: Option<TaskId>, tasks_max: u32) -> Ask {
    let tasks_max = (tasks_max as usize).min(BATCH_MAX);
    Ask::Query(Query::Tasks {
        which,
        after,
        tasks_max,
    })
}

fn wished(of: EnqueueMoreItem) -> NewTask {
    NewTask {
        wishes: of.wishes,
        ..new_task(of.item)
    }
}

fn followed(of: CompleteMoreItem) -> Completion {
    Completion {
        then: of.then.into_iter().map(wished).collect(),
        ..completion(of.item)
    }
}

fn given_up(of: FailMoreItem) -> Failure {
    let then = match of.then {
        FailThen::ByPolicy => AfterFailure::ByPolicy,
        FailThen::Wait(wait_ms) => AfterFailure::Wait(ms(wait_ms)),
        FailThen::Never => AfterFailure::Never,
    };
    Failure {
        then,
        ..failure(of.item)
    }
}

fn told(of: ProgressItem) -> Told {
    Told {
        proof: of.proof,
        fraction: of.fraction,
        note: of.note,
    }
}

/// What an item weighs beside its bytes, roughly.
const ITEM: usize = 64;

/// What the items of a request of version 2 weigh in memory, roughly, in bytes.
pub(super) fn bytes(request: &Request) -> usize {
    match request {
        Request::EnqueueMore { tasks, .. } => tasks.iter().map(wished_bytes).sum(),
        Request::CompleteMore { items } => items.iter().map(followed_bytes).sum(),
        Request::FailMore { items } => {
            let bytes = |of: &FailMoreItem| ITEM + of.item.reason.len();
            items.iter().map(bytes).sum()
        }
        Request::Progress { items } => items.iter().map(|of| ITEM + of.note.len()).sum(),
        Request::CancelWithin { tasks, .. } => ITEM * tasks.len(),
        Request::ReviveWhere { edits, .. } => edits.iter().map(edit_bytes).sum(),
        Request::TasksWhere {
            which, tasks_max, ..
        } => ITEM * which.len() + SUMMARY * (*tasks_max as usize).min(BATCH_MAX),
        Request::Purge { which, .. } => ITEM * which.len(),
        Request::Schedule {
            verb: ScheduleVerb::Put(spec),
            ..
        } => ITEM + spec.payload.len() + ITEM * spec.wishes.len(),
        Request::Pool { .. }
        | Request::Schedule { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. }
        | Request::Enqueue { .. }
        | Request::Claim { .. }
        | Request::Credit { .. }
        | Request::Extend { .. }
        | Request::Complete { .. }
        | Request::Fail { .. }
        | Request::Release { .. }
        | Request::Resume { .. }
        | Request::Cancel { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. }
        | Request::Tasks { .. }
        | Request::Task { .. } => ITEM,
    }
}

fn wished_bytes(of: &EnqueueMoreItem) -> usize {
    ITEM + of.item.payload.len() + ITEM * of.wishes.len()
}

fn followed_bytes(of: &CompleteMoreItem) -> usize {
    let result = of.item.result.as_ref().map_or(0, bytes::Bytes::len);
    ITEM + result + of.then.iter().map(wished_bytes).sum::<usize>()
}

fn edit_bytes(of: &Edit) -> usize {
    match of {
        Edit::Payload(payload) => ITEM + payload.len(),
        Edit::Priority(_) | Edit::AttemptsMax(_) | Edit::ExpiresAfter(_) => ITEM,
    }
}
