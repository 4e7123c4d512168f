//! A world: virtual time, the order of events, and what fate does in it.

mod faults;
mod plan;

use std::{cmp::Reverse, collections::BinaryHeap};

use leasehold_core::{Command, Ending, Reply, RequestId, SessionId, Timestamp};
use leasehold_store::Moment;

use self::plan::Plan;
use crate::{
    describe,
    hub::{Fate, Hub, Witness, millis},
    mutation::Mutation,
    network::{Network, Packet},
    node::{Action, Ctx, Gossip, Node},
    oracle::{Oracle, Verdict, Violation},
    rng::Rng,
    trace::Trace,
};

/// When every world begins.
const BEGINNING: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// How long a world that is left in peace may take to finish, in virtual milliseconds.
const PEACE_MS_MAX: u64 = 600_000;

/// More events than this are a world that goes in circles.
const EVENTS_MAX: u64 = 200_000;

/// Requests of the hub itself, which nobody answers.
const NO_REQUEST: RequestId = RequestId(0);

#[derive(Debug)]
enum Event {
    Wake(usize),
    ToHub(SessionId, Packet),
    ToNode(SessionId, usize, Reply),
    HubNotices(SessionId, Ending),
    NodeNotices(SessionId),
    /// The node has had enough of it.
    NodeCloses(SessionId),
    /// Of this life of the hub.
    CommitEnds(u64, Fate),
    Fault,
    HubStarts,
    Peace,
}

/// Sorted by time, then by the order in which they were put in.
#[derive(Debug)]
struct Due {
    at: Timestamp,
    order: u64,
    event: Event,
}

