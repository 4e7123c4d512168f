//! Calling off what is on lease: its holder is asked first.

use alloc::sync::Arc;
use core::time::Duration;

use super::{Pool, enqueue::within, runtime::bounded, tasks::At};
use crate::{
    Answer, AttemptEnding, Cause, Change, LeaseRef, Rejection, Reply, SessionId, State, StateKind,
    Stop, Task, TaskId, Timestamp, Transition, limits::GRACE_MAX, time::millis,
};

impl Pool {
    /// What waits is called off at once, and so is all of it without a grace.
    pub(super) fn cancel_within(
        &mut self,
        ids: &[TaskId],
        grace: Option<Duration>,
        out: &mut Transition,
    ) -> Answer {
        let grace = grace.unwrap_or(self.settings.cancel_grace);
        let what = "the time to end it in milliseconds";
        if let Err(refusal) = within(what, millis(grace), 0, millis(GRACE_MAX)) {
            return Answer::Refused(refusal);
        }
        let one = |id: &TaskId| self.cancel_one(*id, grace, out);
        Answer::Done(ids.iter().map(one).collect())
    }

    /// A task that was called off before is called off: the answer was lost, or two had the same
    /// wish.
    pub(super) fn cancel_one(
        &mut self,
        id: TaskId,
        grace: Duration,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        let (at, kind) = self.find(id)?;
        if kind == StateKind::Cancelled {
            return Ok(());
        }
        if kind.is_end() {
            return Err(Rejection::Ended(kind));
        }
        if kind == StateKind::Claimed && !grace.is_zero() {
            self.ask_to_stop(at, grace, out);
        } else {
            self.call_off(at, out);
        }
        Ok(())
    }

    /// Asked twice, the earlier deadline stands.
    fn ask_to_stop(&mut self, at: At, grace: Duration, out: &mut Transition) {
        let now = self.now;
        let stop = Stop {
            asked_at: now,
            forced_at: now + grace,
        };
        let asked = self.tasks.shelf.extras(at).and_then(|extras| extras.stop);
        if asked.is_some_and(|earlier| earlier.forced_at <= stop.forced_at) {
            return;
        }
        let (task, holder) = self.tasks.update(at, |slot| {
            let extras = slot.task.extras.get_or_insert_default();
            Arc::make_mut(extras).stop = Some(stop);
            let hold = slot.hold.as_mut()?;
            (hold.ends_at, hold.ends_by) = bounded(&slot.task, hold.ends_at, hold.ends_by);
            let (task, lease) = (slot.task.id, slot.task.lease.as_ref()?.id);
            Some((hold.hand.session()?, LeaseRef { task, lease }))
        });
        out.changes.push(Change::put(task, Cause::StopAsked));
        if let Some((session, proof)) = holder {
            out.replies.push(Reply::AskStop(session, proof, grace));
        }
    }

    /// What this session goes on with, and is to end: its node may have been told in an earlier
    /// one, which was lost before it heard.
    pub(super) fn ask_again(&self, session: SessionId, leases: &[LeaseRef], out: &mut Transition) {
        let has_it = |proof: &LeaseRef, at: At| {
            let shelf = &self.tasks.shelf;
            let hold = shelf.hold(at);
            shelf
                .lease(at)
                .is_some_and(|(lease, _)| lease == proof.lease)
                && hold.is_some_and(|hold| hold.hand.session() == Some(session))
        };
        for proof in leases {
            let at = self.tasks.find_leased(*proof);
            let stop = |at| self.tasks.shelf.extras(at)?.stop;
            if let Some(stop) = at.filter(|at| has_it(proof, *at)).and_then(stop) {
                let within = stop.forced_at.since(self.now);
                out.replies.push(Reply::AskStop(session, *proof, within));
            }
        }
    }

    /// Ends a task whose holder was asked to and did not.
    pub(super) fn force_stop(&mut self, at: At, out: &mut Transition) {
        self.call_off(at, out);
    }
}

/// The state of a task that was being stopped when its attempt ended, in whatever way but success.
pub(super) fn end_of_stopped(task: &Task, _ending: AttemptEnding, now: Timestamp) -> Option<State> {
    task.extras.as_ref()?.stop?;
    Some(State::Cancelled { at: now })
}
