//! Who is at the door of a pool: batches that were sent and that it has not begun.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Counts what is in a mailbox, which the actor crate does not tell. Only a hint: nothing but the
/// size of a commit rests on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Door(Arc<AtomicUsize>);

impl Door {
    /// A batch is about to be sent.
    pub(crate) fn comes(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// It has been taken in, or could not be sent.
    pub(crate) fn came(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    pub(super) fn has_more(&self) -> bool {
        self.0.load(Relaxed) > 0
    }
}
