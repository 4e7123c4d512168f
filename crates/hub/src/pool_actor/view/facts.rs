//! What else is known of a task, as the wire's facts.

use std::time::Duration;

use leasehold_core::{Extras, Grant, PoolSettings, Progress, State, StateKind, Task, Timestamp};
use leasehold_wire::Fact;

/// What whoever looks at a task is told beside its summary: of any that was counted against one of
/// its budgets all three of them.
pub(in crate::pool_actor) fn known(task: &Task, settings: &PoolSettings) -> Vec<Fact> {
    let is_untouched = task.failures() + task.losses() + task.interruptions == 0;
    if is_untouched && task.extras.is_none() && task.state.kind() != StateKind::Dead {
        return Vec::new();
    }
    let mut facts = vec![
        Fact::Failures(task.failures(), task.attempts_max),
        Fact::Losses(task.losses(), task.losses_max(settings)),
        Fact::Interruptions(task.interruptions, task.interruptions_max(settings)),
    ];
    if let State::Dead { cause, .. } = task.state {
        facts.push(Fact::Died(cause));
    }
    facts.append(&mut of(task));
    facts
}

/// What its handler is told; none of a plain task.
pub(in crate::pool_actor) fn granted(grant: &Grant) -> Vec<Fact> {
    let Some(extras) = grant.extras.as_deref() else {
        return Vec::new();
    };
    let mut facts: Vec<Fact> = extras
        .max_runtime_ms
        .map(Fact::MaxRuntime)
        .into_iter()
        .collect();
    named(extras, &mut facts);
    facts
}

/// What only some have; none of a plain task.
pub(in crate::pool_actor) fn of(task: &Task) -> Vec<Fact> {
    let Some(extras) = task.extras.as_deref() else {
        return Vec::new();
    };
    let mut facts: Vec<Fact> = [
        expires_at(task, extras).map(Fact::ExpiresAt),
        runs_until(task, extras).map(Fact::RunsUntil),
        extras.max_runtime_ms.map(Fact::MaxRuntime),
        extras.progress.as_deref().map(told),
        stop_until(task, extras).map(Fact::StopUntil),
    ]
    .into_iter()
    .flatten()
    .collect();
    named(extras, &mut facts);
    facts
}

fn named(extras: &Extras, facts: &mut Vec<Fact>) {
    let key = extras.key.as_ref();
    facts.extend(key.map(|of| Fact::Key(of.key.to_string())));
    let group = extras.group.as_ref();
    facts.extend(group.map(|group| Fact::Group(group.to_string())));
    let trace = extras.trace.as_ref();
    facts.extend(trace.map(|trace| Fact::Trace(trace.to_string())));
    let schedule = extras.schedule.as_ref();
    facts.extend(schedule.map(|schedule| Fact::Schedule(schedule.to_string())));
    facts.extend((extras.edited > 0).then_some(Fact::Edited(extras.edited)));
}

/// For what it waits, or for what it was given up.
pub(in crate::pool_actor) fn after(task: &Task, explained: String) -> Option<Fact> {
    let after = task.extras.as_deref()?.after.as_deref()?;
    Some(Fact::After {
        left: after.left.clone(),
        any_end: after.any_end,
        explained,
    })
}

/// While it waits, and for no other task.
fn expires_at(task: &Task, extras: &Extras) -> Option<u64> {
    let after = Duration::from_millis(extras.expires_after_ms?);
    let waits = match task.state {
        State::Ready => true,
        State::Scheduled { run_at } => run_at != Timestamp::NEVER,
        State::Claimed | State::Completed { .. } | State::Cancelled { .. } | State::Dead { .. } => {
            false
        }
    };
    waits.then(|| (task.ready_at + after).as_millis())
}

/// While it runs.
fn runs_until(task: &Task, extras: &Extras) -> Option<u64> {
    let runtime = Duration::from_millis(extras.max_runtime_ms?);
    let granted_at = granted_at(task)?;
    Some((granted_at + runtime).as_millis())
}

fn stop_until(task: &Task, extras: &Extras) -> Option<u64> {
    granted_at(task)?;
    Some(extras.stop?.forced_at.as_millis())
}

fn granted_at(task: &Task) -> Option<Timestamp> {
    let is_claimed = task.state.kind() == StateKind::Claimed;
    let lease = task.lease.as_ref().filter(|_| is_claimed)?;
    Some(lease.granted_at)
}

fn told(progress: &Progress) -> Fact {
    Fact::Progress {
        at_ms: progress.at.as_millis(),
        fraction: progress.fraction,
        note: progress.note.clone(),
    }
}
