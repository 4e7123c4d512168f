//! Does steps to a pool, and shows a model what comes of each.

use leasehold_core::*;

use super::{
    model::Model,
    steps::{Pick, SEATS, Step, Verb},
};
use crate::harness::*;

pub(crate) struct Machine {
    pub(crate) pool: Pool,
    pub(crate) model: Model,
    /// All transitions so far.
    pub(crate) log: Vec<(Vec<Change>, Vec<Reply>)>,
    store: Store,
    now: Timestamp,
    /// The last session of each seat and its node, open or not.
    seats: [(SessionId, u64); SEATS],
    sessions: u64,
    requests: u64,
}

impl Machine {
    pub(crate) fn new(settings: PoolSettings) -> Self {
        Self {
            pool: Pool::restore(PoolId(1), Epoch(1), settings.clone(), START, vec![]),
            model: Model::new(settings),
            log: vec![],
            store: Store::default(),
            now: START,
            seats: [(SessionId(0), 0); SEATS],
            sessions: 0,
            requests: 0,
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Open { seat, node } => self.open(*seat, *node),
            Step::Pass(millis) => self.pass(ms(*millis)),
            Step::Jump(millis) => self.advance_to(self.now + ms(*millis)),
            Step::Restart => self.restart(),
            Step::End(seat, ending) => self.send(*seat, Command::End(*ending)),
            Step::Enqueue(seat, tasks) => self.send(*seat, Command::Enqueue(tasks.clone())),
            Step::Claim {
                seat,
                tasks_max,
                wait,
            } => self.send(*seat, claim_for(*tasks_max, ms(*wait))),
            Step::Credit(seat, tasks) => self.send(*seat, credit(*tasks)),
            Step::Answer(seat, verb, pick) => {
                let proof = self.picked(*seat, *pick);
                self.send(*seat, answer(*verb, proof));
            }
            Step::Resume(seat, picks) => {
                let proofs = picks.iter().map(|pick| self.picked(*seat, *pick)).collect();
                self.send(*seat, Command::Resume(proofs));
            }
            Step::Cancel(seat, number) => self.send(*seat, Command::Cancel(vec![id(*number)])),
            Step::Revive(seat, None) => self.send(*seat, Command::Revive(Revive::All)),
            Step::Revive(seat, Some(number)) => {
                self.send(*seat, Command::Revive(Revive::Tasks(vec![id(*number)])));
            }
            Step::Await { seat, task, wait } => self.send(*seat, await_for(*task, ms(*wait))),
        }
    }

    /// A fresh node claims and completes until nothing is live.
    pub(crate) fn work_until_done(&mut self) {
        let seats = 0..SEATS;
        seats.for_each(|seat| self.send(seat, Command::End(Ending::Bye)));
        self.open(0, 9);
        for _ in 0..500 {
            self.send(0, claim(100));
            for proof in self.model.held_by(self.seats[0].0) {
                self.send(0, answer(Verb::Complete, proof));
            }
            if self.pool.summary().counts.live() == 0 {
                return;
            }
            self.pass(secs(1));
        }
    }

    fn open(&mut self, seat: usize, node: u64) {
        if !self.model.is_open(self.seats[seat].0) {
            self.sessions += 1;
            self.seats[seat] = (SessionId(self.sessions), node);
            self.send(seat, Command::Open(node_of(node)));
        }
    }

    fn picked(&self, seat: usize, pick: Pick) -> LeaseRef {
        let node = node_of(self.seats[seat].1);
        let granted = self.model.granted.iter().rev();
        let suits = |(_, holder): &&(LeaseRef, Node)| !pick.own || *holder == node;
        granted
            .filter(suits)
            .nth(pick.back)
            .map_or(invented(1), |(proof, _)| *proof)
    }

    fn send(&mut self, seat: usize, command: Command) {
        self.requests += 1;
        let (session, request) = (self.seats[seat].0, RequestId(self.requests));
        let mut out = Transition::default();
        self.pool
            .apply(self.now, session, request, command.clone(), &mut out);
        self.model
            .applied(self.now, session, request, &command, &out);
        self.done(out);
    }

    fn pass(&mut self, time: std::time::Duration) {
        let until = self.now + time;
        while let Some(at) = self.pool.next_deadline().filter(|at| *at <= until) {
            self.advance_to(at);
            let last = self.log.last().expect("a step was done");
            assert!(
                !last.0.is_empty() || !last.1.is_empty(),
                "a deadline without a deed"
            );
        }
        self.advance_to(until);
    }

    fn advance_to(&mut self, now: Timestamp) {
        self.now = now;
        self.advance();
    }

    fn advance(&mut self) {
        let mut out = Transition::default();
        self.pool.advance(self.now, &mut out);
        self.model.observe(self.now, &out);
        assert!(!self.is_due(), "what is due was not done");
        self.done(out);
    }

    fn is_due(&self) -> bool {
        let next = self.pool.next_deadline();
        next.is_some_and(|next| next <= self.now)
    }

    fn restart(&mut self) {
        let epoch = Epoch(self.pool.epoch().0 + 1);
        let settings = self.pool.settings().clone();
        self.pool = Pool::restore(PoolId(1), epoch, settings, self.now, self.store.load());
        self.model.restarted(self.now);
        self.advance_to(self.now);
    }

    /// After each step.
    fn done(&mut self, out: Transition) {
        assert_eq!(self.pool.check(), Ok(()));
        self.store.commit(&out.changes);
        self.pool.reuse(out.changes.clone().into());
        self.log.push((out.changes, out.replies));
        if self.is_due() {
            // Who resumes past its runtime overran at once.
            return self.advance();
        }
        self.model.agrees_with(&self.pool);
    }
}

fn node_of(number: u64) -> Node {
    // Nodes 1 and 2 have one name: two runs of the same program.
    let name = if number == 0 { "crane" } else { "derrick" };
    node(name, number)
}

fn answer(verb: Verb, proof: LeaseRef) -> Command {
    match verb {
        Verb::Complete => complete(proof),
        Verb::Fail => fail(proof),
        Verb::Release => Command::Release(vec![proof]),
        Verb::Extend => Command::Extend(vec![proof], None),
    }
}
