//! What a completion enqueues: all of it or the completion is none.

use alloc::vec::Vec;

use super::{Pool, enqueue::within, keys::wished_key, room::Beside, tasks::At};
use crate::{
    Completion, NewTask, Rejection, SessionId, TaskId, Transition, Wish,
    limits::{BLOB_BYTES_MAX, FOLLOW_UPS_MAX},
};

impl Pool {
    /// Refuses a completion whose follow-ups could not all be enqueued. Whether the lease is lost
    /// is not said here.
    pub(super) fn check_follow_ups(
        &self,
        session: SessionId,
        item: &Completion,
        found: Option<At>,
    ) -> Result<(), Rejection> {
        if item.then.is_empty() {
            return Ok(());
        }
        // Room for what would not come anyway is not worth waiting for.
        match found.filter(|at| self.is_good(session, *at, item.proof)) {
            Some(at) => self.check_each_follow_up(at, item),
            None => Ok(()),
        }
    }

    fn check_each_follow_up(&self, at: At, item: &Completion) -> Result<(), Rejection> {
        if self.settings.partitions > 1 {
            let what = "follow-ups in a pool in partitions";
            return Err(Rejection::unsupported(what));
        }
        let (then, max) = (&item.then, FOLLOW_UPS_MAX as u64);
        within("the number of follow-ups", then.len() as u64, 0, max)?;
        let bytes = bytes_of(then);
        let what = "the length of all follow-ups' payloads in bytes";
        within(what, bytes, 0, BLOB_BYTES_MAX as u64)?;
        let fresh = self.fresh_of(item)?;
        self.check_fit(fresh.len() as u64, bytes_of(fresh.iter().copied()))?;
        let mut known = Vec::with_capacity(fresh.len() + 1);
        known.push(item.proof.task);
        let mut beside = self.beside_completed(at);
        for new in fresh {
            self.check_follow_up(new, beside, &known)?;
            known.push(new.id);
            beside.add(new);
        }
        Ok(())
    }

    /// Those that are not known already, by their id or by their key.
    fn fresh_of<'a>(&self, item: &'a Completion) -> Result<Vec<&'a NewTask>, Rejection> {
        let (task, mut fresh) = (item.proof.task, Vec::with_capacity(item.then.len()));
        for new in &item.then {
            let is_earlier = fresh.iter().any(|of: &&NewTask| of.id == new.id);
            if is_earlier || self.tasks.find(new.id).is_some() {
                continue;
            }
            self.check_wishes(new)?;
            let key = wished_key(&new.wishes);
            let has_it = |of: &&NewTask| key.is_some() && wished_key(&of.wishes) == key;
            if !fresh.iter().any(has_it) && !self.is_anothers_after(task, &new.wishes) {
                fresh.push(new);
            }
        }
        Ok(fresh)
    }

    /// With others before it; its parents are known to the pool or are among these.
    fn check_follow_up(
        &self,
        new: &NewTask,
        beside: Beside,
        known: &[TaskId],
    ) -> Result<(), Rejection> {
        self.check_new_beside(new, beside)?;
        let kin = new
            .wishes
            .iter()
            .any(|wish| matches!(wish, Wish::After { .. }));
        if kin {
            self.check_parents_beside(new, known)?;
        }
        Ok(())
    }

    /// Enqueues what [`Pool::check_follow_ups`] found good.
    pub(super) fn enqueue_follow_ups(&mut self, then: Vec<NewTask>, out: &mut Transition) {
        for new in then {
            let done = self.enqueue_beside(new, None, self.beside_forgotten(), out);
            debug_assert!(done.is_ok(), "it was found good: {done:?}");
        }
    }
}

fn bytes_of<'a>(tasks: impl IntoIterator<Item = &'a NewTask>) -> u64 {
    let bytes: usize = tasks.into_iter().map(|new| new.payload.len()).sum();
    bytes as u64
}
