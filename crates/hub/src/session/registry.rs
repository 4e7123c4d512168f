//! Which sessions are open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use leasehold_core::{NodeName, SessionId, Timestamp};

/// An open session, for people.
#[derive(Debug, Clone)]
pub(crate) struct SessionRecord {
    pub(crate) node: NodeName,
    pub(crate) address: String,
    pub(crate) opened_at: Timestamp,
}

/// Sessions whose handshake is done, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry(Arc<Mutex<BTreeMap<SessionId, SessionRecord>>>);

impl Registry {
    pub(crate) fn enter(&self, session: SessionId, record: SessionRecord) {
        self.with(|open| open.insert(session, record));
    }

    pub(crate) fn leave(&self, session: SessionId) {
        self.with(|open| open.remove(&session));
    }

    pub(crate) fn len(&self) -> usize {
        self.with(|open| open.len())
    }

    /// The first ones, by id.
    pub(crate) fn first(&self, count: usize) -> Vec<(SessionId, SessionRecord)> {
        self.with(|open| {
            let entries = open.iter().take(count);
            entries.map(|(id, record)| (*id, record.clone())).collect()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<SessionId, SessionRecord>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
