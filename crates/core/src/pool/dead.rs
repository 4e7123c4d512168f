//! Bringing dead tasks back, changed; forgetting ended ones.

use super::Pool;
use crate::{Answer, Rejection, ReviveWith, Transition, Where};

impl Pool {
    pub(super) fn revive_with(&mut self, _revive: ReviveWith, _out: &mut Transition) -> Answer {
        Answer::Refused(Rejection::unsupported("revival with changes"))
    }

    pub(super) fn purge(
        &mut self,
        _which: &[Where],
        _tasks_max: u32,
        _out: &mut Transition,
    ) -> Answer {
        Answer::Refused(Rejection::unsupported("purge"))
    }
}
