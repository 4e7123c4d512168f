//! The tasks of a pool and every index over them, which change only together.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::{Aging, Node, SessionId, State, StateKind, Task, TaskId, Timestamp, time::millis};

/// A task and what is known of its lease besides: nothing here is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) task: Task,
    /// Kept after the lease ran out, so that the holder can be told when it is lost.
    pub(super) hold: Option<Hold>,
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
}

/// Sorts ready tasks: rank by priority and age, then age, then the order of enqueue.
pub(super) type Order = (u64, Timestamp, u64, TaskId);

/// How many tasks are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; StateKind::ALL.len()]);

impl Counts {
    /// Tasks in this state.
    #[must_use]
    pub const fn of(&self, kind: StateKind) -> u64 {
        self.0[kind as usize]
    }

    /// Tasks that are ready, scheduled or claimed.
    #[must_use]
    pub const fn live(&self) -> u64 {
        self.of(StateKind::Ready) + self.of(StateKind::Scheduled) + self.of(StateKind::Claimed)
    }
}

/// Slots, and indexes that [`Tasks::link`] derives from each slot alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tasks {
    aging: Aging,
    slots: BTreeMap<TaskId, Slot>,
    pub(super) ready: BTreeSet<Order>,
    /// When scheduled tasks are due and leases run out.
    pub(super) due: BTreeSet<(Timestamp, TaskId)>,
    /// Completed and cancelled ones by their end: the first is the next to be forgotten.
    pub(super) finished: BTreeSet<(Timestamp, TaskId)>,
    pub(super) dead: BTreeSet<(Timestamp, TaskId)>,
    /// Leases in the hands of open sessions.
    pub(super) held: BTreeSet<(SessionId, TaskId)>,
    /// Leases whose session has ended and that may yet be resumed.
    pub(super) adrift: BTreeSet<(Node, TaskId)>,
    pub(super) counts: Counts,
}

impl Tasks {
    pub(super) const fn new(aging: Aging) -> Self {
        Self {
            aging,
            slots: BTreeMap::new(),
            ready: BTreeSet::new(),
            due: BTreeSet::new(),
            finished: BTreeSet::new(),
            dead: BTreeSet::new(),
            held: BTreeSet::new(),
            adrift: BTreeSet::new(),
            counts: Counts([0; StateKind::ALL.len()]),
        }
    }

    pub(super) fn get(&self, id: TaskId) -> Option<&Slot> {
        self.slots.get(&id)
    }

    pub(super) fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    /// From `after` on, by id.
    pub(super) fn iter_after(&self, after: Option<TaskId>) -> impl Iterator<Item = &Slot> {
        use core::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.slots.range((from, Unbounded)).map(|(_, slot)| slot)
    }

    pub(super) fn insert(&mut self, slot: Slot) {
        self.link(&slot);
        let before = self.slots.insert(slot.task.id, slot);
        debug_assert!(before.is_none(), "an id names one task");
    }

    pub(super) fn remove(&mut self, id: TaskId) -> Option<Slot> {
        let slot = self.slots.remove(&id)?;
        self.unlink(&slot);
        Some(slot)
    }

    /// Changes a slot in whatever way and keeps the indexes true.
    ///
    /// # Panics
    /// If there is no such task: callers have looked it up.
    pub(super) fn update<T>(&mut self, id: TaskId, change: impl FnOnce(&mut Slot) -> T) -> T {
        let Some(mut slot) = self.slots.remove(&id) else {
            unreachable!("task {id} was looked up before it is changed")
        };
        self.unlink(&slot);
        let outcome = change(&mut slot);
        self.link(&slot);
        self.slots.insert(id, slot);
        outcome
    }

    fn link(&mut self, slot: &Slot) {
        let id = slot.task.id;
        match slot.task.state {
            State::Ready => _ = self.ready.insert(self.order(&slot.task)),
            State::Scheduled { run_at } => _ = self.due.insert((run_at, id)),
            State::Claimed => self.link_lease(slot),
            State::Completed { at } | State::Cancelled { at } => {
                self.finished.insert((at, id));
            }
            State::Dead { at, .. } => _ = self.dead.insert((at, id)),
        }
        self.counts.0[slot.task.state.kind() as usize] += 1;
    }

    fn unlink(&mut self, slot: &Slot) {
        let id = slot.task.id;
        match slot.task.state {
            State::Ready => _ = self.ready.remove(&self.order(&slot.task)),
            State::Scheduled { run_at } => _ = self.due.remove(&(run_at, id)),
            State::Claimed => self.unlink_lease(slot),
            State::Completed { at } | State::Cancelled { at } => {
                self.finished.remove(&(at, id));
            }
            State::Dead { at, .. } => _ = self.dead.remove(&(at, id)),
        }
        self.counts.0[slot.task.state.kind() as usize] -= 1;
    }

    fn link_lease(&mut self, slot: &Slot) {
        let (id, Some(hold), Some(lease)) = (slot.task.id, slot.hold, &slot.task.lease) else {
            unreachable!("a claimed task has a lease and a hold")
        };
        self.due.insert((hold.ends_at, id));
        match hold.hand {
            Hand::Of(session) => _ = self.held.insert((session, id)),
            Hand::Adrift(_) => _ = self.adrift.insert((lease.node.clone(), id)),
        }
    }

    fn unlink_lease(&mut self, slot: &Slot) {
        let (id, Some(hold), Some(lease)) = (slot.task.id, slot.hold, &slot.task.lease) else {
            unreachable!("a claimed task has a lease and a hold")
        };
        self.due.remove(&(hold.ends_at, id));
        match hold.hand {
            Hand::Of(session) => _ = self.held.remove(&(session, id)),
            Hand::Adrift(_) => _ = self.adrift.remove(&(lease.node.clone(), id)),
        }
    }

    fn order(&self, task: &Task) -> Order {
        let rank = match self.aging {
            Aging::Strict => u64::from(task.priority),
            Aging::Step(step) => {
                let head_start = millis(step).saturating_mul(u64::from(task.priority));
                task.ready_at.as_millis().saturating_add(head_start)
            }
        };
        (rank, task.ready_at, task.place, task.id)
    }

    /// What the indexes should be, made anew from the slots.
    pub(super) fn rebuilt(&self) -> Self {
        let mut fresh = Self::new(self.aging);
        self.slots
            .values()
            .cloned()
            .for_each(|slot| fresh.insert(slot));
        fresh
    }

    pub(super) fn held_by(&self, session: SessionId) -> impl Iterator<Item = TaskId> {
        let first = TaskId::from_u128(0);
        self.held
            .range((session, first)..)
            .take_while(move |(holder, _)| *holder == session)
            .map(|(_, id)| *id)
    }

    pub(super) fn adrift_of(&self, node: &Node) -> impl Iterator<Item = TaskId> {
        let first = TaskId::from_u128(0);
        self.adrift
            .range((node.clone(), first)..)
            .take_while(move |(of, _)| of == node)
            .map(|(_, id)| *id)
    }
}
