//! Calling tasks off, and bringing dead ones back.

use alloc::vec::Vec;

use super::{Pool, requeue::record_attempt, tasks::At};
use crate::{
    Answer, AttemptEnding, Cause, Change, Rejection, Revive, Revocation, State, StateKind, TaskId,
    Transition, limits::BATCH_MAX,
};

impl Pool {
    pub(super) fn cancel(&mut self, ids: &[TaskId], out: &mut Transition) -> Answer {
        Answer::Done(ids.iter().map(|id| self.cancel_one(*id, out)).collect())
    }

    pub(super) fn revive(&mut self, revive: Revive, out: &mut Transition) -> Answer {
        let ids: Vec<TaskId> = match revive {
            Revive::Tasks(ids) => ids,
            Revive::All => self
                .tasks
                .dead
                .iter()
                .map(|(_, id, _)| *id)
                .take(BATCH_MAX)
                .collect(),
        };
        Answer::Revived(
            ids.into_iter()
                .map(|id| (id, self.revive_one(id, out)))
                .collect(),
        )
    }

    /// A task that was called off before is called off: the answer was lost, or two had the same
    /// wish.
    fn cancel_one(&mut self, id: TaskId, out: &mut Transition) -> Result<(), Rejection> {
        let (at, kind) = self.find(id)?;
        if kind == StateKind::Cancelled {
            return Ok(());
        }
        if kind.is_end() {
            return Err(Rejection::Ended(kind));
        }
        self.call_off(at, out);
        Ok(())
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

    /// A revived task begins anew; only its history remembers.
    fn revive_one(&mut self, id: TaskId, out: &mut Transition) -> Result<(), Rejection> {
        let (at, kind) = self.find(id)?;
        if kind != StateKind::Dead {
            return Err(Rejection::NotDead(kind));
        }
        let now = self.now;
        let (task, ()) = self.tasks.update(at, |slot| {
            slot.task.begin_anew();
            slot.task.ready_at = now;
            slot.task.state = State::Ready;
        });
        out.changes.push(Change::put(task, Cause::Revived));
        Ok(())
    }

    fn find(&self, id: TaskId) -> Result<(At, StateKind), Rejection> {
        let at = self.tasks.find(id).ok_or(Rejection::NoSuchTask)?;
        Ok((at, self.tasks.shelf.kind(at)))
    }
}
