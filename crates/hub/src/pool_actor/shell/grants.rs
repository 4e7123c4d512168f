//! What the front of a pool in partitions asks of this one.

use std::time::Duration;

use leasehold_core::{Answer, Claim, Command, Rejection, Reply, RequestId};

use super::{
    super::slip::{For, Slip, Want},
    Shell,
};

impl Shell {
    /// Grants to those who wait at the front, in their order.
    pub(in crate::pool_actor) fn grant(&mut self, slip: Slip) {
        let wants = slip.wants().iter();
        let outcomes = wants.map(|want| self.grant_one(want)).collect();
        // The front looks for what is next once it has the answer.
        self.show();
        slip.answer(outcomes);
    }

    fn grant_one(&mut self, want: &Want) -> Result<u32, Rejection> {
        /// Of no session's own.
        const OURS: RequestId = RequestId(0);
        let (now, session) = (self.clock.now(), want.session);
        let claim = Command::Claim(Claim {
            tasks_max: want.tasks,
            wait: Duration::ZERO,
            lease: want.lease,
        });
        self.pool
            .apply(now, session, OURS, claim, &mut self.transition);
        let replies = &mut self.transition.replies;
        let is_it = |reply: &Reply| matches!(reply, Reply::Answer(of, OURS, _) if *of == session);
        let at = replies.iter().rposition(is_it);
        let outcome = match at.map(|at| replies.remove(at)) {
            Some(Reply::Answer(_, _, Answer::Claimed(grants))) if !grants.is_empty() => {
                let granted = u32::try_from(grants.len()).unwrap_or(want.tasks);
                replies.push(match want.of {
                    For::Claim { request, .. } => {
                        Reply::Answer(session, request, Answer::Claimed(grants))
                    }
                    For::Credit => Reply::Deliver(session, grants),
                });
                Ok(granted)
            }
            Some(Reply::Answer(_, _, Answer::Refused(rejection))) => Err(rejection),
            _ => Ok(0),
        };
        self.take_transition();
        outcome
    }
}
