//! Why a run could not be carried out.

use std::{fmt::Display, io};

/// A run could not be carried out, or judged.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// It was asked wrongly.
    #[error("{0}")]
    Usage(String),
    /// Something that is needed did not work.
    #[error("failed to {what}: {why}")]
    Failed {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
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
