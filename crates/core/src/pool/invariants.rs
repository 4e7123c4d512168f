//! What holds after every call, written once: tests and the simulator run it after each step,
//! debug builds while a pool is small.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Pool,
    nodes::{Known, NodeNo},
    side::Side,
    tasks::{At, Counts, Hand, Order, Slot, Spot, Tasks, due_key, order},
};
use crate::{
    Attempt, AttemptEnding, Death, SessionId, State, Task, TaskId, Timestamp, limits::HISTORY_MAX,
};

/// Debug builds check pools of no more tasks and sessions than this after every call: the check
/// looks at each.
const CHEAP_MAX: u64 = 64;

impl Pool {
    /// Checks every invariant.
    ///
    /// # Errors
    /// The first that does not hold, in words.
    pub fn check(&self) -> Result<(), String> {
        self.tasks.check()?;
        let is_open = |id| self.sessions.contains_key(&id);
        let with_credit = self.sessions.iter().filter(|(_, of)| of.credit > 0);
        let creditors = with_credit.map(|(id, _)| *id).collect();
        self.waiters.check(is_open, &creditors)?;
        self.check_nodes()?;
        let next = self.tasks.next_deadline();
        if next.is_some_and(|at| at < self.tasks.quiet_until) {
            return Err("something is due earlier than thought".to_string());
        }
        if self.next_grantable().is_some() && self.waiters.is_anyone_in_line() {
            return Err("a task may be granted while somebody waits for one".to_string());
        }
        if let Some(session) = self.tasks.held.keys().find(|of| !is_open(**of)) {
            return Err(format!("{session:?} has ended, and holds tasks"));
        }
        let mut leases = BTreeSet::new();
        for (at, packed) in self.tasks.shelf.iter_from(0) {
            let (id, slot) = (packed.id, self.tasks.shelf.slot(at));
            check_slot(&slot).map_err(|what| format!("{id}: {what}"))?;
            let lease = slot.task.lease.as_ref();
            if lease.is_some_and(|lease| !leases.insert(lease.id)) {
                return Err(format!("{id}: its lease is on another task, too"));
            }
        }
        Ok(())
    }

    /// Each open session is with its node, and each node is named as often as it counts.
    fn check_nodes(&self) -> Result<(), String> {
        let shelf = &self.tasks.shelf;
        let mut named: BTreeMap<NodeNo, u32> = BTreeMap::new();
        let of_sessions = self.sessions.values().map(|of| of.node);
        for node in shelf.named().chain(of_sessions) {
            *named.entry(node).or_default() += 1;
        }
        let counted = shelf.nodes.iter().map(|(node, known)| (node, known.uses));
        if !counted.eq(named) {
            return Err("a node is not named as often as it counts".to_string());
        }
        let mut open: BTreeSet<(NodeNo, SessionId)> = BTreeSet::new();
        open.extend(self.sessions.iter().map(|(id, of)| (of.node, *id)));
        let listed = |(node, known): (NodeNo, &Known)| {
            let sessions = known.sessions.clone();
            sessions.into_iter().map(move |id| (node, id))
        };
        let listed: Vec<_> = shelf.nodes.iter().flat_map(listed).collect();
        if listed.len() != open.len() || !listed.iter().all(|one| open.contains(one)) {
            return Err("the sessions of a node are not those that are open".to_string());
        }
        Ok(())
    }

    pub(super) fn check_if_cheap(&self) {
        let looked_at = self.tasks.len().max(self.sessions.len() as u64);
        if cfg!(debug_assertions) && looked_at <= CHEAP_MAX {
            debug_assert_eq!(self.check(), Ok(()));
        }
    }
}

impl Tasks {
    /// Whether every index holds what it should and nothing else, made anew from the tasks.
    fn check(&self) -> Result<(), String> {
        let mut made = Indexes::default();
        for (at, packed) in self.shelf.iter_from(0) {
            if self.find(packed.id) != Some(at) {
                return Err(format!("{} is not found by its id", packed.id));
            }
            made.add(self, at);
        }
        made.sort();
        let shelf = &self.shelf;
        let sorted = [
            (
                "ready",
                self.ready
                    .check(&made.ready, |at| order(self.aging, &shelf.seat(at))),
            ),
            (
                "scheduled",
                self.scheduled
                    .check(&made.scheduled, |at| due_key(shelf, at)),
            ),
            (
                "leases",
                self.leases.check(&made.leases, |entry| shelf.is_due(entry)),
            ),
            ("finished", self.finished.check(&made.finished, shelf)),
            ("dead", self.dead.iter().eq(&made.dead)),
            ("counts", self.counts == made.counts),
            ("expiries", self.side.expiries == made.side.expiries),
            ("keys", self.side.keys == made.side.keys),
            ("children", self.side.children == made.side.children),
            ("ids", self.ids.len() == shelf.len()),
            ("records", shelf.is_sound()),
        ];
        if let Some((what, _)) = sorted.iter().find(|(_, is_true)| !is_true) {
            return Err(format!("{what}: an index is not what the tasks say"));
        }
        self.check_gate().map_err(String::from)?;
        self.check_lists(&made)
    }

