//! Why a run could not be carried out.

use std::{fmt::Display, io};

use leasehold_node::RequestError;
use leasehold_reach::WayError;

/// So begins what the program says on standard error.
pub(crate) const COMPLAINT: &str = "leasehold: ";

/// A run could not be carried out, or judged.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// It was asked wrongly.
    #[error("{0}")]
    Usage(String),
    /// The hub is not there, lets nobody in, or denies something.
    #[error("failed to {what}: {why}")]
    Hub {
        /// What was tried.
        what: String,
        /// Why.
        why: RequestError,
    },
    /// Something that is needed did not work.
    #[error("failed to {what}: {why}")]
    Failed {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
}

/// Why a scene is not played.
#[derive(Debug)]
pub(crate) enum Unplayed {
    /// This machine does not allow it, and for this reason: a few words, and what would help in
    /// brackets.
    PassedOver(String),
    /// Something that should have worked did not.
    Failed(ChaosError),
}

impl From<ChaosError> for Unplayed {
    fn from(error: ChaosError) -> Self {
        Self::Failed(error)
    }
}

impl ChaosError {
    pub(crate) fn failed(what: impl Display, why: impl Display) -> Self {
        let (what, why) = (what.to_string(), why.to_string());
        Self::Failed { what, why }
    }

    pub(crate) fn interrupted() -> Self {
        Self::failed("play to the end", "it was interrupted")
    }

    pub(crate) fn io(what: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::failed(what, error)
    }
}

impl From<WayError> for ChaosError {
    fn from(error: WayError) -> Self {
        Self::Usage(error.to_string())
    }
}
