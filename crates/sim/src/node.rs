//! Nodes: they produce, work, forget, lie and come back from the dead.

mod flood;
mod hear;
mod intent;
mod meddle;
mod tamper;
mod wishes;

use std::collections::BTreeMap;

use leasehold_core::{
    Claim, Command, Completion, Credit, Failure, Incarnation, LeaseRef, NewTask, NodeName,
    RequestId, SessionId, TaskId, Timestamp, Told,
};

pub(crate) use self::intent::Intent;

use crate::{
    chance::Less, features::LINKS, hub::millis, mutation::PRIORITY_MAX, oracle::Verdict,
    oracle::Violation, rng::Rng,
};

/// Set in the ids of tasks that kill their nodes.
const POISON: u128 = 0xdead << 96;

/// What a node does to the world.
#[derive(Debug)]
pub(crate) enum Action {
    Connect,
    Ask(usize, RequestId, Command),
    Bye,
    /// The process dies, and starts anew after so many milliseconds.
    Die(u64),
    /// Somebody with the right to it gives a pool other settings of those that it may have, and
    /// pauses it or does not.
    Govern(usize, u64, bool),
}

/// What a node may look at and touch.
pub(crate) struct Ctx<'a> {
    pub(crate) now: Timestamp,
    /// By the hub's clock.
    pub(crate) wall: Timestamp,
    pub(crate) rng: &'a mut Rng,
    pub(crate) is_calm: bool,
    /// Of the wall clock.
    pub(crate) jumps_far: bool,
    pub(crate) less: &'a Less,
    pub(crate) pools: usize,
    pub(crate) gossip: &'a mut Gossip,
    pub(crate) out: Vec<Action>,
}

/// What all nodes know of each other, which is how they come by what is not theirs.
#[derive(Debug, Default)]
pub(crate) struct Gossip {
    pub(crate) leases: Vec<(usize, LeaseRef)>,
    pub(crate) tasks: Vec<(usize, TaskId)>,
}

#[derive(Debug)]
pub(crate) struct Node {
    index: usize,
    incarnation: u64,
    /// As the node believes.
    pub(crate) session: Option<SessionId>,
    pub(crate) frozen_until: Timestamp,
    /// In percent, how often it does what it should not.
    malice: u64,
    works: Vec<Work>,
    past: Vec<(usize, LeaseRef)>,
    asked: BTreeMap<RequestId, (usize, Command)>,
    unaccepted: Vec<Offer>,
    quota: u32,
    requests: u64,
    credit: BTreeMap<usize, u32>,
    /// What it said last, to say it again.
    said: Vec<(usize, Command)>,
    /// What it has done to the world.
    pub(crate) deeds: u64,
}

#[derive(Debug)]
struct Work {
    pool: usize,
    proof: LeaseRef,
    plan: Plan,
    next_at: Timestamp,
    asked: Option<RequestId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Complete,
    Fail,
    Release,
    Hang,
    /// Extend so often, then complete.
    Extend(u32),
}

/// A task that the hub has not accepted yet, as far as its producer knows.
#[derive(Debug)]
struct Offer {
    pool: usize,
    task: NewTask,
    asked: Option<RequestId>,
}

impl Node {
    pub(crate) fn new(index: usize, rng: &mut Rng) -> Self {
        Self {
            index,
            incarnation: 1,
            session: None,
            frozen_until: Timestamp::default(),
            malice: rng.pick(&[0, 2, 5, 15]).unwrap_or(0),
            works: Vec::new(),
            past: Vec::new(),
            asked: BTreeMap::new(),
            unaccepted: Vec::new(),
            quota: rng.small(0, 14),
            requests: 0,
            credit: BTreeMap::new(),
            said: Vec::new(),
            deeds: 0,
        }
    }

    pub(crate) fn who(&self) -> Verdict<leasehold_core::Node> {
        let name = NodeName::new(&format!("node-{}", self.index));
        Ok(leasehold_core::Node {
            name: name.map_err(|error| Violation::general(error.to_string()))?,
            incarnation: Incarnation(self.incarnation),
        })
    }

    /// Nothing is left to offer and nothing to work on.
    pub(crate) const fn is_idle(&self) -> bool {
        self.unaccepted.is_empty() && self.works.is_empty()
    }

    /// Nothing new comes of it from here on, and what it waits for in vain it forgets.
    pub(crate) fn calm_down(&mut self) {
        self.quota = 0;
    }

