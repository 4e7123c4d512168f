//! What passes between nodes and the hub, and what each sees of the other's end.

use leasehold_core::{Command, Ending, Reply, SessionId, Timestamp};

use super::{Event, NO_REQUEST, World};
use crate::{chance::Site, describe, hub::millis, network::Packet, oracle::Verdict};

impl World {
    pub(super) fn connect(&mut self, node: usize) -> Verdict {
        if !self.hub.is_up() {
            return Ok(());
        }
        let percent = if self.is_calm { 0 } else { 15 };
        let slow = self
            .chance
            .happens(self.now, Site::SlowConnect, node, percent);
        let lags = slow.map(|mut rng| {
            let lag_ms = rng.within(100, 3_000);
            (lag_ms, rng.within(0, lag_ms))
        });
        let (lag_ms, closes_after) = lags.unwrap_or_default();
        let session = self.network.connect(node, lag_ms);
        self.witness.trace.call(session, node);
        if lag_ms > 0 {
            self.after(closes_after, Event::NodeCloses(session));
        }
        let who = self.nodes[node].who()?;
        self.send(session, Packet::Hello(who));
        let resume = self.chance.step(self.now, Site::Resume, node);
        self.with_node(node, &resume, |node, ctx| node.connected(session, ctx))
    }

    pub(super) fn send(&mut self, session: SessionId, packet: Packet) {
        let at = self.arrival_at_hub(session);
        self.at(at, Event::ToHub(session, packet));
    }

    /// When something sent to the hub now arrives.
    pub(super) fn arrival_at_hub(&mut self, session: SessionId) -> Timestamp {
        let node = self.network.node(session);
        let delay_ms = self.delay_ms(Site::ToHub, node);
        self.network.arrival_at_hub(session, self.now, delay_ms)
    }

    /// Mostly fast, sometimes not.
    fn delay_ms(&mut self, site: Site, node: usize) -> u64 {
        let mut rng = self.chance.draw(self.now, site, node);
        if self.chance.less().is_prompt {
            return 1;
        }
        let slowest = if rng.chance(10) { 300 } else { 8 };
        rng.within(0, slowest)
    }

    /// Something arrives at the hub.
    pub(super) fn arrive(&mut self, session: SessionId, packet: Packet) -> Verdict {
        let node = self.network.node(session);
        let now = self.hub_now();
        let wire = self.network.wire(session);
        let Some(wire) = wire.filter(|wire| !wire.is_severed) else {
            return Ok(());
        };
        match packet {
            Packet::Hello(node) => {
                wire.hub_open = true;
                let open = |_| Command::Open(node.clone());
                self.ask_all(session, open)
            }
            Packet::Bye if wire.hub_open => self.end_session(session, Ending::Bye),
            Packet::Ask(pool, request, command) => {
                // Some are heard after the end of their session, and must be refused.
                let leaks = wire.hub_open
                    || self
                        .chance
                        .happens(self.now, Site::Leak, node, 15)
                        .is_some();
                if !leaks {
                    return Ok(());
                }
                let asked = (session, request, command);
                self.hub.apply(pool, now, asked, &mut self.witness)
            }
            Packet::Bye => Ok(()),
        }
    }

    fn ask_all(&mut self, session: SessionId, word: impl Fn(usize) -> Command) -> Verdict {
        let now = self.hub_now();
        for pool in 0..self.hub.pools() {
            let asked = (session, NO_REQUEST, word(pool));
            self.hub.apply(pool, now, asked, &mut self.witness)?;
        }
        Ok(())
    }

    /// Something leaves the hub.
    pub(super) fn reply(&mut self, pool: usize, reply: Reply) {
        let session = reply.session();
        let node = self.network.node(session);
        let delay_ms = self.delay_ms(Site::ToNode, node);
        let at = self.network.arrival_at_node(session, self.now, delay_ms);
        if let Some(at) = at {
            self.at(at, Event::ToNode(session, pool, reply));
        }
    }

    /// Something reaches a node.
    pub(super) fn reach(&mut self, session: SessionId, pool: usize, reply: Reply) -> Verdict {
        let Some(wire) = self.network.wire(session) else {
            return Ok(());
        };
        let (node, is_lost) = (wire.node, wire.is_severed || !wire.node_open);
        if is_lost || self.nodes[node].session != Some(session) {
            return Ok(());
        }
        let thaw = self.nodes[node].frozen_until;
        if thaw > self.now {
            self.at(thaw, Event::ToNode(session, pool, reply));
            return Ok(());
        }
        let text = describe::reply(&reply);
        let now = self.hub_now();
        let who = self.witness.trace.who(session);
        self.witness
            .trace
            .said(now, format_args!("{who} hears of pool {pool}: {text}"));
        let hear = self.chance.step(self.now, Site::Hear, node);
        self.with_node(node, &hear, |node, ctx| node.hear(pool, reply, ctx))
    }

    /// A session ends at the hub; its end may be posted twice.
    pub(super) fn end_session(&mut self, session: SessionId, ending: Ending) -> Verdict {
        let Some(wire) = self.network.wire(session).filter(|wire| wire.hub_open) else {
            return Ok(());
        };
        let node = wire.node;
        wire.hub_open = false;
        let is_told = wire.node_open && !wire.is_severed;
        if is_told {
            let mut rng = self.chance.draw(self.now, Site::Notice, node);
            self.after(rng.within(1, 200), Event::NodeNotices(session));
        }
        self.ask_all(session, |_| Command::End(ending))?;
        let twice = self.chance.happens(self.now, Site::EndTwice, node, 15);
        if twice.is_some() {
            self.ask_all(session, |_| Command::End(Ending::Silence))?;
        }
        Ok(())
    }

    pub(super) fn node_notices(&mut self, session: SessionId) {
        let Some(wire) = self.network.wire(session) else {
            return;
        };
        wire.node_open = false;
        let node = wire.node;
        let thaw = self.nodes[node].frozen_until;
        if thaw > self.now {
            self.at(thaw, Event::NodeNotices(session));
        } else if self.nodes[node].session == Some(session) {
            self.nodes[node].disconnected();
        }
    }

    /// A node closes its end: what it sent still arrives, and after that the hub sees the end.
    pub(super) fn close_at_node(&mut self, session: SessionId) {
        let last = self.arrival_at_hub(session);
        let wire = self.network.wire(session);
        if wire.is_some_and(|wire| wire.node_open && !wire.is_severed) {
            self.note(session, "is closed by its node");
            self.at(last, Event::HubNotices(session, Ending::Cut));
            self.node_notices(session);
        }
    }

    /// Both ends will see it, one earlier than the other.
    pub(super) fn notice_apart(&mut self, session: SessionId, hub_ms: u64, node_ms: u64) {
        let hub = self.now + millis(hub_ms);
        self.at(hub, Event::HubNotices(session, Ending::Cut));
        self.after(node_ms, Event::NodeNotices(session));
    }
}
