//! What becomes of a task whose attempt ended without success.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

use super::{
    Pool,
    stop::end_of_stopped,
    tasks::{At, Slot},
};
use crate::{
    AfterFailure, Attempt, AttemptEnding, Cause, Change, Death, PoolSettings, Revocation, State,
    StateKind, Task, Timestamp, Transition,
    limits::{HISTORY_MAX, REASON_BYTES_MAX},
};

/// So many interruptions pass without a wait: a deploy moves a task on at once, while a task that
/// every node hands back backs off.
const INTERRUPTIONS_FREE: u32 = 3;

impl Pool {
    /// Ends the attempt of a claimed task in any way but success.
    pub(super) fn end_attempt(
        &mut self,
        at: At,
        ending: AttemptEnding,
        reason: &str,
        out: &mut Transition,
    ) {
        let end = End {
            ending,
            reason,
            then: AfterFailure::ByPolicy,
        };
        self.end_attempt_so(at, &end, out);
    }

    /// As [`Pool::end_attempt`], with a word on what is to become of the task.
    pub(super) fn end_attempt_so(&mut self, at: At, end: &End<'_>, out: &mut Transition) {
        let (now, settings, ending) = (self.now, &self.settings, end.ending);
        let (task, lost) = self.tasks.update(at, |slot| {
            record_attempt(&mut slot.task, now, ending, end.reason);
            slot.task.count(ending);
            slot.task.state = next_state(&mut slot.task, end, now, settings);
            if matches!(ending, AttemptEnding::Failed | AttemptEnding::Released) {
                // The holder itself ended its lease: nothing can be answered under it any more.
                slot.task.lease = None;
                slot.hold = None;
            }
            let is_over = slot.task.state.kind().is_end() || ending == AttemptEnding::Overran;
            is_over.then(|| slot.give_up()).flatten()
        });
        self.revoke(lost, revoked_by(ending, task.state), out);
        let cause = Cause::Requeued(ending);
        if task.state.kind().is_end() {
            self.ended(task, cause, None, Vec::new(), out);
        } else {
            out.changes.push(Change::put(task, cause));
        }
    }
}

/// How an attempt ends.
pub(super) struct End<'a> {
    pub(super) ending: AttemptEnding,
    pub(super) reason: &'a str,
    /// What its holder wishes, if it failed.
    pub(super) then: AfterFailure,
}

/// What the holder is told, who was asked to end it if the task is called off now.
fn revoked_by(ending: AttemptEnding, state: State) -> Revocation {
    match ending {
        _ if state.kind() == StateKind::Cancelled => Revocation::Cancelled,
        AttemptEnding::Overran => Revocation::Overran,
        AttemptEnding::Completed
        | AttemptEnding::Failed
        | AttemptEnding::Expired
        | AttemptEnding::Cut
        | AttemptEnding::Silence
        | AttemptEnding::Released
        | AttemptEnding::Interrupted
        | AttemptEnding::Cancelled => Revocation::Lost,
    }
}

impl Slot {
    /// Takes an ending back that the hub had concluded: the holder is there after all.
    ///
    /// Attempts and interruptions are again what they were. Three things are not, for nothing that
    /// is stored says what they were:
    /// - `ready_at`, where a loss made the task a suspect, or one again: it stays where the
    ///   back-off had put it, and should the task be requeued, its neighbours still go first;
    /// - `losses_in_a_row`, where the lease had expired: it stays 0, and a suspect is none until
    ///   it has been lost as often anew;
    /// - the oldest attempt of a full history, which had made room for the ending.
    pub(super) fn withdraw_ending(&mut self) {
        let Some(attempt) = self.task.history.pop() else {
            return;
        };
        self.task.discount(attempt.ending);
        self.task.state = State::Claimed;
    }
}

/// Adds what happened under the newest lease to the history.
pub(super) fn record_attempt(task: &mut Task, now: Timestamp, ending: AttemptEnding, reason: &str) {
    let Some(lease) = &task.lease else { return };
    if task.history.len() == HISTORY_MAX {
        task.history.remove(0);
    }
    // Most tasks have one attempt.
    task.history.reserve_exact(1);
    task.history.push(Attempt {
        attempt: task.attempt,
        lease: lease.id,
        node: lease.node.clone(),
        started_at: lease.granted_at,
        ended_at: now,
        ending,
        reason: cut(reason),
    });
}

fn cut(reason: &str) -> String {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_string()
}

fn next_state(task: &mut Task, end: &End<'_>, now: Timestamp, settings: &PoolSettings) -> State {
    if let Some(end) = end_of_stopped(task, end.ending, now) {
        return end;
    }
    if let Some(cause) = cause_of_death(task, end, now, settings) {
        return State::Dead { at: now, cause };
    }
    let wait = wait_before_next(task, end, settings);
    if wait.is_zero() {
        return State::Ready;
    }
    let run_at = now + wait;
    if end.ending.is_loss() {
        // A suspect of killing its nodes: its neighbours go first.
        task.ready_at = run_at;
    }
    State::Scheduled { run_at }
}

fn cause_of_death(
    task: &mut Task,
    end: &End<'_>,
    now: Timestamp,
    settings: &PoolSettings,
) -> Option<Death> {
    if end.ending == AttemptEnding::Overran {
        // What is not of the first format goes with a task that has extras.
        task.extras_mut();
    }
    if end.then == AfterFailure::Never {
        task.extras_mut();
        return Some(Death::Hopeless);
    }
    task.spent_by(end.ending, settings).or_else(|| {
        let is_late = task.expires_at().is_some_and(|at| at <= now);
        is_late.then_some(Death::Expired)
    })
}

fn wait_before_next(task: &Task, end: &End<'_>, settings: &PoolSettings) -> Duration {
    let own = task.retry().and_then(|retry| retry.back_off);
    let policy = own.unwrap_or(settings.back_off);
    let back_off = |failures: u32| match failures {
        0 => Duration::ZERO,
        failures => policy.after(task.id, failures),
    };
    match end.ending {
        AttemptEnding::Failed | AttemptEnding::Overran => match end.then {
            AfterFailure::Wait(wait) => wait,
            AfterFailure::ByPolicy | AfterFailure::Never => {
                back_off(task.attempt.saturating_sub(task.losses()))
            }
        },
        AttemptEnding::Cut | AttemptEnding::Silence => {
            back_off((task.losses_in_a_row + 1).saturating_sub(settings.suspect_after))
        }
        AttemptEnding::Released | AttemptEnding::Interrupted => {
            back_off(task.interruptions.saturating_sub(INTERRUPTIONS_FREE))
        }
        AttemptEnding::Expired | AttemptEnding::Completed | AttemptEnding::Cancelled => {
            Duration::ZERO
        }
    }
}
