//! Which sessions are open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use leasehold_core::{Node, SessionId, Timestamp};
use tokio::sync::mpsc::UnboundedSender;

use crate::{pool_actor::Out, tls::CertificateName};

/// An open session, for people.
#[derive(Debug, Clone)]
pub(crate) struct SessionRecord {
    pub(crate) node: Node,
    pub(crate) address: String,
    pub(crate) opened_at: Timestamp,
    /// Whom its certificate names, if it showed one.
    pub(crate) certificate: Option<CertificateName>,
}

/// Sessions whose handshake is done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    by_id: BTreeMap<SessionId, SessionRecord>,
    /// The newest session of each node, and the way to it.
    newest: BTreeMap<Node, (SessionId, UnboundedSender<Out>)>,
}

impl Registry {
    /// Returns the way to the session of the same node that this one takes over from.
    pub(crate) fn enter(
        &self,
        session: SessionId,
        record: SessionRecord,
        back: UnboundedSender<Out>,
    ) -> Option<UnboundedSender<Out>> {
        self.with(|open| {
            let earlier = open.newest.insert(record.node.clone(), (session, back));
            open.by_id.insert(session, record);
            earlier.map(|(_, back)| back)
        })
    }

    pub(crate) fn leave(&self, session: SessionId) {
        self.with(|open| {
            let Some(record) = open.by_id.remove(&session) else {
                return;
            };
            let newest = open.newest.get(&record.node);
            if newest.is_some_and(|(id, _)| *id == session) {
                open.newest.remove(&record.node);
            }
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.with(|open| open.by_id.len())
    }

    /// The first ones.
    pub(crate) fn first(&self, count: usize) -> Vec<SessionId> {
        self.with(|open| open.by_id.keys().take(count).copied().collect())
    }

    /// Of an open session.
    pub(crate) fn record(&self, session: SessionId) -> Option<SessionRecord> {
        self.with(|open| open.by_id.get(&session).cloned())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
