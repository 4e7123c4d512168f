//! The certain end of a session.
//!
//! The guard lives in the I/O task, the only place that can claim. However that task ends (return,
//! panic, abort), the guard is dropped after the last batch was sent, and each pool that the
//! session used hears of the end in the same FIFO as its commands.

use std::collections::BTreeMap;

use leasehold_core::{Ending, Node, PoolId, PoolName, RequestId, SessionId};
use tokio::sync::mpsc::UnboundedSender;

use super::{Registry, SessionContext, SessionRecord};
use crate::{
    directory::PoolRef,
    freight::Way,
    hub_actor::PoolOpener,
    pool_actor::{Ask, Out, Outlet, PoolMessage},
};

pub(super) struct SessionGuard {
    pub(super) session: SessionId,
    pub(super) node: Node,
    /// What the pools will be told, if it is known.
    pub(super) ending: Option<Ending>,
    back: UnboundedSender<Out>,
    way: Way,
    pools: BTreeMap<PoolName, PoolRef>,
    registry: Registry,
    opener: PoolOpener,
}

/// The pool's actor has ended: the session is about to hear so.
pub(super) struct PoolGone;

impl SessionGuard {
    /// Enters the session among the open ones; an earlier one of the same node is told to end.
    pub(super) fn new(
        context: &SessionContext,
        session: SessionId,
        record: SessionRecord,
        back: UnboundedSender<Out>,
    ) -> Self {
        let node = record.node.clone();
        if let Some(earlier) = context.registry.enter(session, record, back.clone()) {
            // It may just have ended, which is what is wanted.
            _ = earlier.send(Out::Superseded);
        }
        Self {
            session,
            node,
            ending: None,
            back,
            way: Way::default(),
            pools: BTreeMap::new(),
            registry: context.registry.clone(),
            opener: context.opener.clone(),
        }
    }

    /// Sends to a pool, which learns of the session first.
    pub(super) fn ask(
        &mut self,
        pool: &PoolRef,
        asks: Vec<(RequestId, Ask)>,
    ) -> Result<(), PoolGone> {
        self.greet(pool)?;
        let session = self.session;
        pool.door.comes();
        let sent = send(pool, PoolMessage::Batch { session, asks });
        if sent.is_err() {
            pool.door.came();
        }
        sent
    }

    /// Asks it of a pool that knows the session; one that does not owes it nothing.
    pub(super) fn ask_again(
        &mut self,
        name: &PoolName,
        request: RequestId,
        ask: Ask,
    ) -> Result<(), PoolGone> {
        match self.pools.get(name).cloned() {
            Some(pool) => self.ask(&pool, vec![(request, ask)]),
            None => Ok(()),
        }
    }

    /// Says it as if a pool had.
    pub(super) fn say(&self, out: Out) {
        // The one who hears it is the one who asks.
        _ = self.back.send(out);
    }

    /// The way to the session's end.
    pub(super) const fn back(&self) -> &UnboundedSender<Out> {
        &self.back
    }

    /// The pool knows the session from here on.
    pub(super) fn greet(&mut self, pool: &PoolRef) -> Result<(), PoolGone> {
        let session = self.session;
        let known = self.pools.get(&pool.name);
        if known.is_none_or(|known| known.actor.get_id() != pool.actor.get_id()) {
            let hello = PoolMessage::Hello {
                session,
                node: self.node.clone(),
                outlet: Outlet::new(pool.name.clone(), self.way.clone(), self.back.clone()),
            };
            send(pool, hello)?;
            self.pools.insert(pool.name.clone(), pool.clone());
        }
        Ok(())
    }

    /// The pools that know the session.
    pub(super) fn pools(&self) -> Vec<PoolRef> {
        self.pools.values().cloned().collect()
    }

    /// The number of a pool that knows the session.
    pub(super) fn known(&self, name: &PoolName) -> Option<PoolId> {
        self.pools.get(name).map(|pool| pool.id)
    }

    /// The pool has ended, and the session goes on.
    pub(super) fn forget(&mut self, name: &PoolName) {
        self.pools.remove(name);
    }

    /// A cut unless somebody knows better: what ends with the hub is the hub's doing.
    fn ending(&self) -> Ending {
        self.ending.unwrap_or(if self.opener.is_draining() {
            Ending::Dismissed
        } else {
            Ending::Cut
        })
    }
}

fn send(pool: &PoolRef, message: PoolMessage) -> Result<(), PoolGone> {
    pool.actor.cast(message).map_err(|_| PoolGone)
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.registry.leave(self.session);
        let (session, ending) = (self.session, self.ending());
        for pool in self.pools.values() {
            // A pool that has ended restores without the session.
            _ = send(pool, PoolMessage::Gone { session, ending });
        }
    }
}
