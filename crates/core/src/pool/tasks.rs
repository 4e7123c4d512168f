//! The tasks of a pool and every index over them, which change only together.

mod counts;
mod order;
mod rebuild;

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use core::time::Duration;

pub use self::counts::Counts;
pub(super) use self::{
    counts::Numbered,
    order::{Order, Spot, due_key, ended_at, order},
};
use super::{
    deadlines::Deadlines,
    finished::Finished,
    gate::{Gate, Terms},
    ids::Ids,
    lists::{List, NOBODY},
    nodes::{NodeNo, Nodes},
    runs::Runs,
    shelf::{Seat, Shelf},
    side::Side,
};
use crate::{
    Aging, LeaseRef, PoolId, PoolSettings, SessionId, State, Task, TaskId, Timestamp,
    time::earliest,
};

/// Where a task is kept: the same for all its life, and another's after it.
pub(super) type At = u32;

/// A task taken out to be changed, and what is known of its lease besides: of that nothing is
/// stored. The task then goes on its way as a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) task: Box<Task>,
    /// Kept after the lease ran out, so that the holder can be told when it is lost.
    pub(super) hold: Option<Hold>,
    /// The number of the node that the lease names, where it is known.
    pub(super) node: Option<NodeNo>,
}

impl Slot {
    pub(super) const fn of(task: Box<Task>) -> Self {
        Self {
            task,
            hold: None,
            node: None,
        }
    }

    /// Ends what its holder may answer under, and says what that was, and in whose hands.
    pub(super) fn give_up(&mut self) -> Option<(SessionId, LeaseRef)> {
        let lease = self.task.lease.take()?.id;
        let session = self.hold.take()?.hand.session()?;
        let task = self.task.id;
        Some((session, LeaseRef { task, lease }))
    }
}

/// Who has a lease in hand, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) hand: Hand,
    pub(super) ends_at: Timestamp,
    pub(super) ends_by: EndsBy,
}

/// In whose hand a lease is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    /// This session's.
    Of(SessionId),
    /// Nobody's, until its node resumes it: the session that had it last, if any did since the
    /// pool was restored, has ended.
    Adrift(Option<SessionId>),
}

impl Hand {
    pub(super) const fn session(self) -> Option<SessionId> {
        match self {
            Self::Of(session) => Some(session),
            Self::Adrift(_) => None,
        }
    }

    /// Whose it is, or was last.
    pub(super) const fn last(self) -> Option<SessionId> {
        match self {
            Self::Of(session) => Some(session),
            Self::Adrift(last) => last,
        }
    }
}

/// What it means when a lease runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndsBy {
    /// The handler took too long.
    Deadline,
    /// The session was cut and its node did not come back.
    Cut,
    /// The hub went away and the node did not come back.
    HubGone,
    /// The attempt ran as long as it may.
    Runtime,
    /// The holder was asked to end the task, and had its time.
    Stop,
}

/// Grants that are remembered by number: as many as are likely to be under way.
const GRANTED_MAX: u64 = 1 << 14;

/// The tasks, and indexes that follow from each task alone.
#[derive(Debug, Clone)]
pub(super) struct Tasks {
    pub(super) aging: Aging,
    pub(super) shelf: Shelf,
    pub(super) ids: Ids,
    pub(super) ready: Runs<Order>,
    /// When scheduled tasks are due, then the order of enqueue.
    pub(super) scheduled: Runs<(Timestamp, u64)>,
    /// When leases run out.
    pub(super) leases: Deadlines,
    pub(super) finished: Finished,
    pub(super) dead: BTreeSet<(Timestamp, TaskId, At)>,
    /// Leases in the hands of open sessions. Those that may yet be resumed are with their nodes.
    pub(super) held: Numbered<SessionId, List>,
    pub(super) counts: Counts,
    /// What is known of tasks with extras.
    pub(super) side: Side,
    /// Only of a pool with limits.
    pub(super) gate: Option<Box<Gate>>,
    /// The tasks of the last grants, by the lowest bits of the number of the lease: a hint.
    granted: Vec<At>,
    /// How long finished and dead tasks are remembered.
    kept_for: (Duration, Duration),
    /// Before this nothing is due here.
    pub(super) quiet_until: Timestamp,
}

