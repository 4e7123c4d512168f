//! The configuration that holds now: read by everybody, changed as a whole.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::HubConfig;

#[derive(Debug, Clone)]
pub(crate) struct Configured(Arc<RwLock<Arc<HubConfig>>>);

impl Configured {
    pub(crate) fn new(config: HubConfig) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(config))))
    }

    /// As it is now; who keeps it keeps what it was.
    pub(crate) fn now(&self) -> Arc<HubConfig> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held)
    }

    pub(crate) fn replace(&self, config: HubConfig) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(config);
    }
}
