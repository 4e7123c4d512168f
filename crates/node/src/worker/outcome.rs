//! What a handler gives back.

use std::{fmt, time::Duration};

use bytes::Bytes;

use crate::NewTask;

/// How an attempt went. A `Result` becomes one with `.into()`: `Ok` completes, with the bytes as
/// the result, and `Err` fails with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the hub keeps the result for a while. Its length is bounded by the hub.
    Complete(Option<Bytes>),
    /// It went wrong, and counts: the task runs again while it has attempts left. The first 1024
    /// bytes of the reason are kept.
    Fail(String),
    /// It went wrong, and counts: the task waits so long before it runs again, if it has attempts
    /// left; at most a hundred years, in whole milliseconds. A hub of version 1 makes a plain
    /// failure of it.
    FailAfter(String, Duration),
    /// It went wrong, and no attempt will do: the task is dead at once. A hub of version 1 makes a
    /// plain failure of it.
    Hopeless(String),
    /// Done, with a result, and these tasks are put into the same pool with it: all or nothing, in
    /// one commit. At most 64, with 4 MiB of payload together. If the hub rejects one of them, for
    /// a wish that cannot be, the task fails instead; so it does at a hub of version 1.
    Then(Option<Bytes>, Vec<NewTask>),
    /// Not done: back to the pool at once, uncounted.
    Release,
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Complete(None)
    }
}

impl From<Bytes> for Outcome {
    fn from(result: Bytes) -> Self {
        Self::Complete(Some(result))
    }
}

impl From<Option<Bytes>> for Outcome {
    fn from(result: Option<Bytes>) -> Self {
        Self::Complete(result)
    }
}

impl From<Vec<u8>> for Outcome {
    fn from(result: Vec<u8>) -> Self {
        Self::Complete(Some(result.into()))
    }
}

impl<T: Into<Self>, E: fmt::Display> From<Result<T, E>> for Outcome {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(result) => result.into(),
            Err(error) => Self::Fail(error.to_string()),
        }
    }
}
