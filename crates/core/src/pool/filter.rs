//! Which tasks a condition holds for.

use super::{enqueue::within, shelf::Shelf, tasks::At};
use crate::{
    Death, Rejection, State, StateKind, Task, Timestamp, Where,
    limits::{KEY_BYTES_MAX, REASON_BYTES_MAX, WHERE_MAX},
};

/// Refuses conditions that are too many or too long.
pub(super) fn check_which(which: &[Where]) -> Result<(), Rejection> {
    let what = "the number of conditions";
    within(what, which.len() as u64, 0, WHERE_MAX as u64)?;
    which.iter().try_for_each(|one| match one {
        Where::Reason(text) => {
            let what = "the length of the reason in bytes";
            within(what, text.len() as u64, 1, REASON_BYTES_MAX as u64)
        }
        Where::Group(text) | Where::Key(text) => {
            let what = "the length of the key in bytes";
            within(what, text.len() as u64, 1, KEY_BYTES_MAX as u64)
        }
        Where::State(_) | Where::Cause(_) | Where::EndedBefore(_) => Ok(()),
    })
}

/// Whether all this holds for the task that is kept there. Most are told apart without a look at
/// all of them.
pub(super) fn holds(which: &[Where], shelf: &Shelf, at: At) -> bool {
    let kind = shelf.kind(at);
    if !which.iter().all(|one| may_hold(one, kind)) {
        return false;
    }
    let is_known = which.iter().all(|one| matches!(one, Where::State(_)));
    if is_known {
        return true;
    }
    let task = shelf.task(at);
    which.iter().all(|one| one.holds(&task))
}

const fn may_hold(one: &Where, kind: StateKind) -> bool {
    match one {
        Where::State(of) => *of as u8 == kind as u8,
        Where::Cause(_) => matches!(kind, StateKind::Dead),
        Where::EndedBefore(_) => kind.is_end(),
        Where::Reason(_) | Where::Group(_) | Where::Key(_) => true,
    }
}

impl Where {
    fn holds(&self, task: &Task) -> bool {
        let extras = task.extras.as_deref();
        match self {
            Self::State(kind) => task.state.kind() == *kind,
            Self::Cause(cause) => death(task) == Some(*cause),
            Self::Reason(text) => task.last_reason().contains(text.as_str()),
            Self::EndedBefore(moment) => ended(task).is_some_and(|at| at < *moment),
            Self::Group(group) => {
                let of = extras.and_then(|extras| extras.group.as_ref());
                of.is_some_and(|of| of == group)
            }
            Self::Key(key) => {
                let of = extras.and_then(|extras| extras.key.as_deref());
                of.is_some_and(|of| of.key == *key)
            }
        }
    }
}

const fn death(task: &Task) -> Option<Death> {
    match task.state {
        State::Dead { cause, .. } => Some(cause),
        State::Scheduled { .. }
        | State::Ready
        | State::Claimed
        | State::Completed { .. }
        | State::Cancelled { .. } => None,
    }
}

const fn ended(task: &Task) -> Option<Timestamp> {
    match task.state {
        State::Completed { at } | State::Cancelled { at } | State::Dead { at, .. } => Some(at),
        State::Scheduled { .. } | State::Ready | State::Claimed => None,
    }
}
