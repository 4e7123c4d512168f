//! What is said of tasks in the log: one event a change, at `debug`. Nothing at `info` grows with
//! traffic.

use leasehold_core::{Change, PoolName, trace_id};

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
                tracing::debug!(
                    %pool, task = %task.id, ?cause, state = %task.state.kind(),
                    attempt = task.attempt, node, lease, trace_id, "task changed"
                );
            }
            Change::Note { name, .. } => tracing::debug!(%pool, ?name, "note changed"),
            Change::Forget(id) => tracing::debug!(%pool, task = %id, "task forgotten"),
        }
    }
}
