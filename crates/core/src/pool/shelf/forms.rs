//! The forms: what each keeps of a task, and the task that it stands for.

use alloc::{string::String, vec, vec::Vec};
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

    pub(super) fn unclaimed(&self, state: State, delay: Delay) -> Task {
        Task {
            id: self.id,
            place: self.place,
            priority: self.priority,
            attempts_max: self.attempts_max.into(),
            enqueued_at: self.enqueued_at,
            ready_at: delay.after(self.enqueued_at),
            attempt: 0,
            interruptions: 0,
            losses_in_a_row: 0,
            payload_len: self.payload_len,
            result_len: None,
            state,
            lease: None,
            history: Vec::new(),
            extras: None,
        }
    }
}

impl Leased {
    pub(super) fn task(&self, packed: &Packed, shelf: &Shelf) -> Task {
        Task {
            ready_at: self.ready_at,
            attempt: 1,
            lease: Some(Lease {
                id: shelf.lease_id(self.epoch, self.number),
                node: shelf.nodes[self.node].node.clone(),
                granted_at: self.granted_at,
                lease_ms: self.lease_ms.into(),
            }),
            ..packed.unclaimed(State::Claimed, Delay::ZERO)
        }
    }
}

impl Completed {
    pub(super) fn task(&self, packed: &Packed, shelf: &Shelf) -> Task {
        let attempt = Attempt {
            attempt: 1,
            lease: shelf.lease_id(self.epoch, self.number),
            node: shelf.nodes[self.node].node.clone(),
            started_at: self.started_at,
            ended_at: self.at,
            ending: AttemptEnding::Completed,
            reason: String::new(),
        };
        Task {
            ready_at: self.ready_at,
            attempt: 1,
            result_len: self.result_len,
            history: vec![attempt],
            ..packed.unclaimed(State::Completed { at: self.at }, Delay::ZERO)
        }
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
