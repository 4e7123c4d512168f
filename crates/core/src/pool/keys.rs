//! One task at a time for each key.

use super::{Pool, tasks::At};
use crate::{Accepted, Rejection, Task, Wish};

/// Which task has which key.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys;

impl Keys {
    pub(super) const fn enter(&mut self, _at: At, _task: &Task) {}

    pub(super) const fn leave(&mut self, _at: At, _task: &Task) {}
}

impl Pool {
    pub(super) fn check_key(&self, _key: &str, _window_ms: Option<u64>) -> Result<(), Rejection> {
        Err(Rejection::unsupported("keys"))
    }

    /// The task that has the key that is wished for, as the answer to the enqueue.
    pub(super) const fn known_by_key(&self, _wishes: &[Wish]) -> Option<Accepted> {
        None
    }
}
