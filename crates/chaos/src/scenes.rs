//! The scenes.

mod kill;

pub(crate) use kill::Kill;

/// All that `chaos all` plays, as they are called on the command line.
pub(crate) const ALL: [&str; 1] = ["kill"];
