//! The life of a task, pure.
#![no_std]

extern crate alloc;

mod command;
mod id;
pub mod limits;
mod rejection;
mod settings;
mod task;
pub mod time;
mod transition;

pub use command::*;
pub use id::*;
pub use rejection::Rejection;
pub use settings::{Aging, BackOff, PoolSettings};
pub use task::{Attempt, AttemptEnding, Death, Lease, State, StateKind, Task};
pub use time::Timestamp;
pub use transition::*;
