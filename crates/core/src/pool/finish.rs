//! Answers of holders: complete, fail, release.

use alloc::{boxed::Box, vec::Vec};

use bytes::Bytes;

use super::{
    Pool,
    enqueue::{check_delay, length, within},
    requeue::{End, record_attempt},
    tasks::At,
};
use crate::{
    AfterFailure, Answer, AttemptEnding, Cause, Change, Completion, Failure, LeaseRef, NewTask,
    Rejection, Reply, SessionId, State, StateKind, Task, Transition,
};

impl Pool {
    pub(super) fn complete(
        &mut self,
        session: SessionId,
        items: Vec<Completion>,
        out: &mut Transition,
    ) -> Answer {
        let mut answers = Vec::with_capacity(items.len());
        let one = |item| self.complete_one(session, item, out);
        answers.extend(items.into_iter().map(one));
        Answer::Done(answers)
    }

    pub(super) fn fail(
        &mut self,
        session: SessionId,
        items: Vec<Failure>,
        out: &mut Transition,
    ) -> Answer {
        let one = |item: Failure| self.fail_one(session, &item, out);
        Answer::Done(items.into_iter().map(one).collect())
    }

    pub(super) fn release(
        &mut self,
        session: SessionId,
        leases: &[LeaseRef],
        out: &mut Transition,
    ) -> Answer {
        let end = End {
            ending: AttemptEnding::Released,
            reason: "",
            then: AfterFailure::ByPolicy,
        };
        Answer::Done(self.each(leases, |pool, proof| {
            pool.give_back(session, proof, &end, out)
        }))
    }

    fn complete_one(
        &mut self,
        session: SessionId,
        item: Completion,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        let found = self.tasks.find_leased(item.proof);
        if self.has_ended_by(session, found, item.proof, AttemptEnding::Completed) {
            return Ok(());
        }
        let result_len = self.check_result(&item)?;
        self.check_follow_ups(session, &item, found)?;
        let (at, _) = self.take_up(session, found, item.proof)?;
        let now = self.now;
        let (task, ()) = self.tasks.update(at, |slot| {
            record_attempt(&mut slot.task, now, AttemptEnding::Completed, "");
            slot.task.state = State::Completed { at: now };
            slot.task.result_len = result_len;
            slot.task.lease = None;
            slot.hold = None;
        });
        self.ended(task, Cause::Completed, item.result, item.then, out);
        Ok(())
    }

    fn check_result(&self, item: &Completion) -> Result<Option<u32>, Rejection> {
        let Some(result) = &item.result else {
            return Ok(None);
        };
        let what = "the result's length in bytes";
        within(
            what,
            result.len() as u64,
            0,
            self.settings.result_bytes_max as u64,
        )?;
        length(what, result.len()).map(Some)
    }

    fn fail_one(
        &mut self,
        session: SessionId,
        item: &Failure,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        if let AfterFailure::Wait(wait) = item.then {
            check_delay(wait)?;
        }
        let end = End {
            ending: AttemptEnding::Failed,
            reason: &item.reason,
            then: item.then,
        };
        self.give_back(session, item.proof, &end, out)
    }

    fn give_back(
        &mut self,
        session: SessionId,
        proof: LeaseRef,
        end: &End<'_>,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        let found = self.tasks.find_leased(proof);
        if self.has_ended_by(session, found, proof, end.ending) {
            return Ok(());
        }
        let (at, _) = self.take_up(session, found, proof)?;
        self.end_attempt_so(at, end, out);
        Ok(())
    }

    /// Whether this very lease ended this way already: the answer was lost, and is sent again.
    fn has_ended_by(
        &self,
        session: SessionId,
        found: Option<At>,
        proof: LeaseRef,
        ending: AttemptEnding,
    ) -> bool {
        let Some((at, last)) = found.and_then(|at| Some((at, self.tasks.shelf.last_ending(at)?)))
        else {
            return false;
        };
        let of = self.sessions.get(&session);
        last == (proof.lease, ending)
            && of.is_some_and(|of| self.tasks.shelf.is_last_of(at, of.node))
    }

    /// What a task's end brings with it; the task is as given, `blob` is kept with it, `then` was
    /// found good.
    pub(super) fn ended(
        &mut self,
        task: Box<Task>,
        cause: Cause,
        blob: Option<Bytes>,
        then: Vec<NewTask>,
        out: &mut Transition,
    ) {
        let (id, end) = (task.id, task.state);
        self.tell_of_end(&task, out);
        out.changes.push(Change::Put { task, cause, blob });
        self.enqueue_follow_ups(then, out);
        self.follow_end(id, end);
        if end.kind() != StateKind::Dead {
            self.forget_beyond_max(out);
        }
    }

    /// Tells those who wait for this task's end.
    fn tell_of_end(&mut self, task: &Task, out: &mut Transition) {
        for (session, request) in self.waiters.awaiting(task.id) {
            let answer = Answer::Awaited(task.clone().into());
            out.replies.push(Reply::Answer(session, request, answer));
        }
    }
}
