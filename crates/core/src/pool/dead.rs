//! Bringing dead tasks back, as they were or changed; forgetting ended ones.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::mem;

use bytes::Bytes;

use super::{
    Pool,
    enqueue::{length, within},
    filter::check_which,
    search::{Aim, Revival, Search},
    tasks::At,
};
use crate::{
    Answer, Cause, Change, Edit, Rejection, RequestId, ReviveWith, SessionId, State, StateKind,
    Task, TaskId, Transition, Where, Which,
    limits::{ATTEMPTS_MAX, BATCH_MAX, EXPIRES_MAX},
    time::millis,
};

impl Pool {
    pub(super) fn revive_with(
        &mut self,
        session: SessionId,
        request: RequestId,
        revive: ReviveWith,
        out: &mut Transition,
    ) -> Option<Answer> {
        let ReviveWith { which, edits } = revive;
        if let Err(refusal) = self.check_edits(&edits) {
            return Some(Answer::Refused(refusal));
        }
        let which = match which {
            Which::Tasks(ids) => {
                let one = |id| (id, self.revive_one(id, &edits, out));
                return Some(Answer::Revived(ids.into_iter().map(one).collect()));
            }
            Which::All => Vec::new(),
            Which::Where(which) => which,
        };
        if let Err(refusal) = check_which(&which) {
            return Some(Answer::Refused(refusal));
        }
        let aim = Aim::Revive(Revival::new(which, edits, self.now));
        let search = Search {
            session,
            request,
            aim,
        };
        self.begin_search(search, out)
    }

    /// Dead tasks, those that died first before others: as many as one answer names.
    pub(super) fn first_dead(&self) -> Vec<TaskId> {
        let dead = self.tasks.dead.iter().take(BATCH_MAX);
        dead.map(|(_, id, _)| *id).collect()
    }

    /// Each kind of edit at most once, and in the bounds of an enqueue.
    fn check_edits(&self, edits: &[Edit]) -> Result<(), Rejection> {
        let is_twice = |(place, edit): (usize, &Edit)| {
            let kind = mem::discriminant(edit);
            edits[..place]
                .iter()
                .any(|of| mem::discriminant(of) == kind)
        };
        if edits.iter().enumerate().any(is_twice) {
            let what = "each kind of change is made once".into();
            return Err(Rejection::Invalid(what));
        }
        edits.iter().try_for_each(|edit| self.check_edit(edit))
    }

    fn check_edit(&self, edit: &Edit) -> Result<(), Rejection> {
        match edit {
            Edit::Payload(payload) => {
                let what = "the payload's length in bytes";
                let bytes_max = self.settings.payload_bytes_max as u64;
                within(what, payload.len() as u64, 0, bytes_max)?;
                length(what, payload.len()).map(drop)
            }
            Edit::AttemptsMax(attempts) => {
                within("attempts_max", (*attempts).into(), 1, ATTEMPTS_MAX.into())
            }
            Edit::ExpiresAfter(Some(ms)) => {
                within("expires_after in milliseconds", *ms, 1, millis(EXPIRES_MAX))
            }
            Edit::Priority(_) | Edit::ExpiresAfter(None) => Ok(()),
        }
    }

    /// A revived task begins anew; only its history remembers.
    pub(super) fn revive_one(
        &mut self,
        id: TaskId,
        edits: &[Edit],
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        let (at, kind) = self.find(id)?;
        if kind != StateKind::Dead {
            return Err(Rejection::NotDead(kind));
        }
        self.check_key_is_free(at)?;
        self.check_room_again(self.revived_bytes(at, edits))?;
        let waits_for = self.waits_again_for(at);
        let now = self.now;
        let (task, blob) = self.tasks.update(at, |slot| {
            let task = &mut slot.task;
            task.begin_anew();
            task.ready_at = now;
            task.state = State::Ready;
            task.wait_again_for(waits_for);
            edits.iter().filter_map(|edit| apply(edit, task)).last()
        });
        let cause = Cause::Revived;
        out.changes.push(Change::Put { task, cause, blob });
        Ok(())
    }

    /// The length of the payload that it comes back with.
    fn revived_bytes(&self, at: At, edits: &[Edit]) -> u64 {
        let edited = edits.iter().find_map(|edit| match edit {
            Edit::Payload(payload) => Some(payload.len() as u64),
            Edit::Priority(_) | Edit::AttemptsMax(_) | Edit::ExpiresAfter(_) => None,
        });
        edited.unwrap_or_else(|| self.tasks.shelf.packed(at).payload_len.into())
    }

    /// Forgets ended tasks, at most [`BATCH_MAX`] in one answer.
    pub(super) fn purge(
        &mut self,
        session: SessionId,
        request: RequestId,
        which: Vec<Where>,
        tasks_max: u32,
        out: &mut Transition,
    ) -> Option<Answer> {
        let checked = within("tasks_max", tasks_max.into(), 1, BATCH_MAX as u64);
        if let Err(refusal) = checked
            .and_then(|()| check_which(&which))
            .and_then(|()| check_ended(&which))
        {
            return Some(Answer::Refused(refusal));
        }
        let aim = Aim::Purge(self.new_purge(which, tasks_max));
        let search = Search {
            session,
            request,
            aim,
        };
        self.begin_search(search, out)
    }
}

/// Only what has ended can be forgotten.
fn check_ended(which: &[Where]) -> Result<(), Rejection> {
    let live = which.iter().find_map(|one| match one {
        Where::State(kind) => (!kind.is_end()).then_some(*kind),
        Where::Cause(_)
        | Where::Reason(_)
        | Where::EndedBefore(_)
        | Where::Group(_)
        | Where::Key(_) => None,
    });
    let refusal = |kind| {
        let what = alloc::format!("a task that is {kind} has not ended, and is not purged");
        Err(Rejection::Invalid(what))
    };
    live.map_or(Ok(()), refusal)
}

/// Makes a change that is in bounds; what it returns is to be kept with the task.
fn apply(edit: &Edit, task: &mut Box<Task>) -> Option<Bytes> {
    match edit {
        Edit::Payload(payload) => {
            task.payload_len = length("", payload.len()).unwrap_or(u32::MAX);
            let extras = Arc::make_mut(task.extras.get_or_insert_default());
            extras.edited = extras.edited.saturating_add(1);
            return Some(payload.clone());
        }
        Edit::Priority(priority) => task.priority = *priority,
        Edit::AttemptsMax(attempts) => task.attempts_max = *attempts,
        Edit::ExpiresAfter(ms) => {
            let extras = task.extras.get_or_insert_default();
            Arc::make_mut(extras).expires_after_ms = *ms;
        }
    }
    None
}
