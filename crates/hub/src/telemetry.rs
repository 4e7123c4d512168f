//! What is said of tasks in the log: one event a change, at `debug`. Nothing at `info` grows with
//! traffic.

use leasehold_core::{Cause, Change, Death, LeaseId, PoolName, State, Task, trace_id};

pub(crate) fn report(pool: &PoolName, changes: &[Change]) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    for change in changes {
        match change {
            Change::Put { task, cause, .. } => {
                let node = task.lease.as_ref().map(|lease| lease.node.name.as_str());
                let lease = task.lease.as_ref().map(|lease| lease.id.to_string());
                let extras = task.extras.as_deref();
                let trace = extras.and_then(|extras| extras.trace.as_deref());
                let trace_id = trace.and_then(trace_id);
                let ended = ended(task, *cause).map(|lease| lease.to_string());
                let died = died(task).map(|cause| cause.to_string());
                tracing::debug!(
                    %pool, task = %task.id, ?cause, state = %task.state.kind(),
                    attempt = task.attempt, node, lease, ended, died,
                    priority = task.priority, ready_at = task.ready_at.as_millis(), trace_id,
                    "task changed"
                );
            }
            Change::Note { name, .. } => tracing::debug!(%pool, ?name, "note changed"),
            Change::Forget(id) => tracing::debug!(%pool, task = %id, "task forgotten"),
        }
    }
}

/// The lease that ended with this change.
fn ended(task: &Task, cause: Cause) -> Option<LeaseId> {
    let is_of_attempt = matches!(cause, Cause::Completed | Cause::Requeued(_));
    let last = task.history.last().filter(|_| is_of_attempt)?;
    Some(last.lease)
}

/// What a dead task died of.
const fn died(task: &Task) -> Option<Death> {
    match task.state {
        State::Dead { cause, .. } => Some(cause),
        State::Scheduled { .. }
        | State::Ready
        | State::Claimed
        | State::Completed { .. }
        | State::Cancelled { .. } => None,
    }
}