impl Tasks {
    pub(super) fn new(pool: PoolId, settings: &PoolSettings, now: Timestamp) -> Self {
        Self {
            aging: settings.aging,
            kept_for: (settings.completed_kept_for, settings.dead_kept_for),
            granted: Vec::new(),
            quiet_until: Timestamp::default(),
            shelf: Shelf::new(pool),
            ids: Ids::default(),
            ready: Runs::new(),
            scheduled: Runs::new(),
            leases: Deadlines::new(),
            finished: Finished::new(),
            dead: BTreeSet::new(),
            held: Numbered::default(),
            counts: Counts::default(),
            side: Side::default(),
            gate: Terms::of(settings).map(|terms| Gate::of(terms, now)),
        }
    }

    pub(super) fn find(&self, id: TaskId) -> Option<At> {
        self.ids.find(id, |at| self.shelf.id(at))
    }

    pub(super) const fn len(&self) -> u64 {
        self.shelf.len() as u64
    }

    pub(super) const fn nodes(&mut self) -> &mut Nodes {
        &mut self.shelf.nodes
    }

    /// As [`Tasks::find`], of a task that was granted under this lease: mostly without a look at
    /// the ids, which are many and spread.
    pub(super) fn find_leased(&self, proof: LeaseRef) -> Option<At> {
        let likely = self.granted.get(granted_at(proof.lease.number)).copied();
        likely
            .filter(|at| self.shelf.is(*at, proof.task))
            .or_else(|| self.find(proof.task))
    }

    /// The task that was granted under the lease of this number.
    pub(super) fn note_grant(&mut self, number: u64, at: At) {
        let place = granted_at(number);
        if self.granted.len() <= place {
            self.granted.resize(place + 1, at);
        }
        self.granted[place] = at;
    }

