//! Stored bytes of whatever kind, taken apart as the store does it and put together again. Each call
//! returns, or panics: then what the store believes of its bytes does not hold.

pub use crate::{log_store::journal::fuzzing::journal, record::fuzzing::record};
