//! The scenes.

mod clock;
mod freeze;
mod kill;
mod load;
mod upgrade;

pub(crate) use clock::Clock;
pub(crate) use freeze::Freeze;
pub(crate) use kill::Kill;
pub(crate) use load::Load;
pub(crate) use upgrade::Upgrade;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 5] = ["kill", "freeze", "load", "clock", "upgrade"];
