//! Schedules: what they fire, and what of them is to be planned.

use alloc::vec::Vec;

use super::Pool;
use crate::{Answer, Plan, Rejection, Schedule, ScheduleAsk, ScheduleName, Timestamp, Transition};

impl Pool {
    pub(super) fn schedule(&mut self, _ask: ScheduleAsk, _out: &mut Transition) -> Answer {
        Answer::Refused(Rejection::unsupported("schedules"))
    }

    /// Enqueues what a schedule's due instants are for. No answer.
    pub(super) fn fire(&mut self, _plan: Plan, _out: &mut Transition) -> Option<Answer> {
        None
    }

    pub(super) fn recall_schedule(&mut self, _schedule: Schedule) {}

    /// Schedules that want a [`Plan`] now, and until when each is dealt with.
    #[must_use]
    pub const fn due_schedules(&self) -> Vec<(ScheduleName, Timestamp)> {
        Vec::new()
    }

    /// When a schedule next wants a [`Plan`].
    pub(super) const fn next_instant(&self) -> Option<Timestamp> {
        None
    }
}
