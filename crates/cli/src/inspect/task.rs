//! `leasehold task`

use leasehold_node::{AttemptDetail, Fact, StateKind, TaskDetail};

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
    let (detail, more) = reach
        .inspector()
        .task_with_facts(id)
        .await
        .map_err(|error| Failure::request(format!("look at {id}"), &error))?;
    if reach.json {
        return output::document(&json::Detail::with_facts(&detail, &more));
    }
    output::write(text(&detail, &more).as_bytes())
}

fn text(detail: &TaskDetail, more: &[Fact]) -> String {
    let mut known = known(detail);
    // A budget is told of whole, with its bound, where it is told of.
    known.retain(|(name, _)| !more.iter().any(|of| fact(of).0 == *name));
    // Not only failures are among the attempts, so that the bound of those is none of theirs.
    let is_told = more.iter().any(|of| matches!(of, Fact::Failures(..)));
    for (name, value) in known.iter_mut().filter(|_| is_told) {
        if *name == "attempts" {
            *value = detail.summary.attempt.to_string();
        }
    }
    known.extend(more.iter().map(fact));
    let mut text = facts(&known);
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

/// What only some tasks have.
fn fact(fact: &Fact) -> (&'static str, String) {
    let of = |count: &u32, max: &u32| format!("{count} of {max}");
    match fact {
        Fact::ExpiresAt(at_ms) => ("expires", words::moment(*at_ms)),
        Fact::RunsUntil(at_ms) => ("runs until", words::moment(*at_ms)),
        Fact::MaxRuntime(ms) => ("runtime at most", words::span(*ms)),
        Fact::Failures(count, max) => ("failures", of(count, max)),
        Fact::Losses(count, max) => ("losses", of(count, max)),
        Fact::Interruptions(count, max) => ("interruptions", of(count, max)),
        Fact::Progress {
            at_ms,
            fraction,
            note,
        } => ("progress", progress(*at_ms, *fraction, note)),
        Fact::Key(key) => ("key", key.clone()),
        Fact::Group(group) => ("group", group.clone()),
        Fact::After { explained, .. } => ("waits", explained.clone()),
        Fact::Trace(trace) => ("trace", trace.clone()),
        Fact::Schedule(schedule) => ("schedule", schedule.clone()),
        Fact::StopUntil(at_ms) => ("is to end until", words::moment(*at_ms)),
        Fact::Edited(times) => ("payload replaced", words::count((*times).into(), "time")),
        Fact::Died(cause) => ("dead of", cause.to_string()),
    }
}

fn progress(at_ms: u64, fraction: u16, note: &str) -> String {
    let (whole, rest) = (fraction / 100, fraction % 100);
    let note = words::one_line(note);
    format!("{whole}.{rest:02} % at {} {note}", words::moment(at_ms))
        .trim_end()
        .into()
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
