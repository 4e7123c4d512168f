//! What a completion enqueues: all of it or the completion is none.

use alloc::vec::Vec;

use super::Pool;
use crate::{Completion, NewTask, Rejection, Transition};

impl Pool {
    /// Refuses a completion whose follow-ups could not all be enqueued.
    pub(super) fn check_follow_ups(&self, item: &Completion) -> Result<(), Rejection> {
        if item.then.is_empty() {
            return Ok(());
        }
        Err(Rejection::unsupported("follow-ups"))
    }

    /// Enqueues what [`Pool::check_follow_ups`] found good.
    pub(super) fn enqueue_follow_ups(&mut self, _then: Vec<NewTask>, _out: &mut Transition) {}
}