    fn check_lists(&self, made: &Indexes) -> Result<(), String> {
        let held = self.held.keys().map(|session| {
            let all: BTreeSet<At> = self.held_by(*session).into_iter().collect();
            (*session, all)
        });
        let held = held.filter(|(_, all)| !all.is_empty());
        let adrift = self.shelf.nodes.iter().map(|(node, _)| {
            let all: BTreeSet<At> = self.adrift_of(node).into_iter().collect();
            (node, all)
        });
        let adrift = adrift.filter(|(_, all)| !all.is_empty());
        if held.collect::<BTreeMap<_, _>>() != made.held {
            return Err("what is in the hands of sessions is not what the tasks say".to_string());
        }
        if adrift.collect::<BTreeMap<_, _>>() != made.adrift {
            return Err("what is adrift is not what the tasks say".to_string());
        }
        let lens = self
            .held
            .iter()
            .map(|(of, list)| (list.len, made.held.get(of)));
        let nodes = self.shelf.nodes.iter();
        let of_nodes = nodes.map(|(of, known)| (known.adrift.len, made.adrift.get(&of)));
        if lens
            .chain(of_nodes)
            .any(|(len, all)| len as usize != all.map_or(0, BTreeSet::len))
        {
            return Err("a list is not as long as it says".to_string());
        }
        Ok(())
    }
}

/// The indexes of a pool, from its tasks alone.
#[derive(Debug, Default)]
struct Indexes {
    ready: Vec<(Order, At)>,
    scheduled: Vec<((Timestamp, u64), At)>,
    leases: BTreeSet<(Timestamp, At)>,
    finished: Vec<((Timestamp, TaskId), At)>,
    dead: BTreeSet<(Timestamp, TaskId, At)>,
    held: BTreeMap<SessionId, BTreeSet<At>>,
    adrift: BTreeMap<NodeNo, BTreeSet<At>>,
    counts: Counts,
    side: Side,
}

impl Indexes {
    fn add(&mut self, tasks: &Tasks, at: At) {
        self.counts.count(tasks.shelf.kind(at));
        self.side.enter(at, &tasks.shelf.task(at));
        match tasks.spot(at) {
            Spot::Ready(_) if tasks.group(at).is_some() => {}
            Spot::Ready(order) => self.ready.push((order, at)),
            Spot::Scheduled(run_at, place) => self.scheduled.push(((run_at, place), at)),
            Spot::Claimed(ends_at) => {
                self.leases.insert((ends_at, at));
                self.add_lease(tasks, at);
            }
            Spot::Finished(ended_at) => {
                let id = tasks.shelf.id(at);
                self.finished.push(((ended_at, id), at));
            }
            Spot::Dead(died_at) => _ = self.dead.insert((died_at, tasks.shelf.id(at), at)),
        }
    }

    fn add_lease(&mut self, tasks: &Tasks, at: At) {
        let hand = tasks.shelf.hold(at).map(|hold| hold.hand);
        match (hand, tasks.shelf.lease(at)) {
            (Some(Hand::Of(session)), Some(_)) => {
                self.held.entry(session).or_default().insert(at);
            }
            (Some(Hand::Adrift(_)), Some((_, node))) => {
                self.adrift.entry(node).or_default().insert(at);
            }
            (_, None) | (None, _) => {}
        }
    }

    fn sort(&mut self) {
        self.ready.sort_unstable();
        self.scheduled.sort_unstable();
        self.finished.sort_unstable();
    }
}

fn check_slot(slot: &Slot) -> Result<(), &'static str> {
    let task = &*slot.task;
    if task.history.len() > HISTORY_MAX {
        return Err("its history is too long");
    }
    if task.failures() > task.attempts_max {
        return Err("it has failed more often than it may");
    }
    if task.extras.is_none() && needs_extras(task) {
        return Err("a plain task says what no plain one can");
    }
    match task.state {
        State::Claimed if task.lease.is_none() || slot.hold.is_none() => {
            Err("claimed without a lease")
        }
        State::Claimed if task.attempt == 0 => Err("claimed without an attempt"),
        State::Completed { .. } | State::Cancelled { .. } | State::Dead { .. }
            if task.lease.is_some() || slot.hold.is_some() =>
        {
            Err("ended with a lease")
        }
        State::Ready | State::Scheduled { .. } if task.failures() >= task.attempts_max => {
            Err("it waits for an attempt that it does not have")
        }
        State::Scheduled { .. }
        | State::Ready
        | State::Claimed
        | State::Completed { .. }
        | State::Cancelled { .. }
        | State::Dead { .. } => Ok(()),
    }
}

/// What came after the first stored format stands only with extras, so that a reader of that format
/// meets it in nothing that it takes for its own.
fn needs_extras(task: &Task) -> bool {
    use Death::{Expired, Hopeless, ParentGone};
    let is_later = |cause| matches!(cause, Expired | Hopeless | ParentGone);
    let overran = |past: &Attempt| past.ending == AttemptEnding::Overran;
    matches!(task.state, State::Dead { cause, .. } if is_later(cause))
        || task.history.iter().any(overran)
}
