//! Where a task stands.

use super::{
    Shelf,
    forms::{Form, number},
};
use crate::{
    State, Timestamp,
    pool::{
        nodes::NodeNo,
        tasks::{At, Hand, Hold, Slot},
    },
};

/// What the indexes go by, and nothing else: where a task stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::pool) struct Seat {
    pub(in crate::pool) state: State,
    pub(in crate::pool) priority: u32,
    pub(in crate::pool) place: u64,
    /// Only of what waits.
    pub(in crate::pool) ready_at: Timestamp,
    pub(in crate::pool) hold: Option<Hold>,
    node: Option<NodeNo>,
}

impl Seat {
    /// Of a task that names the node of this number.
    pub(in crate::pool) fn of(slot: &Slot, node: Option<NodeNo>) -> Self {
        Self {
            state: slot.task.state,
            priority: slot.task.priority,
            place: slot.task.place,
            ready_at: slot.task.ready_at,
            hold: slot.hold,
            node,
        }
    }

    /// In whose list a claimed task is: that of the session whose hand it is in, or of its node.
    pub(in crate::pool) fn list(&self) -> Option<(Hand, NodeNo)> {
        let hold = self.hold.filter(|_| self.state == State::Claimed)?;
        Some((hold.hand, self.node?))
    }
}

impl Shelf {
    /// What the indexes go by.
    pub(in crate::pool) fn seat(&self, at: At) -> Seat {
        let packed = &self.packed[at];
        let mut seat = Seat {
            state: State::Ready,
            priority: packed.priority,
            place: packed.place,
            ready_at: Timestamp::default(),
            hold: None,
            node: None,
        };
        match packed.form {
            Form::Ready(delay) => seat.ready_at = delay.after(packed.enqueued_at),
            Form::Scheduled(delay) => {
                seat.ready_at = delay.after(packed.enqueued_at);
                seat.state = State::Scheduled {
                    run_at: seat.ready_at,
                };
            }
            Form::Leased(key) => {
                let leased = &self.leased[number(key)];
                seat.state = State::Claimed;
                (seat.hold, seat.node) = (Some(leased.hold), Some(leased.node));
            }
            Form::Completed(key) => {
                let at = self.completed[number(key)].at;
                seat.state = State::Completed { at };
            }
            Form::Full(key) => {
                let full = &self.full[number(key)];
                (seat.state, seat.ready_at) = (full.task.state, full.task.ready_at);
                (seat.hold, seat.node) = (full.hold, full.node);
            }
        }
        seat
    }
}
