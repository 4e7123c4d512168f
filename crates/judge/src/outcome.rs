//! Small words that records and logs share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// With what a node ends an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Complete,
    /// It went wrong.
    Fail,
    /// Not done: back to the pool.
    Release,
}

/// What the hub said to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It took effect.
    Taken,
    /// The lease was lost; nothing changed.
    LeaseLost,
    /// Refused for another reason.
    Refused(String),
}

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// Waits for its time.
    Scheduled,
    /// May be claimed.
    Ready,
    /// On lease.
    Claimed,
    /// Done.
    Completed,
    /// Called off.
    Cancelled,
    /// Given up.
    Dead,
}

impl Life {
    /// Whether it is an end.
    #[must_use]
    pub const fn is_end(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled | Self::Dead => true,
            Self::Scheduled | Self::Ready | Self::Claimed => false,
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Claimed => "claimed",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Fail => "fail",
            Self::Release => "release",
        })
    }
}
