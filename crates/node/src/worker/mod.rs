//! Working on tasks: the handle. What it is a handle on is in `actor.rs`.

mod actor;
mod answers;
mod builder;
mod credit;
mod event;
mod leases;
mod outcome;
mod progress;
mod sent;
mod task;

use leasehold_wire::Refusal;
use tokio::sync::{broadcast, mpsc, watch};

pub use builder::{AnyHandler, WorkerBuilder};
pub use event::{WorkerEvent, WorkerStats};
pub use outcome::Outcome;
pub use task::Task;

use crate::{Endpoint, NodeOptions};

/// Failed to work to the end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The hub ended the session by this node's fault, or does not let it do what it asked
    /// ([`leasehold_wire::RefusalCode::Denied`]); connecting again would not help.
    #[error("the hub refused the session: {}", .0.reason)]
    Refused(Refusal),
    /// TLS with the hub does not come about, and trying again would not help; as
    /// [`crate::RequestError::Tls`].
    #[error("no TLS with the hub: {0}")]
    Tls(String),
    /// The worker was drained or stopped while no hub confirmed its last outcomes. Those tasks run
    /// again, unless the hub has them after all.
    #[error("the hub did not confirm the outcomes of {leases} tasks: {last}")]
    Unconfirmed {
        /// How many.
        leases: usize,
        /// What the last attempt to connect failed with, or how the last session ended.
        last: String,
    },
    /// The runtime that the worker ran on is gone.
    #[error("the node has ended")]
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Drain,
    Stop,
}

type End = Option<Result<(), WorkerError>>;

/// Runs a handler for each task that the hub sends, on a tokio task of its own. Dropping the last
/// handle stops the worker as [`Worker::stop`] does, without waiting for it.
#[derive(Debug, Clone)]
pub struct Worker {
    wishes: mpsc::UnboundedSender<Wish>,
    stats: watch::Receiver<WorkerStats>,
    end: watch::Receiver<End>,
    events: broadcast::Sender<WorkerEvent>,
}

impl Worker {
    /// The way to a worker.
    pub fn builder(endpoint: Endpoint, options: NodeOptions) -> WorkerBuilder<()> {
        WorkerBuilder::new(endpoint, options)
    }

    /// Takes no more tasks, gives back those that wait for a slot, lets running handlers finish,
    /// waits until the hub has confirmed their outcomes, and says bye. Waits without a connection
    /// for at most [`NodeOptions::give_up_after`], and for ever if that is none.
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn drain(&self) -> Result<(), WorkerError> {
        self.wish(Wish::Drain).await
    }

    /// Ends now: cancels every handler's token, aborts those that have not returned a second
    /// later, releases what is unfinished and says bye. Takes at most five seconds.
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn stop(&self) -> Result<(), WorkerError> {
        self.wish(Wish::Stop).await
    }

    /// Waits until the worker has ended, by a drain, a stop, or a refusal of the hub.
    ///
    /// # Errors
    /// [`WorkerError`] says why the end was not a clean one.
    pub async fn join(&self) -> Result<(), WorkerError> {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        ended.map_or(Err(WorkerError::Ended), |end| end.clone().unwrap_or(Ok(())))
    }

    /// Counts, and how it stands.
    #[must_use]
    pub fn stats(&self) -> WorkerStats {
        *self.stats.borrow()
    }

    /// Whether no handler runs and the hub has confirmed every outcome.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        idle(&self.stats())
    }

    /// Waits until [`Self::is_idle`], or until the worker has ended.
    pub async fn idle(&self) {
        // An error says that the worker has ended.
        let _ = self.stats.clone().wait_for(idle).await;
    }

    /// What happens from now on. Whoever lags more than 1024 events behind misses the oldest.
    /// [`WorkerBuilder::subscribe`] misses none from the start.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<WorkerEvent> {
        self.events.subscribe()
    }

    async fn wish(&self, wish: Wish) -> Result<(), WorkerError> {
        // Fails only if the worker has ended: then there is nothing to wish for.
        let _ = self.wishes.send(wish);
        self.join().await
    }
}

fn idle(stats: &WorkerStats) -> bool {
    stats.running == 0 && stats.held == 0
}