    /// When a scheduled task or a lease is next due, and which it is.
    pub(super) fn next_due(&self) -> Option<(Timestamp, At)> {
        let scheduled = self.scheduled.first().map(|((at, _), task)| (at, task));
        let scheduled = scheduled.filter(|(at, _)| *at != Timestamp::NEVER);
        match (scheduled, self.leases.first()) {
            (Some(one), Some(other)) => Some(if one.0 <= other.0 { one } else { other }),
            (one, other) => one.or(other),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let due = self.next_due().map(|(at, _)| at);
        let side = self.side.next_deadline();
        earliest([due, side, self.next_outdated()])
    }

    /// When an ended task is next forgotten for its age.
    pub(super) fn next_outdated(&self) -> Option<Timestamp> {
        let finished = self.finished.first_end().map(|at| at + self.kept_for.0);
        let dead = self.dead.first().map(|(at, ..)| *at + self.kept_for.1);
        earliest([finished, dead])
    }

    /// What is due has been done, or as much of it as one call does.
    pub(super) fn settle_down(&mut self) {
        self.quiet_until = self.next_deadline().unwrap_or(Timestamp::NEVER);
    }

    /// An ended task that is remembered no longer.
    pub(super) fn first_outdated(&self, now: Timestamp) -> Option<At> {
        let (finished_for, dead_for) = self.kept_for;
        if self
            .finished
            .first_end()
            .is_some_and(|at| at + finished_for <= now)
        {
            return self.finished.first().map(|(_, at)| at);
        }
        let (died_at, _, at) = *self.dead.first()?;
        (died_at + dead_for <= now).then_some(at)
    }

    pub(super) fn insert(&mut self, slot: &Slot) -> At {
        let (at, seat) = self.add(slot);
        self.link(at, self.spot_in(&seat));
        at
    }

    /// One of many, in no order: [`Tasks::settle`] comes after them.
    pub(super) fn load(&mut self, slot: &Slot) {
        let (at, seat) = self.add(slot);
        match self.spot_in(&seat) {
            Spot::Ready(order) if self.gate.is_some() => self.load_up(order, at),
            Spot::Ready(order) => self.ready.load(order, at),
            Spot::Scheduled(run_at, place) => self.scheduled.load((run_at, place), at),
            Spot::Finished(ended_at) => self.finished.load((ended_at, slot.task.id), at),
            spot @ (Spot::Claimed(_) | Spot::Dead(_)) => self.link(at, spot),
        }
    }

    pub(super) fn settle(&mut self) {
        self.ready.settle();
        self.settle_lanes();
        self.scheduled.settle();
        self.finished.settle();
    }

    pub(super) fn remove(&mut self, at: At) {
        if self.shelf.extras(at).is_some() {
            self.side.leave(at, &self.shelf.task(at));
        }
        if self.gate.is_some() {
            self.unweigh(at);
        }
        let seat = self.shelf.seat(at);
        self.counts.discount(seat.state.kind());
        self.leave(at, &seat);
        self.unlink(at, self.spot_in(&seat));
        self.ids
            .remove(self.shelf.id(at), at, |at| self.shelf.id(at));
        self.shelf.remove(at);
    }

    /// Changes a task in whatever way, keeps the indexes true, and returns it as it is now.
    pub(super) fn update<T>(
        &mut self,
        at: At,
        change: impl FnOnce(&mut Slot) -> T,
    ) -> (Box<Task>, T) {
        let before = self.shelf.seat(at);
        let was = self.spot_in(&before);
        self.leave(at, &before);
        if self.gate.is_some() {
            self.unweigh(at);
        }
        let mut slot = self.shelf.take(at);
        if slot.task.extras.is_some() {
            self.side.leave(at, &slot.task);
        }
        let outcome = change(&mut slot);
        let node = self.shelf.put_back(at, &slot);
        let now = Seat::of(&slot, node);
        self.join(at, &now);
        self.enter_side(at, &slot.task);
        let spot = self.spot_in(&now);
        if spot != was {
            self.unlink(at, was);
            self.link(at, spot);
        }
        self.counts.discount(before.state.kind());
        self.counts.count(now.state.kind());
        if self.gate.is_some() {
            self.weigh(at);
        }
        (slot.task, outcome)
    }

    /// Where this task belongs in the indexes.
    pub(super) fn spot(&self, at: At) -> Spot {
        self.spot_in(&self.shelf.seat(at))
    }

    fn spot_in(&self, seat: &Seat) -> Spot {
        match seat.state {
            State::Ready => Spot::Ready(order(self.aging, seat)),
            State::Scheduled { run_at } => Spot::Scheduled(run_at, seat.place),
            State::Claimed => match seat.hold {
                Some(hold) => Spot::Claimed(hold.ends_at),
                None => unreachable!("a claimed task has a hold"),
            },
            State::Completed { at } | State::Cancelled { at } => Spot::Finished(at),
            State::Dead { at, .. } => Spot::Dead(at),
        }
    }

    fn add(&mut self, slot: &Slot) -> (At, Seat) {
        let (at, node) = self.shelf.add(slot);
        self.ids.insert(slot.task.id, at, |at| self.shelf.id(at));
        self.counts.count(slot.task.state.kind());
        if self.gate.is_some() {
            self.weigh(at);
        }
        let seat = Seat::of(slot, node);
        self.join(at, &seat);
        self.enter_side(at, &slot.task);
        (at, seat)
    }

    fn enter_side(&mut self, at: At, task: &Task) {
        if task.extras.is_some() {
            self.side.enter(at, task);
            let due = self.side.next_deadline().unwrap_or(Timestamp::NEVER);
            self.quiet_until = self.quiet_until.min(due);
        }
    }

    fn link(&mut self, at: At, spot: Spot) {
        self.quiet_until = self.quiet_until.min(match spot {
            Spot::Ready(_) => self.quiet_until,
            Spot::Scheduled(due, _) | Spot::Claimed(due) => due,
            Spot::Finished(ended_at) => ended_at + self.kept_for.0,
            Spot::Dead(died_at) => died_at + self.kept_for.1,
        });
        match spot {
            Spot::Ready(order) => {
                if self.gate.is_some() && self.line_up(order, at) {
                    return;
                }
                self.ready.insert(order, at);
            }
            Spot::Scheduled(run_at, place) => self.scheduled.insert((run_at, place), at),
            Spot::Claimed(ends_at) => {
                self.leases.insert((ends_at, at));
                if self.gate.is_some() {
                    self.count_claimed(at, true);
                }
            }
            Spot::Finished(ended_at) => {
                self.finished.insert((ended_at, self.shelf.id(at)), at);
            }
            Spot::Dead(died_at) => _ = self.dead.insert((died_at, self.shelf.id(at), at)),
        }
    }

    /// The task is there no longer, or is another already: `spot` says where it was.
    fn unlink(&mut self, at: At, spot: Spot) {
        if self.gate.is_some() && self.unlink_limited(at, spot) {
            return;
        }
        let (aging, shelf) = (self.aging, &self.shelf);
        match spot {
            Spot::Ready(key) => self.ready.remove(key, at, |other| match other {
                _ if other == at => key,
                other => order(aging, &shelf.seat(other)),
            }),
            Spot::Scheduled(run_at, place) => {
                let key = (run_at, place);
                self.scheduled.remove(key, at, |other| match other {
                    _ if other == at => key,
                    other => due_key(shelf, other),
                });
            }
            Spot::Claimed(ends_at) => {
                self.leases
                    .remove((ends_at, at), |entry| shelf.is_due(entry));
            }
            Spot::Finished(ended_at) => {
                self.finished.remove((ended_at, shelf.id(at)), at, shelf);
            }
            Spot::Dead(died_at) => _ = self.dead.remove(&(died_at, shelf.id(at), at)),
        }
    }

    /// A claimed task is in the list of the session that holds it, or of its node.
    fn join(&mut self, at: At, seat: &Seat) {
        match seat.list() {
            Some((Hand::Of(session), _)) => {
                let list = self.held.entry(session).or_default();
                list.join(at, &mut self.shelf);
            }
            Some((Hand::Adrift(_), node)) => {
                let mut list = self.shelf.nodes[node].adrift;
                list.join(at, &mut self.shelf);
                self.shelf.nodes.get_mut(node).adrift = list;
            }
            None => {}
        }
    }

    fn leave(&mut self, at: At, seat: &Seat) {
        match seat.list() {
            Some((Hand::Of(session), _)) => {
                let Some(list) = self.held.get_mut(&session) else {
                    unreachable!("{session:?} holds something");
                };
                list.leave(at, &mut self.shelf);
                // An open session keeps its place here, as it may soon hold something again.
            }
            Some((Hand::Adrift(_), node)) => {
                let mut list = self.shelf.nodes[node].adrift;
                list.leave(at, &mut self.shelf);
                self.shelf.nodes.get_mut(node).adrift = list;
            }
            None => {}
        }
    }

    pub(super) fn held_by(&self, session: SessionId) -> Vec<At> {
        self.all_of(self.held.get(&session).copied().unwrap_or_default())
    }

    pub(super) fn adrift_of(&self, node: NodeNo) -> Vec<At> {
        self.all_of(self.shelf.nodes[node].adrift)
    }

    /// The first so many ready ones, in the order of their claims.
    pub(super) fn ready_ahead(&self, count: usize) -> Vec<At> {
        if let Some(lanes) = self.lanes() {
            return self.ahead_in_lanes(lanes, count);
        }
        self.ready
            .ahead(count, |at| order(self.aging, &self.shelf.seat(at)))
    }

    fn all_of(&self, list: List) -> Vec<At> {
        let mut all = Vec::with_capacity(list.len as usize);
        let mut next = list.first;
        while next != NOBODY {
            all.push(next);
            next = self.shelf.after(next);
        }
        all
    }
}

fn granted_at(number: u64) -> usize {
    usize::try_from(number % GRANTED_MAX).unwrap_or(0)
}
