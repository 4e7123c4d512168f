//! The certain end of a session.
//!
//! The guard lives in the I/O task, the only place that can claim. However that task ends (return,
//! panic, abort), the guard is dropped after the last batch was sent, and each pool that the
//! session used hears of the end in the same FIFO as its commands.

use std::collections::BTreeMap;

use leasehold_core::{Ending, Node, PoolName, RequestId, SessionId};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    directory::PoolRef,
    pool_actor::{Ask, Out, PoolMessage},
    session::Registry,
};

pub(super) struct SessionGuard {
    pub(super) session: SessionId,
    pub(super) node: Node,
    /// What the pools will be told; a cut unless somebody knew better.
    pub(super) ending: Ending,
    back: UnboundedSender<Out>,
    pools: BTreeMap<PoolName, PoolRef>,
    registry: Registry,
}

/// The pool's actor has ended: the session is about to hear so.
pub(super) struct PoolGone;

impl SessionGuard {
    pub(super) const fn new(
        session: SessionId,
        node: Node,
        back: UnboundedSender<Out>,
        registry: Registry,
    ) -> Self {
        Self {
            session,
            node,
            ending: Ending::Cut,
            back,
            pools: BTreeMap::new(),
            registry,
        }
    }

    /// Sends to a pool, which learns of the session first.
    pub(super) fn ask(
        &mut self,
        pool: &PoolRef,
        asks: Vec<(RequestId, Ask)>,
    ) -> Result<(), PoolGone> {
        let session = self.session;
        if !self.pools.contains_key(&pool.name) {
            let (node, back) = (self.node.clone(), self.back.clone());
            send(
                pool,
                PoolMessage::Hello {
                    session,
                    node,
                    back,
                },
            )?;
            self.pools.insert(pool.name.clone(), pool.clone());
        }
        send(pool, PoolMessage::Batch { session, asks })
    }

    /// The pools that know the session.
    pub(super) fn pools(&self) -> Vec<PoolRef> {
        self.pools.values().cloned().collect()
    }
}

fn send(pool: &PoolRef, message: PoolMessage) -> Result<(), PoolGone> {
    pool.actor.cast(message).map_err(|_| PoolGone)
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.registry.leave(self.session);
        let (session, ending) = (self.session, self.ending);
        for pool in self.pools.values() {
            // A pool that has ended restores without the session.
            _ = send(pool, PoolMessage::Gone { session, ending });
        }
    }
}
