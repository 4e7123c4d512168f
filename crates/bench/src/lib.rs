//! The bench: one generator, and one small driver for each system that it drives.
//!
//! A run is phases; a phase is lanes, each one connection and one tokio task; what a lane does is
//! its driver's ([`Target`]), when it does it is the generator's ([`ProducerLane`],
//! [`WorkerLane`]). So every system is asked the same, by the same code, and is timed alike.

mod book;
mod dialect;
mod drive;
mod error;
mod holder;
mod hub_process;
mod lane;
mod leasehold;
mod limits;
mod machine;
mod options;
#[cfg(feature = "peers")]
mod peers;
mod phases;
mod process;
mod ratios;
mod report;
mod rest;
mod run;
mod stamp;
mod target;
mod timer;

pub use dialect::{Connection, ProducerDialect, WorkerDialect, run_producer, run_worker};
pub use error::BenchError;
pub use hub_process::{HubOptions, HubProcess};
pub use lane::{Limits, Next, ProducerLane, Tally, Work, WorkerLane};
pub use leasehold::Leasehold;
pub use options::BenchArgs;
pub use run::run;
pub use stamp::Stamp;
pub use target::{Doing, Promise, Spec, Target};
