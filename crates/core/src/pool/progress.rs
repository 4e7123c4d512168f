//! How far tasks have come, by their holders' word.

use super::Pool;
use crate::{Answer, Rejection, SessionId, Told, Transition};

impl Pool {
    pub(super) fn progress(
        &mut self,
        _session: SessionId,
        _items: &[Told],
        _out: &mut Transition,
    ) -> Answer {
        Answer::Refused(Rejection::unsupported("progress"))
    }
}
