//! Tasks in few bytes.
//!
//! Nearly all tasks of a large pool are in one of four simple situations: never claimed and ready
//! or scheduled, on their first lease, or completed under it. Each has a form with what sets it
//! apart and no more; whatever else there is stands in full. Which form a task has follows from
//! what it is alone, and each gives back exactly the [`Task`] that was put in.

mod forms;
mod seat;

use alloc::{boxed::Box, sync::Arc};

use self::forms::{Completed, Form, Full, Leased, Packed, number, unclaimed};
pub(super) use self::seat::Seat;
use super::{
    lists::{Linked, Links, NOBODY},
    nodes::{NodeNo, Nodes},
    slab::Slab,
    spares::{Spares, blank},
    tasks::{At, Hold, Numbered, Slot},
};
use crate::{
    AttemptEnding, Epoch, Extras, LeaseId, PoolId, State, StateKind, Task, TaskId, Timestamp,
};

/// Every task, and the nodes that they name.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    pool: PoolId,
    packed: Slab<Packed, 512>,
    leased: Slab<Leased, 128>,
    completed: Slab<Completed, 256>,
    full: Slab<Full, 64>,
    /// What few tasks have beside: here and in no form.
    extras: Numbered<At, Arc<Extras>>,
    pub(super) nodes: Nodes,
    pub(super) spares: Spares,
}