    /// It is connected again, and says what it holds. Or something else.
    pub(crate) fn connected(&mut self, session: SessionId, ctx: &mut Ctx<'_>) {
        self.session = Some(session);
        let is_honest = ctx.is_calm || ctx.less.is_plain;
        let honesty = if is_honest { 0 } else { ctx.rng.within(0, 99) };
        for pool in 0..ctx.pools {
            let mut leases = self.held_in(pool);
            match honesty {
                0..70 => {}
                70..85 => self.confuse(pool, &mut leases, ctx),
                _ => continue,
            }
            self.ask(pool, Command::Resume(leases), ctx);
        }
    }

    /// The connection is gone, and so are all answers under way.
    pub(crate) fn disconnected(&mut self) {
        self.session = None;
        self.asked.clear();
        self.credit.clear();
        self.works.iter_mut().for_each(|work| work.asked = None);
        self.unaccepted
            .iter_mut()
            .for_each(|offer| offer.asked = None);
    }

    /// The process is another one now: it knows what it has to produce, and nothing else.
    pub(crate) fn reborn(&mut self) {
        self.disconnected();
        self.incarnation += 1;
        let works = std::mem::take(&mut self.works);
        self.past
            .extend(works.into_iter().map(|work| (work.pool, work.proof)));
    }

    fn ask(&mut self, pool: usize, command: Command, ctx: &mut Ctx<'_>) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.asked.insert(request, (pool, command.clone()));
        self.said.push((pool, command.clone()));
        ctx.out.push(Action::Ask(pool, request, command));
        request
    }

    fn produce(&mut self, ctx: &mut Ctx<'_>) {
        if self.quota == 0 || !ctx.rng.chance(30) {
            return;
        }
        let pool = ctx.rng.index(ctx.pools);
        let most = if ctx.less.is_single { 1 } else { 3 };
        for _ in 0..ctx.rng.small(1, 3).min(self.quota).min(most) {
            self.quota -= 1;
            let mut task = self.new_task(ctx);
            task.wishes.extend(wishes::links(pool, ctx));
            task.wishes.extend(wishes::group(ctx));
            ctx.gossip.tasks.push((pool, task.id));
            self.unaccepted.push(Offer {
                pool,
                task,
                asked: None,
            });
        }
    }

    fn new_task(&self, ctx: &mut Ctx<'_>) -> NewTask {
        let number = ctx.gossip.tasks.len() as u128 + 1;
        let poison = if ctx.rng.chance(5) { POISON } else { 0 };
        let noise = u128::from(ctx.rng.next()) << 32;
        let delays = [0, 0, 0, 0, ctx.rng.within(1, 8000)];
        let delay = ctx.rng.pick(&delays).filter(|_| !ctx.less.is_at_once);
        let attempts = [None, None, Some(1), Some(2), Some(3), Some(0)];
        let too_long = ctx.rng.chance(2);
        let payload_bytes = if too_long { 500 } else { ctx.rng.index(100) };
        let choices = if ctx.rng.chance(3) { 6 } else { 5 };
        let id = poison | (noise & (u128::MAX >> 32)) | number;
        let mut new = NewTask {
            id: TaskId::from_u128(id),
            priority: ctx.rng.small(0, PRIORITY_MAX),
            attempts_max: attempts[ctx.rng.index(choices)],
            delay: millis(delay.unwrap_or(0)),
            payload: vec![7; payload_bytes].into(),
            wishes: vec![],
        };
        new.wishes = wishes::wishes(!new.delay.is_zero(), ctx);
        new
    }

    /// Sends what was not accepted yet; now and then once more than it need.
    fn offer(&mut self, ctx: &mut Ctx<'_>) {
        for pool in 0..ctx.pools {
            let again = ctx.rng.chance(5) && !ctx.is_calm;
            let is_open =
                |offer: &&mut Offer| offer.pool == pool && (again || offer.asked.is_none());
            let request = RequestId(self.requests + 1);
            let tasks: Vec<NewTask> = self
                .unaccepted
                .iter_mut()
                .filter(is_open)
                .map(|offer| {
                    offer.asked = Some(request);
                    offer.task.clone()
                })
                .collect();
            if !tasks.is_empty() {
                self.ask(pool, Command::Enqueue(tasks), ctx);
            }
        }
    }

