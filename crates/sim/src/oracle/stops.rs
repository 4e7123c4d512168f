//! Tasks that are called off while somebody holds them: asked first, forced at a deadline.

use std::time::Duration;

use leasehold_core::{
    AttemptEnding, Cause, LeaseRef, Revocation, SessionId, Task, TaskId, Timestamp,
};

use super::{
    Verdict, Violation,
    books::Books,
    replies::{No, Said},
    seen::{By, Phase},
    step::Step,
};

/// Who must be told to stop what, and for how long its lease is good.
pub(super) type Asked = (SessionId, LeaseRef, Duration);

impl Books {
    pub(super) fn cancel_within(
        &mut self,
        step: &mut Step<'_>,
        ids: &[TaskId],
        grace: Option<Duration>,
    ) -> Verdict<Said> {
        let grace = grace.unwrap_or(self.settings.cancel_grace);
        let mut answers = Vec::new();
        for id in ids {
            answers.push(match self.tasks.get(id).map(|seen| seen.phase) {
                None => Err(No::Unknown),
                Some(Phase::Cancelled(_)) => Ok(()),
                Some(phase) if phase.has_ended() => Err(No::Ended(phase.kind())),
                Some(Phase::Held(..)) if !grace.is_zero() => {
                    self.ask_to_stop(step, *id, grace)?;
                    Ok(())
                }
                Some(phase) => {
                    self.cancel_one(step, *id, phase)?;
                    Ok(())
                }
            });
        }
        Ok(Said::Done(answers))
    }

    /// Of two deadlines the earlier one stands.
    fn ask_to_stop(&mut self, step: &mut Step<'_>, id: TaskId, grace: Duration) -> Verdict {
        let now = step.now;
        let forced_at = now + grace;
        let seen = self.seen(id)?;
        if seen.terms.stop.is_some_and(|earlier| earlier <= forced_at) {
            step.remarks.push("asked to stop again");
            return Ok(());
        }
        seen.terms.stop = Some(forced_at);
        if let Phase::Held(until, by) = seen.phase {
            seen.hold(now, until, by);
        }
        let holder = seen.newest.as_ref().and_then(|newest| {
            let proof = LeaseRef {
                task: id,
                lease: newest.lease,
            };
            Some((newest.session?, proof))
        });
        if let Some((session, proof)) = holder.filter(|(of, _)| self.sessions.contains_key(of)) {
            step.stops.push((session, proof, grace));
        }
        let said = step.expect(id, Cause::StopAsked)?;
        step.remarks.push("asked to stop");
        self.agree(said)
    }

    /// Whatever way an attempt ends, but for success: a task that was to stop is called off.
    /// Says whether it was.
    pub(super) fn stop_at_end(&mut self, step: &mut Step<'_>, id: TaskId) -> Verdict<bool> {
        let now = step.now;
        let seen = self.seen(id)?;
        if seen.terms.stop.is_none() {
            return Ok(false);
        }
        seen.phase = Phase::Cancelled(now);
        step.remarks.push("stopped at its end");
        self.lose_lease(step, id, Revocation::Cancelled)?;
        Ok(true)
    }

    /// Who goes on under a lease that is to end is told so again: it may not have heard.
    pub(super) fn ask_again(&self, step: &mut Step<'_>, of: SessionId, leases: &[LeaseRef]) {
        for proof in leases {
            let Some(seen) = self.tasks.get(&proof.task) else {
                continue;
            };
            let newest = seen.newest.as_ref();
            let has_it =
                newest.is_some_and(|new| new.lease == proof.lease && new.session == Some(of));
            if let (Phase::Held(..), true, Some(stop)) = (seen.phase, has_it, seen.terms.stop) {
                step.stops.push((of, *proof, stop.since(step.now)));
                step.remarks.push("asked to stop after a resume");
            }
        }
    }

    /// Its holder did not end it in time.
    pub(super) fn force_stop(&mut self, step: &mut Step<'_>, said: &Task) -> Verdict {
        let seen = self.seen(said.id)?;
        seen.record_end(AttemptEnding::Cancelled);
        seen.phase = Phase::Cancelled(step.now);
        step.remarks.push("forced to stop");
        self.lose_lease(step, said.id, Revocation::Cancelled)?;
        step.ended.insert(said.id);
        self.agree(said)?;
        self.forget_some(step)
    }

    /// Whether it is called off now without anybody's asking now.
    pub(super) fn is_forced(&self, id: TaskId, now: Timestamp) -> bool {
        let phase = self.tasks.get(&id).map(|seen| seen.phase);
        matches!(phase, Some(Phase::Held(at, By::Stop)) if at <= now)
    }
}

/// Who must be told is told, and nobody else. Who names a lease twice is told twice.
pub(super) fn check_asked(stops: &mut Vec<Asked>, told: Asked) -> Verdict {
    let Some(at) = stops.iter().position(|must| *must == told) else {
        return Err(Violation::of(told.1.task, "nobody asked to stop it"));
    };
    stops.swap_remove(at);
    Ok(())
}
