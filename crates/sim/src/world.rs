//! A world: virtual time, the order of events, and what fate does in it.

mod commits;
mod faults;
mod plan;
mod wires;

use std::{cmp::Reverse, collections::BinaryHeap};

use leasehold_core::{Ending, Reply, RequestId, SessionId, Timestamp};

use self::plan::Plan;
pub(crate) use self::plan::VARIANTS;
use crate::{
    Trial,
    chance::{Chance, Less, Site},
    clock::Clock,
    hub::{Fate, Hub, Witness, millis},
    network::{Network, Packet},
    node::{Action, Ctx, Gossip, Intent, Node},
    oracle::{Oracle, Verdict, Violation},
    trace::Trace,
};

/// When every world begins.
pub(crate) const BEGINNING: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// How long a world that is left in peace may take to finish, in virtual milliseconds.
const PEACE_MS_MAX: u64 = 600_000;

/// More events than this are a world that goes in circles.
const EVENTS_MAX: u64 = 200_000;

/// Requests of the hub itself, which nobody answers.
const NO_REQUEST: RequestId = RequestId(0);

/// Nobody in particular.
const NOBODY: usize = usize::MAX;

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
    pub(crate) chance: Chance,
    plan: Plan,
    trial: Trial,
    due: BinaryHeap<Reverse<Due>>,
    events: u64,
    network: Network,
    nodes: Vec<Node>,
    gossip: Gossip,
    hub: Hub,
    clock: Clock,
    /// Which life of the hub this is.
    lives: u64,
    /// Commits that the hub has begun.
    commits: u64,
    is_calm: bool,
    pub(crate) witness: Witness,
}

impl World {
    pub(crate) fn new(seed: u64, trial: Trial, less: Less) -> Self {
        let mut chance = Chance::new(seed, less);
        let mut plan = Plan::draw(&mut chance.draw(BEGINNING, Site::Plan, NOBODY));
        if chance.less().is_fine {
            plan.grain_ms = 1;
        }
        plan.war_ms = chance.less().war_ms.unwrap_or(plan.war_ms);
        let being = |index| Node::new(index, &mut chance.draw(BEGINNING, Site::Node, index));
        let nodes = (0..plan.nodes).map(being).collect();
        let witness = Witness {
            oracle: Oracle::new(&plan.pools),
            trace: Trace::default(),
        };
        Self {
            now: BEGINNING,
            chance,
            due: BinaryHeap::new(),
            events: 0,
            network: Network::default(),
            nodes,
            gossip: Gossip::default(),
            hub: Hub::new(plan.pools.clone(), trial.bug),
            clock: Clock::default(),
            lives: 0,
            commits: 0,
            is_calm: false,
            witness,
            plan,
            trial,
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

    pub(crate) const fn commits(&self) -> u64 {
        self.commits
    }

    fn step(&mut self) -> Verdict {
        self.events += 1;
        if self.events > EVENTS_MAX {
            return Err(Violation::general("the world goes in circles"));
        }
        let next = self.due.peek().map(|Reverse(due)| due.at);
        let deadline = self.hub.next_deadline();
        let deadline = deadline.map(|at| self.clock.world_time(at).max(self.now));
        if let Some(at) = deadline.filter(|at| next.is_none_or(|next| *at <= next)) {
            self.now = at;
            let now = self.hub_now();
            self.hub.advance(now, &mut self.witness)?;
        } else if let Some(Reverse(due)) = self.due.pop() {
            self.now = due.at;
            self.happen(due.event)?;
        }
        self.carry_out()
    }

    /// What the hub's clock shows, if it is up.
    fn hub_now(&mut self) -> Timestamp {
        self.witness.oracle.real = self.now;
        self.clock.hub_time(self.now)
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
        let now = self.hub_now();
        for pool in 0..self.hub.pools() {
            let disk = self.hub.read_disk(pool)?;
            self.witness.oracle.finish(pool, now, &disk)?;
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

    /// A node may do this and that, each of its own free will.
    fn wake(&mut self, node: usize) -> Verdict {
        let mut rng = self.chance.draw(self.now, Site::WakesAgain, node);
        let again = rng.within(20, self.plan.wake_ms_max);
        self.after(again, Event::Wake(node));
        if self.nodes[node].frozen_until > self.now {
            return Ok(());
        }
        for intent in Intent::ALL {
            if intent.is_for(self.is_calm) && self.nodes[node].could(intent) {
                self.try_intent(node, intent)?;
            }
        }
        Ok(())
    }

    fn try_intent(&mut self, node: usize, intent: Intent) -> Verdict {
        let step = self.chance.step(self.now, intent.site(), node);
        if !self.is_calm && !self.chance.may(step) {
            return Ok(());
        }
        let before = self.nodes[node].deeds;
        self.with_node(node, &step, |node, ctx| node.act(intent, ctx))?;
        if !self.is_calm && self.nodes[node].deeds > before {
            self.chance.took(step);
        }
        Ok(())
    }

    /// Lets a node do something, and does to the world what it wants.
    fn with_node(
        &mut self,
        node: usize,
        step: &crate::chance::Step,
        act: impl FnOnce(&mut Node, &mut Ctx<'_>),
    ) -> Verdict {
        let wall = self.hub_now();
        let mut rng = self.chance.of(*step);
        let mut ctx = Ctx {
            now: self.now,
            wall,
            rng: &mut rng,
            is_calm: self.is_calm,
            jumps_far: self.plan.jumps_far,
            less: self.chance.less(),
            pools: self.hub.pools(),
            gossip: &mut self.gossip,
            out: Vec::new(),
        };
        act(&mut self.nodes[node], &mut ctx);
        let out = ctx.out;
        self.nodes[node].deeds += out.len() as u64;
        out.into_iter()
            .try_for_each(|action| self.act_out(node, action))
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
            (Action::Govern(pool, variant, is_paused), _) => {
                let now = self.hub_now();
                let policy = (variant, is_paused);
                return self.hub.govern(pool, now, policy, &mut self.witness);
            }
            (Action::Ask(..) | Action::Bye, None) => {}
        }
        Ok(())
    }

    fn make_peace(&mut self) -> Verdict {
        self.is_calm = true;
        self.tell(format_args!("*** peace: from here on nothing goes wrong"));
        for node in &mut self.nodes {
            node.frozen_until = node.frozen_until.min(self.now);
            node.calm_down();
        }
        self.unpause()
    }

    /// Else there would be no end of waiting.
    fn unpause(&mut self) -> Verdict {
        let now = self.hub_now();
        for pool in 0..self.hub.pools() {
            self.hub.unpause(pool, now, &mut self.witness)?;
        }
        Ok(())
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        let now = self.hub_now();
        self.witness.trace.fault(now, what);
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
