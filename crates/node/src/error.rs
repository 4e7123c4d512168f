//! What a request can fail with.

use std::time::Duration;

use leasehold_core::Rejection;
use leasehold_wire::Refusal;

/// Failed to have a request answered, or to have it done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The hub answered that it was not done, and why. Nothing changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There was no connection for as long as [`crate::NodeOptions::give_up_after`] allows. Whether
    /// the request took effect is not known.
    #[error("no hub at {endpoint} for {waited:.1?}: {last}")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// For how long.
        waited: Duration,
        /// What the last attempt failed with, or how the last session ended.
        last: String,
    },
    /// The hub ended the session by this node's fault; connecting again would not help.
    #[error("the hub refused the session: {}", .0.reason)]
    Refused(Refusal),
    /// TLS with the hub does not come about, and trying again would not help: the one does not
    /// trust the other, or the hub speaks no TLS. Only before the first session: later, it is tried
    /// again.
    #[error("no TLS with the hub: {0}")]
    Tls(String),
    /// The request is longer than a frame may be; nothing of it was sent.
    #[error("the request does not fit a frame: {0}")]
    TooLong(String),
    /// The hub answered something else than what was asked: a bug on one of the two sides.
    #[error("the hub's answer does not fit the request")]
    Unexpected,
    /// The task behind this handle is gone, because its runtime is.
    #[error("the node has ended")]
    Ended,
}

/// Failed to enqueue a task.
pub type EnqueueError = RequestError;
