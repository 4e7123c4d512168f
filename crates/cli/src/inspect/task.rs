//! `leasehold task`

use leasehold_node::{AttemptDetail, StateKind, TaskDetail};

use crate::{
    args::TaskArgs,
    exit::Failure,
    output::{
        self, json,
        table::{Lean, Table, facts},
        words,
    },
};

/// Shows everything known of a task.
pub(crate) async fn run(args: TaskArgs) -> Result<(), Failure> {
    let TaskArgs { id, reach } = args;
    let detail = reach
        .inspector()
        .task(id)
        .await
        .map_err(|error| Failure::request(format!("look at {id}"), &error))?;
    if reach.json {
        return output::document(&json::Detail::new(&detail));
    }
    output::write(text(&detail).as_bytes())
}

fn text(detail: &TaskDetail) -> String {
    let mut text = facts(&known(detail));
    if !detail.history.is_empty() {
        text += "\n";
        text += &history(&detail.history);
    }
    text
}

fn known(detail: &TaskDetail) -> Vec<(&'static str, String)> {
    let task = &detail.summary;
    let mut known = vec![
        ("id", task.id.to_string()),
        ("pool", detail.pool.to_string()),
        ("state", super::tasks::state(task)),
        ("priority", task.priority.to_string()),
        ("attempts", super::tasks::attempts(task)),
        ("node", words::or_dash(task.node.as_ref())),
        ("lease", words::or_dash(detail.lease.as_ref())),
        ("enqueued", words::moment(task.enqueued_at_ms)),
        ("ready", words::moment(detail.ready_at_ms)),
        ("payload", payload(detail)),
    ];
    let optional = [
        ("result", detail.result.as_deref().map(words::excerpt)),
        ("reason", json::text(&task.reason).map(Into::into)),
        ("interruptions", some(detail.interruptions)),
        ("losses in a row", some(detail.losses_in_a_row)),
    ];
    known.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    known
}

fn some(number: u32) -> Option<String> {
    (number > 0).then(|| number.to_string())
}

/// A completed task is not kept with its payload, but one that completed under an older hub may be.
fn payload(detail: &TaskDetail) -> String {
    if let Some(payload) = &detail.payload {
        return words::excerpt(payload);
    }
    let size = words::size(detail.summary.payload_bytes.into());
    match detail.summary.state {
        StateKind::Completed => format!("({size}, no longer kept: the task completed)"),
        StateKind::Ready
        | StateKind::Scheduled
        | StateKind::Claimed
        | StateKind::Cancelled
        | StateKind::Dead => format!("({size}, gone)"),
    }
}

fn history(attempts: &[AttemptDetail]) -> String {
    let mut table = Table::new(&[
        ("ATTEMPT", Lean::Right),
        ("LEASE", Lean::Left),
        ("NODE", Lean::Left),
        ("STARTED", Lean::Left),
        ("AFTER", Lean::Left),
        ("ENDING", Lean::Left),
        ("REASON", Lean::Left),
    ]);
    let row = |attempt: &AttemptDetail| {
        vec![
            attempt.attempt.to_string(),
            attempt.lease.to_string(),
            attempt.node.to_string(),
            words::moment(attempt.started_at_ms),
            words::span(attempt.ended_at_ms.saturating_sub(attempt.started_at_ms)),
            attempt.ending.to_string(),
            attempt.reason.clone(),
        ]
    };
    table.page(&attempts.iter().map(row).collect::<Vec<_>>())
}
