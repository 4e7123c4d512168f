//! The scenes.

mod freeze;
mod kill;
mod load;

pub(crate) use freeze::Freeze;
pub(crate) use kill::Kill;
pub(crate) use load::Load;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 3] = ["kill", "freeze", "load"];
