//! By what the indexes sort.

use super::At;
use crate::{
    Aging, State, Timestamp,
    pool::shelf::{Seat, Shelf},
    time::millis,
};

/// Sorts ready tasks: rank by priority and age, then age, then the order of enqueue.
pub(in crate::pool) type Order = (u64, Timestamp, u64);

/// Where the indexes have a task: what it is sorted by, and so when it comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pool) enum Spot {
    Ready(Order),
    Scheduled(Timestamp, u64),
    Claimed(Timestamp),
    Finished(Timestamp),
    Dead(Timestamp),
}

pub(in crate::pool) fn order(aging: Aging, seat: &Seat) -> Order {
    let rank = match aging {
        Aging::Strict => u64::from(seat.priority),
        Aging::Step(step) => {
            let head_start = millis(step).saturating_mul(u64::from(seat.priority));
            seat.ready_at.as_millis().saturating_add(head_start)
        }
    };
    (rank, seat.ready_at, seat.place)
}

pub(in crate::pool) fn due_key(shelf: &Shelf, at: At) -> (Timestamp, u64) {
    let State::Scheduled { run_at } = shelf.state(at) else {
        unreachable!("only scheduled tasks are among these")
    };
    (run_at, shelf.packed(at).place)
}

pub(in crate::pool) fn ended_at(shelf: &Shelf, at: At) -> Timestamp {
    let (State::Completed { at } | State::Cancelled { at }) = shelf.state(at) else {
        unreachable!("only finished tasks are among these")
    };
    at
}