    fn work(&mut self, ctx: &mut Ctx<'_>) {
        let due = |work: &Work| work.asked.is_none() && work.next_at <= ctx.now;
        let due: Vec<usize> = (0..self.works.len())
            .filter(|at| due(&self.works[*at]))
            .collect();
        for at in due {
            let work = &mut self.works[at];
            let (pool, proof) = (work.pool, work.proof);
            if ctx.is_calm {
                work.plan = Plan::Complete;
            }
            let command = match work.plan {
                Plan::Complete => complete(pool, proof, ctx),
                Plan::Fail => Command::Fail(vec![Failure {
                    proof,
                    reason: "it did not fit".into(),
                    then: wishes::after_failure(ctx),
                }]),
                Plan::Release => Command::Release(vec![proof]),
                Plan::Hang => continue,
                Plan::Extend(left) => {
                    work.plan = left.checked_sub(1).map_or(Plan::Complete, Plan::Extend);
                    work.next_at = ctx.now + millis(ctx.rng.within(100, 1500));
                    let wishes = [None, Some(millis(ctx.rng.within(100, 4000)))];
                    let wish = ctx.rng.pick(&wishes).flatten();
                    let extend = if ctx.rng.chance(40) {
                        progress(proof, ctx)
                    } else {
                        Command::Extend(vec![proof], wish)
                    };
                    self.ask(pool, extend, ctx);
                    continue;
                }
            };
            let request = self.ask(pool, command, ctx);
            self.works[at].asked = Some(request);
        }
    }

    fn ask_for_work(&mut self, ctx: &mut Ctx<'_>) {
        for pool in 0..ctx.pools {
            let is_claim = |(of, command): &(usize, Command)| {
                *of == pool && matches!(command, Command::Claim(_))
            };
            let has_credit = self.credit.get(&pool).is_some_and(|credit| *credit > 0);
            let waits = has_credit || self.asked.values().any(is_claim);
            if waits || self.works.len() > 5 || !(ctx.is_calm || ctx.rng.chance(50)) {
                continue;
            }
            let leases = [None, None, Some(millis(ctx.rng.within(100, 3000)))];
            let lease = ctx.rng.pick(&leases).flatten();
            let most = if ctx.less.is_single { 1 } else { 3 };
            let tasks = ctx.rng.small(1, 3).min(most);
            if ctx.rng.chance(30) {
                *self.credit.entry(pool).or_default() += tasks;
                self.ask(pool, Command::Credit(Credit { tasks, lease }), ctx);
            } else {
                let longest = if ctx.rng.chance(30) { 0 } else { 3000 };
                let wait = millis(ctx.rng.within(0, longest));
                let claim = Claim {
                    tasks_max: tasks,
                    wait,
                    lease,
                };
                self.ask(pool, Command::Claim(claim), ctx);
            }
        }
    }

    fn held_in(&self, pool: usize) -> Vec<LeaseRef> {
        let here = self.works.iter().filter(|work| work.pool == pool);
        here.map(|work| work.proof).collect()
    }
}

/// Some bring other tasks with them.
fn follow_ups(pool: usize, ctx: &mut Ctx<'_>) -> Vec<NewTask> {
    if !LINKS || ctx.is_calm || ctx.less.is_plain || !ctx.rng.chance(15) {
        return Vec::new();
    }
    let one = |ctx: &mut Ctx<'_>| {
        let number = ctx.gossip.tasks.len() as u128 + 1;
        let id = TaskId::from_u128((u128::from(ctx.rng.next()) << 32) | number);
        ctx.gossip.tasks.push((pool, id));
        NewTask {
            id,
            priority: ctx.rng.small(0, PRIORITY_MAX),
            attempts_max: None,
            delay: millis(0),
            payload: vec![7; 10].into(),
            wishes: vec![],
        }
    };
    (0..ctx.rng.small(1, 2)).map(|_| one(ctx)).collect()
}

fn progress(proof: LeaseRef, ctx: &mut Ctx<'_>) -> Command {
    let fractions = [0, 2_500, 9_999, 10_000, 10_001];
    let fraction = ctx.rng.pick(&fractions).unwrap_or(0);
    let note = "so far".into();
    Command::Progress(vec![Told {
        proof,
        fraction,
        note,
    }])
}

fn complete(pool: usize, proof: LeaseRef, ctx: &mut Ctx<'_>) -> Command {
    let results = [None, Some(5), Some(5), Some(500)];
    let up_to = if ctx.is_calm { 1 } else { 3 };
    let length = results[ctx.rng.index(up_to + 1)];
    let result = length.map(|length| vec![9; length].into());
    Command::Complete(vec![Completion {
        proof,
        result,
        then: follow_ups(pool, ctx),
    }])
}
