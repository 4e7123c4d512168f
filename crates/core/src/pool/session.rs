//! Sessions: their beginning, and what becomes of their leases when they end.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Pool,
    nodes::NodeNo,
    runtime::bounded,
    tasks::{At, EndsBy, Hand},
};
use crate::{
    Answer, AttemptEnding, Ending, Grant, Node, NodeName, SessionId, Timestamp, Transition,
};

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) node: NodeNo,
    /// Deliveries that it is ready to take.
    pub(super) credit: u32,
    /// How long the leases of such deliveries run.
    pub(super) credit_lease: Duration,
    /// A later session of the node has resumed: nobody reads what this one is told.
    pub(super) is_superseded: bool,
    /// Granted on credit in the call under way.
    pub(super) delivered: Vec<Grant>,
}

impl Pool {
    /// What the node of an open session is called; nothing of a session that is none.
    #[must_use]
    pub fn node_of(&self, session: SessionId) -> Option<&NodeName> {
        let of = self.sessions.get(&session)?;
        Some(&self.tasks.shelf.nodes[of.node].node.name)
    }

    pub(super) fn open_session(&mut self, session: SessionId, node: Node) -> Option<Answer> {
        if self.sessions.contains_key(&session) {
            return None;
        }
        let nodes = self.tasks.nodes();
        let node = nodes.enter(&node, None);
        nodes.get_mut(node).sessions.push(session);
        let of = Session {
            node,
            credit: 0,
            credit_lease: self.settings.lease,
            is_superseded: false,
            delivered: Vec::new(),
        };
        self.sessions.insert(session, of);
        None
    }

    /// Ends a session that is open; a second ending, or one of a stranger, changes nothing.
    pub(super) fn end_session(
        &mut self,
        session: SessionId,
        ending: Ending,
        out: &mut Transition,
    ) -> Option<Answer> {
        let of = self.sessions.remove(&session)?;
        self.waiters.leave_all(session, of.credit > 0);
        self.end_searches(session);
        for at in self.tasks.held_by(session) {
            match ending {
                Ending::Bye => self.end_attempt(at, AttemptEnding::Released, "", out),
                Ending::Silence => self.end_attempt(at, AttemptEnding::Silence, "", out),
                Ending::Cut => {
                    let ends_at = self.now + self.settings.cut_grace;
                    self.set_adrift(at, ends_at, EndsBy::Cut);
                }
                Ending::Dismissed => {
                    let ends_at = self.now + self.settings.restart_grace;
                    self.set_adrift(at, ends_at, EndsBy::HubGone);
                }
            }
        }
        self.tasks.held.remove(&session);
        let nodes = self.tasks.nodes();
        let sessions = &mut nodes.get_mut(of.node).sessions;
        sessions.retain(|other| *other != session);
        nodes.leave(of.node);
        None
    }

    /// The lease waits for its node to come back. Its deadline does not stop for a cut; where the
    /// hub went away it does, for the node could not have extended it.
    fn set_adrift(&mut self, at: At, ends_at: Timestamp, ends_by: EndsBy) {
        self.tasks.update(at, |slot| {
            let Some(hold) = &mut slot.hold else { return };
            hold.hand = Hand::Adrift(hold.hand.last());
            if ends_by == EndsBy::HubGone || ends_at < hold.ends_at {
                (hold.ends_at, hold.ends_by) = bounded(&slot.task, ends_at, ends_by);
            }
        });
    }
}
