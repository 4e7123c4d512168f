//! Calling tasks off, and bringing dead ones back.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Pool, requeue::record_attempt, tasks::At};
use crate::{
    Answer, AttemptEnding, Cause, Rejection, Revive, Revocation, State, StateKind, TaskId,
    Transition,
};

impl Pool {
    pub(super) fn cancel(&mut self, ids: &[TaskId], out: &mut Transition) -> Answer {
        let one = |id: &TaskId| self.cancel_one(*id, Duration::ZERO, out);
        Answer::Done(ids.iter().map(one).collect())
    }

    pub(super) fn revive(&mut self, revive: Revive, out: &mut Transition) -> Answer {
        let ids = match revive {
            Revive::Tasks(ids) => ids,
            Revive::All => self.first_dead(),
        };
        let one = |id| (id, self.revive_one(id, &[], out));
        Answer::Revived(ids.into_iter().map(one).collect())
    }

    /// Cancels a task that has not ended, and tells its holder.
    pub(super) fn call_off(&mut self, at: At, out: &mut Transition) {
        let now = self.now;
        let (task, lost) = self.tasks.update(at, |slot| {
            if slot.task.state == State::Claimed {
                record_attempt(&mut slot.task, now, AttemptEnding::Cancelled, "");
            }
            slot.task.state = State::Cancelled { at: now };
            slot.give_up()
        });
        self.revoke(lost, Revocation::Cancelled, out);
        self.ended(task, Cause::Cancelled, None, Vec::new(), out);
    }

    pub(super) fn find(&self, id: TaskId) -> Result<(At, StateKind), Rejection> {
        let at = self.tasks.find(id).ok_or(Rejection::NoSuchTask)?;
        Ok((at, self.tasks.shelf.kind(at)))
    }
}
