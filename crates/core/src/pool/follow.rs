//! What a completion enqueues: all of it or the completion is none.

use alloc::vec::Vec;

use super::{Pool, enqueue::within, room::Beside};
use crate::{
    Completion, NewTask, Rejection, TaskId, Transition, Wish,
    limits::{BLOB_BYTES_MAX, FOLLOW_UPS_MAX},
};

impl Pool {
    /// Refuses a completion whose follow-ups could not all be enqueued.
    pub(super) fn check_follow_ups(&self, item: &Completion) -> Result<(), Rejection> {
        if item.then.is_empty() {
            return Ok(());
        }
        if self.settings.partitions > 1 {
            let what = "follow-ups in a pool in partitions";
            return Err(Rejection::unsupported(what));
        }
        let (then, max) = (&item.then, FOLLOW_UPS_MAX as u64);
        within("the number of follow-ups", then.len() as u64, 0, max)?;
        let bytes: usize = then.iter().map(|new| new.payload.len()).sum();
        let what = "the length of all follow-ups' payloads in bytes";
        within(what, bytes as u64, 0, BLOB_BYTES_MAX as u64)?;
        let mut known = Vec::with_capacity(then.len() + 1);
        known.push(item.proof.task);
        let mut earlier = Beside::default();
        for new in then {
            self.check_follow_up(new, earlier, &known)?;
            known.push(new.id);
            earlier.tasks += 1;
            earlier.bytes += new.payload.len() as u64;
        }
        Ok(())
    }

    /// With others before it; its parents are known to the pool or are among these.
    fn check_follow_up(
        &self,
        new: &NewTask,
        earlier: Beside,
        known: &[TaskId],
    ) -> Result<(), Rejection> {
        if self.tasks.find(new.id).is_some() || known.contains(&new.id) {
            return Ok(());
        }
        self.check_wishes(new)?;
        self.check_new_beside(new, earlier)?;
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
            let done = self.enqueue_one(new, None, out);
            debug_assert!(done.is_ok(), "it was found good: {done:?}");
        }
    }
}