impl Shelf {
    pub(super) fn new(pool: PoolId) -> Self {
        Self {
            pool,
            packed: Slab::new(),
            leased: Slab::new(),
            completed: Slab::new(),
            full: Slab::new(),
            extras: Numbered::default(),
            nodes: Nodes::new(),
            spares: Spares::default(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.packed.len()
    }

    pub(super) fn iter_from(&self, at: At) -> impl Iterator<Item = (At, &Packed)> {
        self.packed.iter_from(at)
    }

    pub(super) fn packed(&self, at: At) -> &Packed {
        &self.packed[at]
    }

    /// Whether this task is kept there.
    pub(super) fn is(&self, at: At, id: TaskId) -> bool {
        self.packed.get(at).is_some_and(|packed| packed.id == id)
    }

    pub(super) fn id(&self, at: At) -> TaskId {
        self.packed[at].id
    }

    /// Where it is now, and the number of the node that it names.
    pub(super) fn add(&mut self, slot: &Slot) -> (At, Option<NodeNo>) {
        let (form, node) = self.form(slot);
        let at = self.packed.insert(Packed::of(&slot.task, form));
        if let Some(extras) = &slot.task.extras {
            self.extras.insert(at, Arc::clone(extras));
        }
        (at, node)
    }

    /// Puts a task back that was taken out.
    pub(super) fn put_back(&mut self, at: At, slot: &Slot) -> Option<NodeNo> {
        let (form, node) = self.form(slot);
        self.packed[at] = Packed::of(&slot.task, form);
        if let Some(extras) = &slot.task.extras {
            self.extras.insert(at, Arc::clone(extras));
        }
        node
    }

    /// Takes a task out to be put back or removed: meanwhile its place is kept, and nothing else
    /// of it may be looked at.
    pub(super) fn take(&mut self, at: At) -> Slot {
        let extras = self.take_extras(at);
        let mut slot = self.take_form(at);
        slot.task.extras = extras;
        slot
    }

    fn take_form(&mut self, at: At) -> Slot {
        let mut task = self.spares.blank();
        if let Form::Full(key) = self.packed[at].form {
            let full = self.full.remove(number(key));
            full.node.into_iter().for_each(|of| self.nodes.leave(of));
            *task = full.task;
            let (hold, node) = (full.hold, full.node);
            return Slot { task, hold, node };
        }
        self.write(at, &mut task);
        let (hold, node) = self.holding(at);
        self.drop_record(at);
        Slot { task, hold, node }
    }

    pub(super) fn remove(&mut self, at: At) {
        self.take_extras(at);
        self.drop_record(at);
        self.packed.remove(at);
    }

    /// A copy of all that is known of it.
    pub(super) fn slot(&self, at: At) -> Slot {
        let (hold, node) = self.holding(at);
        let task = Box::new(self.task(at));
        Slot { task, hold, node }
    }

    fn holding(&self, at: At) -> (Option<Hold>, Option<NodeNo>) {
        match self.packed[at].form {
            Form::Ready(_) | Form::Scheduled(_) => (None, None),
            Form::Leased(key) => {
                let leased = &self.leased[number(key)];
                (Some(leased.hold), Some(leased.node))
            }
            Form::Completed(key) => (None, Some(self.completed[number(key)].node)),
            Form::Full(key) => {
                let full = &self.full[number(key)];
                (full.hold, full.node)
            }
        }
    }

    pub(super) fn task(&self, at: At) -> Task {
        let mut task = blank();
        self.write(at, &mut task);
        task.extras = self.extras(at).cloned();
        task
    }

    /// Over a blank one, and without extras.
    fn write(&self, at: At, task: &mut Task) {
        let packed = &self.packed[at];
        match packed.form {
            Form::Ready(delay) => packed.write(task, State::Ready, delay),
            Form::Scheduled(delay) => {
                let run_at = delay.after(packed.enqueued_at);
                packed.write(task, State::Scheduled { run_at }, delay);
            }
            Form::Leased(key) => self.leased[number(key)].write(task, packed, self),
            Form::Completed(key) => self.completed[number(key)].write(task, packed, self),
            Form::Full(key) => task.clone_from(&self.full[number(key)].task),
        }
    }

    pub(super) fn kind(&self, at: At) -> StateKind {
        match self.packed[at].form {
            Form::Ready(_) => StateKind::Ready,
            Form::Scheduled(_) => StateKind::Scheduled,
            Form::Leased(_) => StateKind::Claimed,
            Form::Completed(_) => StateKind::Completed,
            Form::Full(key) => self.full[number(key)].task.state.kind(),
        }
    }

    pub(super) fn state(&self, at: At) -> State {
        let packed = &self.packed[at];
        match packed.form {
            Form::Ready(_) => State::Ready,
            Form::Scheduled(delay) => State::Scheduled {
                run_at: delay.after(packed.enqueued_at),
            },
            Form::Leased(_) => State::Claimed,
            Form::Completed(key) => State::Completed {
                at: self.completed[number(key)].at,
            },
            Form::Full(key) => self.full[number(key)].task.state,
        }
    }

    pub(super) fn hold(&self, at: At) -> Option<Hold> {
        match self.packed[at].form {
            Form::Leased(key) => Some(self.leased[number(key)].hold),
            Form::Full(key) => self.full[number(key)].hold,
            Form::Ready(_) | Form::Scheduled(_) | Form::Completed(_) => None,
        }
    }

    /// When something is next to happen to it by itself, or when it ended.
    pub(super) fn moment(&self, at: At) -> Option<Timestamp> {
        match self.state(at) {
            State::Ready => None,
            State::Claimed => self.hold(at).map(|hold| hold.ends_at),
            State::Scheduled {
                run_at: Timestamp::NEVER,
            } => None,
            State::Scheduled { run_at: at }
            | State::Completed { at }
            | State::Cancelled { at }
            | State::Dead { at, .. } => Some(at),
        }
    }

    /// Whether there is a lease that runs out at this time.
    pub(super) fn is_due(&self, (ends_at, at): (Timestamp, At)) -> bool {
        let form = self.packed.get(at).map(|packed| packed.form);
        match form {
            Some(Form::Leased(key)) => self.leased[number(key)].hold.ends_at == ends_at,
            Some(Form::Full(key)) => {
                let full = &self.full[number(key)];
                full.task.state == State::Claimed
                    && full.hold.is_some_and(|hold| hold.ends_at == ends_at)
            }
            Some(Form::Ready(_) | Form::Scheduled(_) | Form::Completed(_)) | None => false,
        }
    }

    /// The newest lease while its holder may still answer, and its node.
    pub(super) fn lease(&self, at: At) -> Option<(LeaseId, NodeNo)> {
        match self.packed[at].form {
            Form::Leased(key) => {
                let leased = &self.leased[number(key)];
                let id = self.lease_id(leased.epoch, leased.number);
                Some((id, leased.node))
            }
            Form::Full(key) => {
                let full = &self.full[number(key)];
                Some((full.task.lease.as_ref()?.id, full.node?))
            }
            Form::Ready(_) | Form::Scheduled(_) | Form::Completed(_) => None,
        }
    }

    /// Under which lease its last attempt ended, and how.
    pub(super) fn last_ending(&self, at: At) -> Option<(LeaseId, AttemptEnding)> {
        match self.packed[at].form {
            Form::Completed(key) => {
                let of = &self.completed[number(key)];
                let id = self.lease_id(of.epoch, of.number);
                Some((id, AttemptEnding::Completed))
            }
            Form::Full(key) => {
                let last = self.full[number(key)].task.history.last()?;
                Some((last.lease, last.ending))
            }
            Form::Ready(_) | Form::Scheduled(_) | Form::Leased(_) => None,
        }
    }

    /// Whether its last attempt was on this node.
    pub(super) fn is_last_of(&self, at: At, node: NodeNo) -> bool {
        match self.packed[at].form {
            Form::Completed(key) => self.completed[number(key)].node == node,
            Form::Full(key) => {
                let last = self.full[number(key)].task.history.last();
                last.is_some_and(|last| last.node == self.nodes[node].node)
            }
            Form::Ready(_) | Form::Scheduled(_) | Form::Leased(_) => false,
        }
    }

    /// The next in the list that a claimed task is in.
    pub(super) fn after(&self, at: At) -> At {
        match self.packed[at].form {
            Form::Leased(key) => self.leased[number(key)].links.after,
            Form::Full(key) => self.full[number(key)].links.after,
            Form::Ready(_) | Form::Scheduled(_) | Form::Completed(_) => NOBODY,
        }
    }

    /// What it has beyond a plain task.
    pub(super) fn extras(&self, at: At) -> Option<&Arc<Extras>> {
        if self.extras.is_empty() {
            return None;
        }
        self.extras.get(&at)
    }

    fn take_extras(&mut self, at: At) -> Option<Arc<Extras>> {
        if self.extras.is_empty() {
            return None;
        }
        self.extras.remove(&at)
    }

    const fn lease_id(&self, epoch: Epoch, number: u64) -> LeaseId {
        let pool = self.pool;
        LeaseId {
            pool,
            epoch,
            number,
        }
    }

    fn drop_record(&mut self, at: At) {
        let node = match self.packed[at].form {
            Form::Ready(_) | Form::Scheduled(_) => None,
            Form::Leased(key) => Some(self.leased.remove(number(key)).node),
            Form::Completed(key) => Some(self.completed.remove(number(key)).node),
            Form::Full(key) => self.full.remove(number(key)).node,
        };
        node.into_iter().for_each(|of| self.nodes.leave(of));
    }

    /// The form that suits a task, with its record made.
    fn form(&mut self, slot: &Slot) -> (Form, Option<NodeNo>) {
        self.simple_form(slot)
            .unwrap_or_else(|| self.full_form(slot))
    }

    fn simple_form(&mut self, slot: &Slot) -> Option<(Form, Option<NodeNo>)> {
        let task = &*slot.task;
        u16::try_from(task.attempts_max).ok()?;
        if (task.interruptions, task.losses_in_a_row) != (0, 0) {
            return None;
        }
        match (task.state, task.attempt) {
            (State::Ready, 0) => Some((Form::Ready(unclaimed(slot)?), None)),
            (State::Scheduled { run_at }, 0) if run_at == task.ready_at => {
                Some((Form::Scheduled(unclaimed(slot)?), None))
            }
            (State::Claimed, 1) => self.leased_form(slot),
            (State::Completed { at }, 1) => self.completed_form(slot, at),
            (
                State::Ready
                | State::Scheduled { .. }
                | State::Claimed
                | State::Completed { .. }
                | State::Cancelled { .. }
                | State::Dead { .. },
                _,
            ) => None,
        }
    }

    fn leased_form(&mut self, slot: &Slot) -> Option<(Form, Option<NodeNo>)> {
        let (task, lease, hold) = (&*slot.task, slot.task.lease.as_ref()?, slot.hold?);
        let lease_ms = u32::try_from(lease.lease_ms).ok()?;
        if !task.history.is_empty() || task.result_len.is_some() || lease.id.pool != self.pool {
            return None;
        }
        let node = self.nodes.enter(&lease.node, slot.node);
        let leased = Leased {
            hold,
            ready_at: task.ready_at,
            granted_at: lease.granted_at,
            number: lease.id.number,
            epoch: lease.id.epoch,
            node,
            lease_ms,
            links: Links::default(),
        };
        let key = self.leased.insert(leased).to_le_bytes();
        Some((Form::Leased(key), Some(node)))
    }

    fn completed_form(&mut self, slot: &Slot, at: Timestamp) -> Option<(Form, Option<NodeNo>)> {
        let [attempt] = slot.task.history.as_slice() else {
            return None;
        };
        let is_simple = (attempt.attempt, attempt.ending, attempt.ended_at)
            == (1, AttemptEnding::Completed, at)
            && attempt.lease.pool == self.pool
            && attempt.reason.is_empty();
        if !is_simple || slot.task.lease.is_some() || slot.hold.is_some() {
            return None;
        }
        let node = self.nodes.enter(&attempt.node, slot.node);
        let completed = Completed {
            ready_at: slot.task.ready_at,
            started_at: attempt.started_at,
            at,
            number: attempt.lease.number,
            epoch: attempt.lease.epoch,
            node,
            result_len: slot.task.result_len,
        };
        let key = self.completed.insert(completed).to_le_bytes();
        Some((Form::Completed(key), Some(node)))
    }

    fn full_form(&mut self, slot: &Slot) -> (Form, Option<NodeNo>) {
        let lease = slot.task.lease.as_ref();
        let node = lease.map(|lease| self.nodes.enter(&lease.node, slot.node));
        let full = Full {
            task: Task {
                extras: None,
                ..Task::clone(&slot.task)
            },
            hold: slot.hold,
            node,
            links: Links::default(),
        };
        let key = self.full.insert(full).to_le_bytes();
        (Form::Full(key), node)
    }

    /// How often each node is named, for a check.
    pub(super) fn named(&self) -> impl Iterator<Item = NodeNo> {
        let leased = self.leased.iter().map(|(_, of)| of.node);
        let completed = self.completed.iter().map(|(_, of)| of.node);
        let full = self.full.iter().filter_map(|(_, of)| of.node);
        leased.chain(completed).chain(full)
    }

    /// Whether each record is some task's.
    pub(super) fn is_sound(&self) -> bool {
        let mut records = [0; 3];
        for (_, packed) in self.packed.iter() {
            match packed.form {
                Form::Ready(_) | Form::Scheduled(_) => {}
                Form::Leased(_) => records[0] += 1,
                Form::Completed(_) => records[1] += 1,
                Form::Full(_) => records[2] += 1,
            }
        }
        records == [self.leased.len(), self.completed.len(), self.full.len()]
    }
}

impl Linked for Shelf {
    fn links(&mut self, at: At) -> &mut Links {
        match self.packed[at].form {
            Form::Leased(key) => &mut self.leased[number(key)].links,
            Form::Full(key) => &mut self.full[number(key)].links,
            Form::Ready(_) | Form::Scheduled(_) | Form::Completed(_) => {
                unreachable!("only claimed tasks are in lists")
            }
        }
    }
}
