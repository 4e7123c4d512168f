//! What goes on for a while.

use std::{fmt, time::Duration};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the hub.
    Up,
    /// From the hub.
    Down,
    Both,
}

/// How what passes one way passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// At once.
    Clear,
    /// Not at all, and nobody is told: what comes meanwhile passes when it clears up, if both ends
    /// are still there.
    Lost,
    /// So much later, and up to so much more, drawn for each piece; in order.
    Late { by: Duration, jitter: Duration },
    /// A byte at a time, with so long between two.
    Trickle { every: Duration },
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "to the hub",
            Self::Down => "from the hub",
            Self::Both => "both ways",
        })
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear => f.write_str("all is well"),
            Self::Lost => f.write_str("all is lost"),
            Self::Late { by, jitter } if jitter.is_zero() => write!(f, "all is {by:?} late"),
            Self::Late { by, jitter } => {
                write!(f, "all is {by:?} to {:?} late", *by + *jitter)
            }
            Self::Trickle { every } => write!(f, "a byte in {every:?}"),
        }
    }
}
