//! The forms: what each keeps of a task, and the task that it stands for.

use alloc::string::String;
use core::mem::size_of;

use super::Shelf;
use crate::{
    Attempt, AttemptEnding, Epoch, Lease, State, Task, TaskId, Timestamp,
    pool::{
        lists::Links,
        nodes::NodeNo,
        tasks::{Hold, Slot},
    },
};

/// What is kept of each task.
#[derive(Debug, Clone)]
pub(in crate::pool) struct Packed {
    pub(in crate::pool) id: TaskId,
    pub(in crate::pool) place: u64,
    pub(super) enqueued_at: Timestamp,
    pub(in crate::pool) priority: u32,
    pub(in crate::pool) payload_len: u32,
    pub(super) attempts_max: u16,
    pub(super) form: Form,
}

/// What a backlog costs: this and five to twelve bytes of the indexes for each task.
const _: () = assert!(size_of::<Packed>() == 48);

/// The number of a record, in bytes, which need not be aligned.
pub(super) type Key = [u8; 4];

#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Never claimed; with the time from its enqueue to when it is first ready.
    Ready(Delay),
    /// Never claimed, and not before it is first ready.
    Scheduled(Delay),
    /// On its first lease.
    Leased(Key),
    /// Completed under its first lease.
    Completed(Key),
    Full(Key),
}

/// Up to 34 years in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delay([u8; 5]);

#[derive(Debug, Clone)]
pub(super) struct Leased {
    pub(super) hold: Hold,
    pub(super) ready_at: Timestamp,
    pub(super) granted_at: Timestamp,
    pub(super) number: u64,
    pub(super) epoch: Epoch,
    pub(super) node: NodeNo,
    pub(super) lease_ms: u32,
    pub(super) links: Links,
}

#[derive(Debug, Clone)]
pub(super) struct Completed {
    pub(super) ready_at: Timestamp,
    pub(super) started_at: Timestamp,
    pub(super) at: Timestamp,
    pub(super) number: u64,
    pub(super) epoch: Epoch,
    pub(super) node: NodeNo,
    pub(super) result_len: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Full {
    pub(super) task: Task,
    pub(super) hold: Option<Hold>,
    /// The node of the lease, if there is one.
    pub(super) node: Option<NodeNo>,
    pub(super) links: Links,
}

impl Packed {
    pub(super) fn of(task: &Task, form: Form) -> Self {
        Self {
            id: task.id,
            place: task.place,
            enqueued_at: task.enqueued_at,
            priority: task.priority,
            payload_len: task.payload_len,
            // One that does not fit is with the task in full.
            attempts_max: u16::try_from(task.attempts_max).unwrap_or(u16::MAX),
            form,
        }
    }

    /// Writes the task over a blank one, as the others do: a task is long to move about.
    pub(super) fn write(&self, task: &mut Task, state: State, delay: Delay) {
        task.id = self.id;
        task.place = self.place;
        task.priority = self.priority;
        task.attempts_max = self.attempts_max.into();
        task.enqueued_at = self.enqueued_at;
        task.ready_at = delay.after(self.enqueued_at);
        task.attempt = 0;
        task.interruptions = 0;
        task.losses_in_a_row = 0;
        task.payload_len = self.payload_len;
        task.result_len = None;
        task.state = state;
    }
}

impl Leased {
    pub(super) fn write(&self, task: &mut Task, packed: &Packed, shelf: &Shelf) {
        packed.write(task, State::Claimed, Delay::ZERO);
        task.ready_at = self.ready_at;
        task.attempt = 1;
        task.lease = Some(Lease {
            id: shelf.lease_id(self.epoch, self.number),
            node: shelf.nodes[self.node].node.clone(),
            granted_at: self.granted_at,
            lease_ms: self.lease_ms.into(),
        });
    }
}

impl Completed {
    pub(super) fn write(&self, task: &mut Task, packed: &Packed, shelf: &Shelf) {
        let attempt = Attempt {
            attempt: 1,
            lease: shelf.lease_id(self.epoch, self.number),
            node: shelf.nodes[self.node].node.clone(),
            started_at: self.started_at,
            ended_at: self.at,
            ending: AttemptEnding::Completed,
            reason: String::new(),
        };
        packed.write(task, State::Completed { at: self.at }, Delay::ZERO);
        task.ready_at = self.ready_at;
        task.attempt = 1;
        task.result_len = self.result_len;
        task.history.reserve_exact(1);
        task.history.push(attempt);
    }
}

impl Delay {
    pub(super) const ZERO: Self = Self([0; 5]);

    pub(super) fn between(from: Timestamp, to: Timestamp) -> Option<Self> {
        let delay = to.as_millis().checked_sub(from.as_millis())?;
        let [rest @ .., 0, 0, 0] = delay.to_le_bytes() else {
            return None;
        };
        Some(Self(rest))
    }

    pub(super) fn after(self, from: Timestamp) -> Timestamp {
        let [a, b, c, d, e] = self.0;
        let delay = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        Timestamp::from_millis(from.as_millis() + delay)
    }
}

/// The delay of a task that nothing ever happened to, unless it is too long.
pub(super) fn unclaimed(slot: &Slot) -> Option<Delay> {
    let task = &*slot.task;
    let is_bare = task.lease.is_none() && slot.hold.is_none();
    if !is_bare || !task.history.is_empty() || task.result_len.is_some() {
        return None;
    }
    Delay::between(task.enqueued_at, task.ready_at)
}

pub(super) const fn number(key: Key) -> u32 {
    u32::from_le_bytes(key)
}
