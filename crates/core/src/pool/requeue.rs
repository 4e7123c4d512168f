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
    Attempt, AttemptEnding, Cause, Change, Death, PoolSettings, Revocation, State, Task, Timestamp,
    Transition,
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
        let (now, settings) = (self.now, &self.settings);
        let (task, lost) = self.tasks.update(at, |slot| {
            record_attempt(&mut slot.task, now, ending, reason);
            count(&mut slot.task, ending);
            slot.task.state = next_state(&mut slot.task, ending, now, settings);
            if matches!(ending, AttemptEnding::Failed | AttemptEnding::Released) {
                // The holder itself ended its lease: nothing can be answered under it any more.
                slot.task.lease = None;
                slot.hold = None;
            }
            let has_ended = slot.task.state.kind().is_end();
            has_ended.then(|| slot.give_up()).flatten()
        });
        self.revoke(lost, Revocation::Lost, out);
        let cause = Cause::Requeued(ending);
        if task.state.kind().is_end() {
            self.ended(task, cause, None, Vec::new(), out);
        } else {
            out.changes.push(Change::put(task, cause));
        }
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
        let task = &mut self.task;
        if !attempt.ending.counts() {
            task.attempt += 1;
            task.interruptions = task.interruptions.saturating_sub(1);
        }
        if attempt.ending.is_loss() {
            task.losses_in_a_row = task.losses_in_a_row.saturating_sub(1);
        }
        task.state = State::Claimed;
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

fn count(task: &mut Task, ending: AttemptEnding) {
    if !ending.counts() {
        task.attempt -= 1;
        task.interruptions += 1;
    } else if ending.is_loss() {
        task.losses_in_a_row += 1;
    } else {
        task.losses_in_a_row = 0;
    }
}

fn next_state(
    task: &mut Task,
    ending: AttemptEnding,
    now: Timestamp,
    settings: &PoolSettings,
) -> State {
    if let Some(end) = end_of_stopped(task, ending, now) {
        return end;
    }
    if let Some(cause) = cause_of_death(task, ending, settings) {
        return State::Dead { at: now, cause };
    }
    let wait = wait_before_next(task, ending, settings);
    if wait.is_zero() {
        return State::Ready;
    }
    let run_at = now + wait;
    if ending.is_loss() {
        // A suspect of killing its nodes: its neighbours go first.
        task.ready_at = run_at;
    }
    State::Scheduled { run_at }
}

fn cause_of_death(task: &Task, ending: AttemptEnding, settings: &PoolSettings) -> Option<Death> {
    if !ending.counts() {
        let too_often = task.interruptions > settings.interruptions_max;
        return too_often.then_some(Death::InterruptedTooOften);
    }
    if task.attempt < task.attempts_max {
        return None;
    }
    let lost = task.losses_in_a_row >= settings.suspect_after.min(task.attempts_max);
    Some(if lost {
        Death::LostTooOften
    } else {
        Death::AttemptsSpent
    })
}

fn wait_before_next(task: &Task, ending: AttemptEnding, settings: &PoolSettings) -> Duration {
    let back_off = |failures: u32| match failures {
        0 => Duration::ZERO,
        failures => settings.back_off.after(task.id, failures),
    };
    match ending {
        AttemptEnding::Failed | AttemptEnding::Overran => back_off(task.attempt),
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
