//! Lanes: what the generator says to a driver, one connection at a time. A lane belongs to one
//! task of the runtime, counts for itself, and touches what is common to all once a batch.

mod producer;
mod tally;
mod work;
mod worker;

pub(crate) use producer::noise;
pub use producer::{Next, ProducerLane};
pub use tally::Tally;
pub use work::{Limits, Work};
pub use worker::WorkerLane;
