//! Indexes over tasks that have extras: a plain task is in none of them.

use super::{after::Children, expiry::Expiries, keys::Keys, tasks::At};
use crate::{Task, Timestamp};

#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub(super) keys: Keys,
    pub(super) children: Children,
    pub(super) expiries: Expiries,
}

impl Side {
    /// The task is now as given; it has extras.
    pub(super) fn enter(&mut self, at: At, task: &Task) {
        self.keys.enter(at, task);
        self.children.enter(at, task);
        self.expiries.enter(at, task);
    }

    /// The task, which was as given, is another now, or is gone; it had extras.
    pub(super) fn leave(&mut self, at: At, task: &Task) {
        self.keys.leave(at, task);
        self.children.leave(at, task);
        self.expiries.leave(at, task);
    }

    /// When something is due by one of them.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.expiries.next_deadline()
    }
}
