//! Why a run ended without its figures.

use std::{fmt::Display, io};

use leasehold_reach::{RequestError, WayError};
use thiserror::Error;

/// Why a run, or a part of it, failed.
#[derive(Debug, Error)]
pub enum BenchError {
    /// It was asked wrongly.
    #[error("{0}")]
    Usage(String),
    /// The hub that runs already is not there, lets nobody in, or denies something.
    #[error("failed to {what}: {why}")]
    Hub {
        /// What was tried.
        what: String,
        /// Why.
        why: RequestError,
    },
    /// Something that it needs failed.
    #[error("failed to {what}: {why}")]
    Failed {
        /// What was tried: fits behind "failed to".
        what: String,
        /// What came of it.
        why: String,
    },
    /// A system under test said what its driver cannot live with.
    #[error("{target} said: {said}")]
    Unexpected {
        /// The system's name.
        target: String,
        /// What it said, or what was wrong with it.
        said: String,
    },
}

impl BenchError {
    /// `failed to {what}: {why}`
    pub fn failed(what: impl Display, why: impl Display) -> Self {
        let (what, why) = (what.to_string(), why.to_string());
        Self::Failed { what, why }
    }

    /// `{target} said: {said}`
    pub fn unexpected(target: impl Display, said: impl Display) -> Self {
        let (target, said) = (target.to_string(), said.to_string());
        Self::Unexpected { target, said }
    }

    /// For `map_err` of what the system does: `failed to {what}: {error}`.
    pub fn io(what: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::failed(what, error)
    }
}

impl From<WayError> for BenchError {
    fn from(error: WayError) -> Self {
        Self::Usage(error.to_string())
    }
}
