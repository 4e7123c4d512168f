//! Answers of holders: complete, fail, release.

use alloc::vec::Vec;

use super::{
    Pool,
    enqueue::{length, within},
    requeue::record_attempt,
};
use crate::{
    Answer, AttemptEnding, Cause, Completion, Failure, LeaseRef, Rejection, Reply, SessionId,
    State, TaskId, Transition,
};

impl Pool {
    pub(super) fn complete(
        &mut self,
        session: SessionId,
        items: Vec<Completion>,
        out: &mut Transition,
    ) -> Answer {
        let one = |item| self.complete_one(session, item, out);
        Answer::Done(items.into_iter().map(one).collect())
    }

    pub(super) fn fail(
        &mut self,
        session: SessionId,
        items: Vec<Failure>,
        out: &mut Transition,
    ) -> Answer {
        let one = |item: Failure| {
            self.give_back(
                session,
                item.proof,
                AttemptEnding::Failed,
                &item.reason,
                out,
            )
        };
        Answer::Done(items.into_iter().map(one).collect())
    }

    pub(super) fn release(
        &mut self,
        session: SessionId,
        leases: &[LeaseRef],
        out: &mut Transition,
    ) -> Answer {
        let ending = AttemptEnding::Released;
        Answer::Done(self.each(leases, |pool, proof| {
            pool.give_back(session, proof, ending, "", out)
        }))
    }

    fn complete_one(
        &mut self,
        session: SessionId,
        item: Completion,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        let id = item.proof.task;
        if self.has_ended_by(session, item.proof, AttemptEnding::Completed) {
            return Ok(());
        }
        let result_len = self.check_result(&item)?;
        self.take_up(session, item.proof)?;
        let now = self.now;
        self.tasks.update(id, |slot| {
            record_attempt(&mut slot.task, now, AttemptEnding::Completed, "");
            slot.task.state = State::Completed { at: now };
            slot.task.result_len = result_len;
            slot.task.lease = None;
            slot.hold = None;
        });
        self.changed(id, Cause::Completed, item.result, out);
        self.tell_of_end(id, out);
        self.forget_beyond_max(out);
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

    fn give_back(
        &mut self,
        session: SessionId,
        proof: LeaseRef,
        ending: AttemptEnding,
        reason: &str,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        if self.has_ended_by(session, proof, ending) {
            return Ok(());
        }
        self.take_up(session, proof)?;
        self.end_attempt(proof.task, ending, reason, out);
        Ok(())
    }

    /// Whether this very lease ended this way already: the answer was lost, and is sent again.
    fn has_ended_by(&self, session: SessionId, proof: LeaseRef, ending: AttemptEnding) -> bool {
        let last = self
            .tasks
            .get(proof.task)
            .and_then(|slot| slot.task.history.last());
        let node = self.sessions.get(&session).map(|of| &of.node);
        last.is_some_and(|attempt| {
            attempt.lease == proof.lease && attempt.ending == ending && node == Some(&attempt.node)
        })
    }

    /// Tells those who wait for this task's end.
    pub(super) fn tell_of_end(&mut self, id: TaskId, out: &mut Transition) {
        let Some(slot) = self.tasks.get(id) else {
            return;
        };
        for (session, request) in self.waiters.awaiting(id) {
            let answer = Answer::Awaited(slot.task.clone().into());
            out.replies.push(Reply::Answer(session, request, answer));
        }
    }
}
