//! Connections: in order in each direction, late, and cut at any time.

use std::collections::BTreeMap;

use leasehold_core::{Command, Node, RequestId, SessionId, Timestamp};

use crate::hub::millis;

/// What a node sends.
#[derive(Debug, Clone)]
pub(crate) enum Packet {
    Hello(Node),
    Ask(usize, RequestId, Command),
    Bye,
}

/// One connection as each end sees it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) node: usize,
    pub(crate) hub_open: bool,
    pub(crate) node_open: bool,
    /// Nothing passes any more, whatever the ends believe.
    pub(crate) is_severed: bool,
    /// What the node sends takes so much longer: what it sends on its next connection overtakes.
    lag_ms: u64,
    /// Nothing overtakes what was sent before it.
    last_to_hub: Timestamp,
    last_to_node: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Network {
    wires: BTreeMap<SessionId, Wire>,
    sessions: u64,
}

impl Network {
    pub(crate) fn connect(&mut self, node: usize, lag_ms: u64) -> SessionId {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let wire = Wire {
            node,
            hub_open: false,
            node_open: true,
            is_severed: false,
            lag_ms,
            last_to_hub: Timestamp::default(),
            last_to_node: Timestamp::default(),
        };
        self.wires.insert(session, wire);
        session
    }

    pub(crate) fn wire(&mut self, session: SessionId) -> Option<&mut Wire> {
        self.wires.get_mut(&session)
    }

    /// Whose it is; nobody's is the hub's own.
    pub(crate) fn node(&self, session: SessionId) -> usize {
        let wire = self.wires.get(&session);
        wire.map_or(usize::MAX, |wire| wire.node)
    }

    /// When something sent to the hub now arrives, if it is under way for so long.
    pub(crate) fn arrival_at_hub(
        &mut self,
        session: SessionId,
        now: Timestamp,
        delay_ms: u64,
    ) -> Timestamp {
        let at = now + millis(delay_ms);
        let Some(wire) = self.wires.get_mut(&session) else {
            return at;
        };
        wire.last_to_hub = wire.last_to_hub.max(at + millis(wire.lag_ms));
        wire.last_to_hub
    }

    /// When something said to a node now arrives; never, if nobody is there to hear it.
    pub(crate) fn arrival_at_node(
        &mut self,
        session: SessionId,
        now: Timestamp,
        delay_ms: u64,
    ) -> Option<Timestamp> {
        let at = now + millis(delay_ms);
        let wire = self.wires.get_mut(&session)?;
        if wire.is_severed || !wire.hub_open {
            return None;
        }
        wire.last_to_node = wire.last_to_node.max(at);
        Some(wire.last_to_node)
    }

    /// The newest connection of a node that the hub knows.
    pub(crate) fn open_at_hub(&self, node: usize) -> Option<SessionId> {
        let mut wires = self.wires.iter();
        let open = wires.rfind(|(_, wire)| wire.hub_open && wire.node == node);
        open.map(|(session, _)| *session)
    }

    /// The hub is gone: every connection is cut. Returns those whose node is there to notice.
    pub(crate) fn cut_all(&mut self) -> Vec<SessionId> {
        let mut noticed = Vec::new();
        for (session, wire) in &mut self.wires {
            wire.hub_open = false;
            if !wire.is_severed && wire.node_open {
                noticed.push(*session);
            }
            wire.is_severed = true;
        }
        noticed
    }
}
