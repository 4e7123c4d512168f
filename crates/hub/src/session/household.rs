//! What the sessions of one address use together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::throttle::Rates;

/// All sessions of an address have it, and it ends with the last of them.
#[derive(Debug, Default)]
pub(crate) struct Household(Mutex<Rates>);

impl Household {
    pub(super) fn rates(&self) -> MutexGuard<'_, Rates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
