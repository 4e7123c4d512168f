//! The scenes.

mod clock;
mod kill;
mod upgrade;

pub(crate) use clock::Clock;
pub(crate) use kill::Kill;
pub(crate) use upgrade::Upgrade;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 3] = ["clock", "kill", "upgrade"];
