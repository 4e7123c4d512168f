//! Sessions: their beginning, and what becomes of their leases when they end.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Pool,
    tasks::{EndsBy, Hand},
};
use crate::{Answer, AttemptEnding, Ending, Node, SessionId, TaskId, Timestamp, Transition};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) node: Node,
    /// Deliveries that it is ready to take.
    pub(super) credit: u32,
    /// How long the leases of such deliveries run.
    pub(super) credit_lease: Duration,
    /// A later session of the node has resumed: nobody reads what this one is told.
    pub(super) is_superseded: bool,
}

impl Pool {
    pub(super) fn open_session(&mut self, session: SessionId, node: Node) -> Option<Answer> {
        let credit_lease = self.settings.lease;
        self.sessions.entry(session).or_insert(Session {
            node,
            credit: 0,
            credit_lease,
            is_superseded: false,
        });
        None
    }

    /// Ends a session that is open; a second ending, or one of a stranger, changes nothing.
    pub(super) fn end_session(
        &mut self,
        session: SessionId,
        ending: Ending,
        out: &mut Transition,
    ) -> Option<Answer> {
        self.sessions.remove(&session)?;
        self.waiters.leave_all(session);
        let held: Vec<TaskId> = self.tasks.held_by(session).collect();
        for id in held {
            match ending {
                Ending::Bye => self.end_attempt(id, AttemptEnding::Released, "", out),
                Ending::Silence => self.end_attempt(id, AttemptEnding::Silence, "", out),
                Ending::Cut => {
                    let ends_at = self.now + self.settings.cut_grace;
                    self.set_adrift(id, ends_at, EndsBy::Cut);
                }
                Ending::Dismissed => {
                    let ends_at = self.now + self.settings.restart_grace;
                    self.set_adrift(id, ends_at, EndsBy::HubGone);
                }
            }
        }
        None
    }

    /// The lease waits for its node to come back. Its deadline does not stop for a cut; where the
    /// hub went away it does, for the node could not have extended it.
    fn set_adrift(&mut self, id: TaskId, ends_at: Timestamp, ends_by: EndsBy) {
        self.tasks.update(id, |slot| {
            let Some(hold) = &mut slot.hold else { return };
            hold.hand = Hand::Adrift(hold.hand.last());
            if ends_by == EndsBy::HubGone || ends_at < hold.ends_at {
                (hold.ends_at, hold.ends_by) = (ends_at, ends_by);
            }
        });
    }
}
