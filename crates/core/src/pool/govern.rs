//! The pool's policy, as its owner changes it.

use super::Pool;
use crate::{Answer, Govern, Policy, Rejection, Transition};

impl Pool {
    pub(super) fn govern(&mut self, _govern: Govern, _out: &mut Transition) -> Answer {
        Answer::Refused(Rejection::unsupported("settings of a pool that is in use"))
    }

    /// What was decided about it while the hub ran.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }
}
