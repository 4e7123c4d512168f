//! Session ids, which are never reused while a hub lives.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use leasehold_core::SessionId;

/// Outlives the supervisor of sessions, which may be restarted.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionNumbers(Arc<AtomicU64>);

impl SessionNumbers {
    pub(crate) fn next(&self) -> SessionId {
        SessionId(self.0.fetch_add(1, Relaxed) + 1)
    }
}
