//! Sessions that have ended leave one after the other.
//!
//! Where a switch fails, thousands end in a moment. Each tells its pools at once; what comes then
//! (closing the socket, giving back buffers, the end of an actor) is urgent to nobody, takes five
//! times as long, and would be in front of all that other sessions want.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::yield_now,
};

/// How many go at a time.
const DOORS: usize = 2;

/// The ended sessions of a hub.
#[derive(Debug, Clone)]
pub(crate) struct Leavers(Arc<Semaphore>);

/// One that leaves, until this is dropped.
#[derive(Debug)]
pub(crate) struct Leaver {
    of: Leavers,
    door: Option<OwnedSemaphorePermit>,
}

impl Default for Leavers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(DOORS)))
    }
}

impl Leavers {
    /// One more has ended.
    pub(super) fn add(&self) -> Leaver {
        Leaver {
            of: self.clone(),
            door: None,
        }
    }
}

impl Leaver {
    /// Waits for its turn, and lets those go ahead who have something to do.
    pub(super) async fn wait(&mut self) {
        // They are never closed.
        self.door = self.of.0.clone().acquire_owned().await.ok();
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_few_leave_at_a_time_and_all_of_them_leave() {
        let leavers = Leavers::default();
        let mut first: Vec<_> = (0..DOORS).map(|_| leavers.add()).collect();
        for leaver in &mut first {
            leaver.wait().await;
        }
        let mut next = leavers.add();
        assert_eq!(next.wait().now_or_never(), None, "no door is free");
        first.pop();
        next.wait().await;
    }

    #[tokio::test]
    async fn who_has_something_to_do_goes_ahead_of_who_leaves() {
        let leavers = Leavers::default();
        let mut leaver = leavers.add();
        let mut wait = Box::pin(leaver.wait());
        assert_eq!(futures_util::poll!(&mut wait), std::task::Poll::Pending);
        wait.await;
    }
}
