//! Which pools are up, for everybody who sends to them.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use leasehold_core::{PoolId, PoolName, Rejection};

use crate::{
    actor::ActorRef,
    parts::Parts,
    pool_actor::{Door, PoolMessage},
};

/// A pool that is up.
#[derive(Debug, Clone)]
pub(crate) struct PoolRef {
    pub(crate) name: PoolName,
    pub(crate) id: PoolId,
    pub(crate) actor: ActorRef<PoolMessage>,
    pub(crate) door: Door,
    /// If it is partition 0 of several, for what is asked of the pool by its name.
    pub(crate) parts: Option<Arc<Parts>>,
}

/// How a pool stands.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Up(PoolRef),
    /// It failed and is being restored.
    Down {
        /// Its number, if it was ever up: leases in it are not lost meanwhile.
        id: Option<PoolId>,
        reason: String,
        retry_after: Duration,
    },
}

impl Entry {
    const fn id(&self) -> Option<PoolId> {
        match self {
            Self::Up(pool) => Some(pool.id),
            Self::Down { id, .. } => *id,
        }
    }
}

/// Written by the supervisor alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory(Arc<RwLock<Pools>>);

#[derive(Debug, Default)]
struct Pools {
    by_name: BTreeMap<PoolName, Entry>,
    /// Every answer comes with a number, and there may be many pools.
    by_id: BTreeMap<PoolId, PoolName>,
}

impl Directory {
    pub(crate) fn put(&self, name: PoolName, entry: Entry) {
        let mut pools = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = entry.id() {
            pools.by_id.insert(id, name.clone());
        }
        pools.by_name.insert(name, entry);
    }

    /// There is no pool of this name any more.
    pub(crate) fn remove(&self, name: &PoolName) {
        let mut pools = self.0.write().unwrap_or_else(PoisonError::into_inner);
        pools.by_name.remove(name);
        pools.by_id.retain(|_, of| of != name);
    }

    pub(crate) fn len(&self) -> usize {
        // The front of a pool in partitions is none itself.
        let is_pool = |name: &&PoolName| name.parts().is_none_or(|(_, index)| index > 0);
        self.read(|pools| pools.by_name.keys().filter(is_pool).count())
    }

    /// The pool, if there is one.
    pub(crate) fn get(&self, name: &PoolName) -> Option<Result<PoolRef, Rejection>> {
        self.read(|pools| pools.by_name.get(name).map(answer))
    }

    /// The pool that grants leases of this number, if there is one.
    pub(crate) fn by_id(&self, id: PoolId) -> Option<Result<PoolRef, Rejection>> {
        self.read(|pools| {
            let entry = pools.by_name.get(pools.by_id.get(&id)?)?;
            // A pool that failed before it ever was up has no number.
            (entry.id() == Some(id)).then(|| answer(entry))
        })
    }

    /// The name of the pool that grants leases of this number.
    pub(crate) fn name_of(&self, id: PoolId) -> Option<PoolName> {
        self.read(|pools| pools.by_id.get(&id).cloned())
    }

    /// The number of a pool that is up, or was.
    pub(crate) fn id_of(&self, name: &PoolName) -> Option<PoolId> {
        self.read(|pools| pools.by_name.get(name)?.id())
    }

    /// All that are up, by name.
    pub(crate) fn up(&self) -> Vec<PoolRef> {
        let up = |entry: &Entry| match entry {
            Entry::Up(pool) => Some(pool.clone()),
            Entry::Down { .. } => None,
        };
        self.read(|pools| pools.by_name.values().filter_map(up).collect())
    }

    /// Why a pool is not there, if one that is known is not.
    pub(crate) fn down(&self) -> Option<Rejection> {
        self.read(|pools| pools.by_name.values().find_map(|entry| answer(entry).err()))
    }

    fn read<T>(&self, look: impl FnOnce(&Pools) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn answer(entry: &Entry) -> Result<PoolRef, Rejection> {
    match entry {
        Entry::Up(pool) => Ok(pool.clone()),
        Entry::Down {
            reason,
            retry_after,
            ..
        } => Err(Rejection::Unavailable {
            reason: reason.clone(),
            retry_after: *retry_after,
        }),
    }
}