#[derive(Debug)]
pub(crate) struct World {
    now: Timestamp,
    rng: Rng,
    plan: Plan,
    due: BinaryHeap<Reverse<Due>>,
    events: u64,
    network: Network,
    nodes: Vec<Node>,
    gossip: Gossip,
    hub: Hub,
    /// Which life of the hub this is.
    lives: u64,
    is_calm: bool,
    pub(crate) witness: Witness,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Option<Mutation>) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::draw(&mut rng);
        let nodes = (0..plan.nodes)
            .map(|index| Node::new(index, &mut rng))
            .collect();
        let witness = Witness {
            oracle: Oracle::new(&plan.pools),
            trace: Trace::default(),
        };
        Self {
            now: BEGINNING,
            rng,
            due: BinaryHeap::new(),
            events: 0,
            network: Network::default(),
            nodes,
            gossip: Gossip::default(),
            hub: Hub::new(plan.pools.clone(), bug),
            lives: 0,
            is_calm: false,
            witness,
            plan,
        }
    }

    /// Lives through everything, and is judged all the way and at the end.
    pub(crate) fn run(&mut self) -> Verdict {
        self.after(0, Event::HubStarts);
        for node in 0..self.nodes.len() {
            self.after(1, Event::Wake(node));
        }
        self.after(self.plan.fault_every_ms, Event::Fault);
        self.after(self.plan.war_ms, Event::Peace);
        while !self.is_over() {
            self.step()?;
        }
        self.finish()
    }

    fn step(&mut self) -> Verdict {
        self.events += 1;
        if self.events > EVENTS_MAX {
            return Err(Violation::general("the world goes in circles"));
        }
        let next = self.due.peek().map(|Reverse(due)| due.at);
        let deadline = self.hub.next_deadline().map(|at| at.max(self.now));
        if let Some(at) = deadline.filter(|at| next.is_none_or(|next| *at <= next)) {
            self.now = at;
            self.hub.advance(at, &mut self.witness)?;
        } else if let Some(Reverse(due)) = self.due.pop() {
            self.now = due.at;
            self.happen(due.event)?;
        }
        self.carry_out();
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Verdict {
        match event {
            Event::Wake(node) => self.wake(node),
            Event::ToHub(session, packet) => self.arrive(session, packet),
            Event::ToNode(session, pool, reply) => self.reach(session, pool, reply),
            Event::HubNotices(session, ending) => self.end_session(session, ending),
            Event::NodeNotices(session) => {
                self.node_notices(session);
                Ok(())
            }
            Event::NodeCloses(session) => {
                self.close_at_node(session);
                Ok(())
            }
            Event::CommitEnds(life, fate) => self.end_commit(life, fate),
            Event::Fault => self.fault(),
            Event::HubStarts => self.start_hub(),
            Event::Peace => self.make_peace(),
        }
    }

    fn is_over(&self) -> bool {
        let peace = BEGINNING + millis(self.plan.war_ms + PEACE_MS_MAX);
        let is_done = self.is_calm
            && self.hub.is_idle()
            && self.nodes.iter().all(Node::is_idle)
            && self.witness.oracle.all_ended();
        is_done || self.now > peace
    }

    fn finish(&mut self) -> Verdict {
        for pool in 0..self.hub.pools() {
            let disk = self.hub.read_disk(pool)?;
            self.witness.oracle.finish(pool, self.now, &disk)?;
        }
        Ok(())
    }

    fn after(&mut self, ms: u64, event: Event) {
        self.at(self.now + millis(ms), event);
    }

    fn at(&mut self, at: Timestamp, event: Event) {
        let at = Timestamp::from_millis(at.as_millis().next_multiple_of(self.plan.grain_ms));
        let order = self.events << 32 | self.due.len() as u64;
        self.due.push(Reverse(Due { at, order, event }));
    }

    fn wake(&mut self, node: usize) -> Verdict {
        let again = self.rng.within(20, self.plan.wake_ms_max);
        let thaw = self.nodes[node].frozen_until;
        if thaw > self.now {
            self.at(thaw, Event::Wake(node));
            return Ok(());
        }
        self.after(again, Event::Wake(node));
        self.with_node(node, Node::act)
    }

    /// Lets a node do something, and does to the world what it wants.
    fn with_node(&mut self, node: usize, act: impl FnOnce(&mut Node, &mut Ctx<'_>)) -> Verdict {
        let mut ctx = Ctx {
            now: self.now,
            rng: &mut self.rng,
            is_calm: self.is_calm,
            pools: self.hub.pools(),
            gossip: &mut self.gossip,
            out: Vec::new(),
        };
        act(&mut self.nodes[node], &mut ctx);
        for action in ctx.out {
            self.act_out(node, action)?;
        }
        Ok(())
    }

    fn act_out(&mut self, node: usize, action: Action) -> Verdict {
        let session = self.nodes[node].session;
        match (action, session) {
            (Action::Connect, _) => return self.connect(node),
            (Action::Ask(pool, request, command), Some(session)) => {
                self.send(session, Packet::Ask(pool, request, command));
            }
            (Action::Bye, Some(session)) => {
                self.send(session, Packet::Bye);
                if let Some(wire) = self.network.wire(session) {
                    wire.node_open = false;
                }
                self.nodes[node].reborn();
            }
            (Action::Die(down_for), _) => self.kill(node, down_for),
            (Action::Ask(..) | Action::Bye, None) => {}
        }
        Ok(())
    }

    fn connect(&mut self, node: usize) -> Verdict {
        if !self.hub.is_up() {
            return Ok(());
        }
        let is_slow = !self.is_calm && self.rng.chance(15);
        let lag_ms = if is_slow {
            self.rng.within(100, 3_000)
        } else {
            0
        };
        let session = self.network.connect(node, lag_ms);
        if is_slow {
            let closes = self.rng.within(0, lag_ms);
            self.after(closes, Event::NodeCloses(session));
        }
        let who = self.nodes[node].who()?;
        self.send(session, Packet::Hello(who));
        self.with_node(node, |node, ctx| node.connected(session, ctx))
    }

    fn send(&mut self, session: SessionId, packet: Packet) {
        let at = self
            .network
            .arrival_at_hub(session, self.now, &mut self.rng);
        self.at(at, Event::ToHub(session, packet));
    }

    /// Something arrives at the hub.
    fn arrive(&mut self, session: SessionId, packet: Packet) -> Verdict {
        let leaks = self.rng.chance(15);
        let Some(wire) = self.network.wire(session).filter(|wire| !wire.is_severed) else {
            return Ok(());
        };
        match packet {
            Packet::Hello(node) => {
                wire.hub_open = true;
                let open = |_| Command::Open(node.clone());
                self.ask_all(session, open)
            }
            Packet::Bye if wire.hub_open => self.end_session(session, Ending::Bye),
            // Some are heard after the end of their session, and must be refused.
            Packet::Ask(pool, request, command) if wire.hub_open || leaks => self.hub.apply(
                pool,
                self.now,
                (session, request, command),
                &mut self.witness,
            ),
            Packet::Bye | Packet::Ask(..) => Ok(()),
        }
    }

    fn ask_all(&mut self, session: SessionId, word: impl Fn(usize) -> Command) -> Verdict {
        for pool in 0..self.hub.pools() {
            let asked = (session, NO_REQUEST, word(pool));
            self.hub.apply(pool, self.now, asked, &mut self.witness)?;
        }
        Ok(())
    }

    /// Something reaches a node.
    fn reach(&mut self, session: SessionId, pool: usize, reply: Reply) -> Verdict {
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
        self.witness.trace.note(
            self.now,
            format_args!("node {node} (s{}) hears of pool {pool}: {text}", session.0),
        );
        self.with_node(node, |node, ctx| node.hear(pool, reply, ctx))
    }

    /// A session ends at the hub; its end may be posted twice.
    fn end_session(&mut self, session: SessionId, ending: Ending) -> Verdict {
        let twice = self.rng.chance(15);
        let Some(wire) = self.network.wire(session).filter(|wire| wire.hub_open) else {
            return Ok(());
        };
        wire.hub_open = false;
        if wire.node_open && !wire.is_severed {
            let notices = self.rng.within(1, 200);
            self.after(notices, Event::NodeNotices(session));
        }
        self.ask_all(session, |_| Command::End(ending))?;
        if twice {
            self.ask_all(session, |_| Command::End(Ending::Silence))?;
        }
        Ok(())
    }

    fn node_notices(&mut self, session: SessionId) {
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

    /// What left the hub goes out, and what gathered goes to the disk.
    fn carry_out(&mut self) {
        for (pool, reply) in self.hub.take_left() {
            let session = reply.session();
            if let Some(at) = self
                .network
                .arrival_at_node(session, self.now, &mut self.rng)
            {
                self.at(at, Event::ToNode(session, pool, reply));
            }
        }
        if self.hub.begin_commit() {
            let fate = self.draw_fate();
            let slowest = if self.rng.chance(10) { 400 } else { 6 };
            let takes = self.rng.within(0, slowest);
            self.after(takes, Event::CommitEnds(self.lives, fate));
        }
    }

    fn draw_fate(&mut self) -> Fate {
        if self.is_calm || !self.rng.chance(self.plan.commit_fails_percent) {
            return Fate::Kept;
        }
        if self.rng.chance(50) {
            Fate::Failed(Moment::Before)
        } else {
            Fate::Failed(Moment::After)
        }
    }

    fn end_commit(&mut self, life: u64, fate: Fate) -> Verdict {
        if life != self.lives || !self.hub.is_up() {
            return Ok(());
        }
        let lives_on = self.hub.end_commit(fate, self.now, &mut self.witness)?;
        if !lives_on {
            // Memory is ahead of the disk: all that the hub can do is to start anew.
            let down_for = self.rng.within(0, 50);
            self.bring_down(false, down_for);
        }
        Ok(())
    }

    fn start_hub(&mut self) -> Verdict {
        if self.hub.is_up() {
            return Ok(());
        }
        self.lives += 1;
        self.hub.start(self.now, &mut self.witness)
    }

    fn make_peace(&mut self) -> Verdict {
        self.is_calm = true;
        self.witness.trace.note(self.now, format_args!("*** peace"));
        for node in &mut self.nodes {
            node.frozen_until = node.frozen_until.min(self.now);
        }
        Ok(())
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
