//! Somebody else who attends to sockets and timers while this thread waits for the disk.
//!
//! Of a runtime's workers at most one waits for the kernel to say which sockets are ready; the
//! others sleep until they are called. The one that a request woke is the one that handles it, and
//! if that one does not come back, nobody looks. `block_in_place` would see to that, but gives this
//! worker's whole place away, so that the replies must wake another one: which takes as long as to
//! have let another thread commit in the first place.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Whether there is one to be called.
#[derive(Debug, Clone, Copy)]
pub(super) struct StandIn {
    is_there: bool,
}

impl StandIn {
    /// Of the runtime that this is called in.
    pub(super) fn of_this_runtime() -> Self {
        let is_there = Handle::try_current().is_ok_and(|runtime| {
            runtime.runtime_flavor() == RuntimeFlavor::MultiThread
                && runtime.metrics().num_workers() > 1
        });
        Self { is_there }
    }

    pub(super) const fn is_there(self) -> bool {
        self.is_there
    }

    /// Wakes a worker that sleeps, which then waits for the kernel. A worker keeps the task that it
    /// woke last for itself and calls another one when there is more than that: hence two.
    pub(super) fn call(self) {
        for _ in 0..2 {
            drop(tokio::spawn(async {}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_thread_alone_has_nobody_to_stand_in() {
        assert!(!StandIn::of_this_runtime().is_there());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_two_one_can() {
        assert!(StandIn::of_this_runtime().is_there());
    }
}
