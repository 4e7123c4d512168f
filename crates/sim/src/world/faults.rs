//! What goes wrong with hub, nodes and the network.

use leasehold_core::{Ending, SessionId};

use super::{Event, World};
use crate::{features::SCHEDULES, hub::millis, network::Wire, oracle::Verdict};

impl World {
    /// One thing goes wrong, and the next is on its way.
    pub(super) fn fault(&mut self) -> Verdict {
        if self.is_calm {
            return Ok(());
        }
        let next = self.rng.within(1, 2 * self.plan.fault_every_ms);
        self.after(next, Event::Fault);
        let session = self.rng.pick(&self.network.open_at_hub());
        match (self.rng.within(0, 99), session) {
            (0..30, Some(session)) => self.cut(session),
            (30..45, Some(session)) => self.fall_silent(session),
            (45..60, _) => self.freeze(),
            (60..70, Some(session)) => return self.dismiss(session),
            (70..85, _) => {
                let (is_kept, mut down_for) = (self.rng.chance(50), self.rng.within(0, 1500));
                if SCHEDULES && self.rng.chance(5) {
                    // Long enough for instants to be missed.
                    down_for += 65_000;
                }
                self.bring_down(is_kept, down_for);
            }
            (_, _) => {
                let node = self.rng.index(self.nodes.len());
                let down_for = self.rng.within(10, 3000);
                self.kill(node, down_for);
            }
        }
        Ok(())
    }

    /// The hub dies, and starts again. The clock goes on.
    pub(super) fn bring_down(&mut self, is_kept: bool, down_for: u64) {
        if !self.hub.is_up() {
            return;
        }
        self.witness.trace.note(
            self.now,
            format_args!("*** the hub dies; commit on its way kept: {is_kept}"),
        );
        self.witness.oracle.count("hub died");
        self.hub.crash(is_kept, &mut self.witness);
        for session in self.network.cut_all() {
            let notices = self.rng.within(1, 100);
            self.after(notices, Event::NodeNotices(session));
        }
        self.after(down_for, Event::HubStarts);
    }

    /// A process dies; the hub sees its connection go.
    pub(super) fn kill(&mut self, node: usize, down_for: u64) {
        self.witness
            .trace
            .note(self.now, format_args!("node {node} dies"));
        if let Some(session) = self.nodes[node].session {
            self.sever(session);
            let notices = self.rng.within(0, 50);
            self.after(notices, Event::HubNotices(session, Ending::Cut));
        }
        self.nodes[node].reborn();
        self.nodes[node].frozen_until = self.now + millis(down_for);
    }

    /// A node closes its end: what it sent still arrives, and after that the hub sees the end.
    pub(super) fn close_at_node(&mut self, session: SessionId) {
        let last = self
            .network
            .arrival_at_hub(session, self.now, &mut self.rng);
        let is_open = |wire: &&mut Wire| wire.node_open && !wire.is_severed;
        if self.network.wire(session).filter(is_open).is_some() {
            self.note(session, "is closed by its node");
            self.at(last, Event::HubNotices(session, Ending::Cut));
            self.node_notices(session);
        }
    }

    /// The connection goes, and both ends see it, one earlier than the other.
    fn cut(&mut self, session: SessionId) {
        if self.rng.chance(30) {
            return self.close_at_node(session);
        }
        self.note(session, "is cut");
        self.sever(session);
        let (hub, node) = (self.rng.within(0, 300), self.rng.within(0, 300));
        self.after(hub, Event::HubNotices(session, Ending::Cut));
        self.after(node, Event::NodeNotices(session));
    }

    /// Nothing passes, and neither end sees why.
    fn fall_silent(&mut self, session: SessionId) {
        self.note(session, "falls silent");
        self.sever(session);
        let silence = self.plan.silence_ms;
        let node = self.rng.within(silence / 4, silence * 2);
        self.after(silence, Event::HubNotices(session, Ending::Silence));
        self.after(node, Event::NodeNotices(session));
    }

    /// A process stands still, for a moment or for so long that it is given up.
    fn freeze(&mut self) {
        let node = self.rng.index(self.nodes.len());
        let silence = self.plan.silence_ms;
        let lasts = self.rng.within(50, silence * 3);
        self.witness.trace.note(
            self.now,
            format_args!("node {node} stands still for {lasts} ms"),
        );
        let thaw = self.now + millis(lasts);
        self.nodes[node].frozen_until = self.nodes[node].frozen_until.max(thaw);
        if let Some(session) = self.nodes[node].session.filter(|_| lasts > silence) {
            self.after(silence, Event::HubNotices(session, Ending::Silence));
        }
    }

    /// The hub sends a session away.
    fn dismiss(&mut self, session: SessionId) -> Verdict {
        self.note(session, "is dismissed");
        self.end_session(session, Ending::Dismissed)
    }

    fn sever(&mut self, session: SessionId) {
        if let Some(wire) = self.network.wire(session) {
            wire.is_severed = true;
        }
    }

    fn note(&mut self, session: SessionId, what: &str) {
        self.witness
            .trace
            .note(self.now, format_args!("s{} {what}", session.0));
    }
}
