//! Starting pools, and starting them again.

use std::{collections::BTreeMap, time::Duration};

use leasehold_core::{PoolName, Rejection};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use super::HubMessage;
use crate::{
    actor::{ActorId, ActorRef, spawn_under},
    directory::{Entry, PoolRef},
    payloads::PayloadBudget,
    pool_actor::{PoolActor, PoolArguments, PoolMessage},
    session::SessionContext,
    store_writer::StoreWriter,
};

/// The first wait before a pool that failed is restored.
const BACK_OFF_BASE: Duration = Duration::from_millis(20);

/// The longest.
const BACK_OFF_CAP: Duration = Duration::from_secs(5);

/// A pool that stood for so long before it failed begins with the first wait again.
const STOOD_WELL: Duration = Duration::from_secs(30);

/// How long a pool may take to have everything on disk when the hub ends.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Pools {
    context: SessionContext,
    writer: StoreWriter,
    budget: PayloadBudget,
    up: BTreeMap<ActorId, Standing>,
    /// How often in a row each pool failed.
    failures: BTreeMap<PoolName, u32>,
}

struct Standing {
    name: PoolName,
    since: Instant,
}

/// A pool that is not there just now.
pub(super) fn unavailable(reason: &str) -> Rejection {
    Rejection::Unavailable {
        reason: reason.to_owned(),
        retry_after: Duration::from_millis(100),
    }
}

impl Pools {
    pub(super) fn new(context: SessionContext, writer: StoreWriter) -> Self {
        let budget = PayloadBudget::new(context.config.store.payload_cache);
        Self {
            context,
            writer,
            budget,
            up: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    pub(super) fn is_pool(&self, who: ActorId) -> bool {
        self.up.contains_key(&who)
    }

    pub(super) async fn open(
        &mut self,
        hub: &ActorRef<HubMessage>,
        name: PoolName,
    ) -> Result<PoolRef, Rejection> {
        if let Some(known) = self.context.directory.get(&name) {
            return known;
        }
        let pools_max = self.context.config.pools.pools_max;
        let known = self.context.directory.len();
        if known >= pools_max {
            return Err(Rejection::OutOfBounds {
                what: "the number of pools".to_owned(),
                value: known as u64 + 1,
                min: 0,
                max: pools_max as u64,
            });
        }
        if self.context.config.pool_settings(&name).is_none() {
            return Err(Rejection::NoSuchPool(name.to_string()));
        }
        self.start(hub, name).await
    }

    pub(super) async fn restart(&mut self, hub: &ActorRef<HubMessage>, name: PoolName) {
        match self.start(hub, name.clone()).await {
            Ok(_) => tracing::info!(pool = %name, "the pool is restored"),
            Err(error) => {
                tracing::error!(pool = %name, %error, "the pool could not be restored");
                self.try_again(hub, name, &error.to_string());
            }
        }
    }

    /// A pool has failed: sessions that use it have been told by then, and come back.
    pub(super) fn ended(&mut self, hub: &ActorRef<HubMessage>, who: ActorId, reason: &str) {
        let Some(Standing { name, since }) = self.up.remove(&who) else {
            return;
        };
        tracing::error!(pool = %name, reason, "the pool failed; it is restored from the store");
        if since.elapsed() >= STOOD_WELL {
            self.failures.remove(&name);
        }
        self.try_again(hub, name, reason);
    }

    /// Waits until nothing of any pool is on its way to the disk.
    pub(super) async fn settle(&self) {
        for pool in self.context.directory.up() {
            let (reply, settled) = oneshot::channel();
            if pool.actor.cast(PoolMessage::Settle(reply)).is_ok() {
                // A pool that fails now has answered nothing that is not on disk.
                _ = timeout(SETTLE_WITHIN, settled).await;
            }
        }
    }

    fn try_again(&mut self, hub: &ActorRef<HubMessage>, name: PoolName, reason: &str) {
        let failures = self.failures.entry(name.clone()).or_default();
        let retry_after = BACK_OFF_BASE
            .saturating_mul(1 << (*failures).min(16))
            .min(BACK_OFF_CAP);
        *failures += 1;
        let id = self.context.directory.id_of(&name);
        let down = Entry::Down {
            id,
            reason: reason.to_owned(),
            retry_after,
        };
        self.context.directory.put(name.clone(), down);
        hub.send_after(retry_after, move || HubMessage::RestartPool(name));
    }

    /// Starts a pool that there is, or may be: `pools.open` only says whether one is made.
    pub(super) async fn start(
        &mut self,
        hub: &ActorRef<HubMessage>,
        name: PoolName,
    ) -> Result<PoolRef, Rejection> {
        let config = &self.context.config;
        let settings = config.pool_settings(&name);
        let (opened, id) = oneshot::channel();
        let arguments = PoolArguments {
            name: name.clone(),
            settings: settings.unwrap_or_else(|| config.pool_defaults.clone()),
            clock: self.context.clock,
            writer: self.writer.clone(),
            gauge: self.context.gauge.clone(),
            budget: self.budget.clone(),
            opened,
        };
        let started = spawn_under(hub.get_cell(), PoolActor, arguments).await;
        let actor = started.map_err(|error| unavailable(&error.to_string()))?;
        let id = id
            .await
            .map_err(|_| unavailable("the pool ended as it began"))?;
        let since = Instant::now();
        self.up.insert(
            actor.get_id(),
            Standing {
                name: name.clone(),
                since,
            },
        );
        let pool = PoolRef {
            name: name.clone(),
            id,
            actor,
        };
        self.context.directory.put(name, Entry::Up(pool.clone()));
        Ok(pool)
    }
}
