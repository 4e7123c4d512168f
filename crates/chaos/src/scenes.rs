//! The scenes.

mod clock;
mod kill;

pub(crate) use clock::Clock;
pub(crate) use kill::Kill;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 2] = ["clock", "kill"];
