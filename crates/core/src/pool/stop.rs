//! Calling off what is on lease: its holder is asked first.

use core::time::Duration;

use super::{Pool, tasks::At};
use crate::{Answer, AttemptEnding, Rejection, State, Task, TaskId, Timestamp, Transition};

impl Pool {
    pub(super) fn cancel_within(
        &mut self,
        _ids: &[TaskId],
        _grace: Option<Duration>,
        _out: &mut Transition,
    ) -> Answer {
        Answer::Refused(Rejection::unsupported("cancelling within a time"))
    }

    /// Ends a task whose holder was asked to and did not.
    pub(super) fn force_stop(&mut self, at: At, out: &mut Transition) {
        self.call_off(at, out);
    }
}

/// The state of a task that was being stopped when its attempt ended, in whatever way but success.
pub(super) const fn end_of_stopped(
    _task: &Task,
    _ending: AttemptEnding,
    _now: Timestamp,
) -> Option<State> {
    None
}
