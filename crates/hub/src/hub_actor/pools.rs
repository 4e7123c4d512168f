//! Starting pools, and starting them again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use leasehold_core::{PoolId, PoolName, PoolSettings, Rejection};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use super::HubMessage;
use crate::{
    actor::{ActorId, ActorRef, spawn_under, why},
    config::{ConfigError, HubConfig},
    directory::{Entry, PoolRef},
    front_actor::{FrontActor, FrontArguments},
    parts::{Parts, Place, misplaced, share_of, whole_of},
    payloads::PayloadBudget,
    pool_actor::{Door, PoolActor, PoolArguments, PoolMessage},
    session::SessionContext,
    store_writer::StoreWriter,
    tls::TlsDoor,
};

/// The first wait before a pool that failed is restored.
const BACK_OFF_BASE: Duration = Duration::from_millis(20);

/// The longest.
const BACK_OFF_CAP: Duration = Duration::from_secs(5);

/// A pool that stood for so long before it failed begins with the first wait again.
const STOOD_WELL: Duration = Duration::from_secs(30);

/// How long a pool may take to say whether its policy fits another configuration.
const FITS_WITHIN: Duration = Duration::from_secs(5);

/// How long a pool may take to have everything on disk when the hub ends.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Pools {
    context: SessionContext,
    writer: StoreWriter,
    budget: PayloadBudget,
    up: BTreeMap<ActorId, Standing>,
    /// How often in a row each pool failed.
    failures: BTreeMap<PoolName, u32>,
    /// Pools in partitions, by the name that their owner gave them.
    parted: BTreeMap<PoolName, Arc<Parts>>,
    /// Fronts that were numbered.
    fronts: u32,
    /// A pool is being started because somebody uses it.
    is_used: bool,
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

/// What goes into the next refusal, which says the rest itself.
fn reason_of(rejection: Rejection) -> String {
    if let Rejection::Unavailable { reason, .. } = rejection {
        return reason;
    }
    rejection.to_string()
}

impl Pools {
    pub(super) fn new(context: SessionContext, writer: StoreWriter) -> Self {
        let budget = PayloadBudget::new(context.config.now().store.payload_cache);
        Self {
            context,
            writer,
            budget,
            up: BTreeMap::new(),
            failures: BTreeMap::new(),
            parted: BTreeMap::new(),
            fronts: 0,
            is_used: false,
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
        if self.context.config.now().pool_settings(&name).is_none() {
            return Err(Rejection::NoSuchPool(name.to_string()));
        }
        self.make(hub, name).await
    }

    /// Makes a pool by its owner's word, also where pools are not made by their first use.
    pub(super) async fn create(
        &mut self,
        hub: &ActorRef<HubMessage>,
        name: PoolName,
    ) -> Result<PoolRef, Rejection> {
        if self.context.directory.get(&name).is_some() {
            let why = format!("there is a pool {name} already");
            return Err(Rejection::Invalid(why));
        }
        self.make(hub, name).await
    }

    async fn make(
        &mut self,
        hub: &ActorRef<HubMessage>,
        name: PoolName,
    ) -> Result<PoolRef, Rejection> {
        let pools_max = self.context.config.now().pools.pools_max;
        let known = self.context.directory.len();
        let more = self.settings(&name).partitions as usize;
        if known + more > pools_max {
            return Err(Rejection::OutOfBounds {
                what: "the number of pools".to_owned(),
                value: (known + more) as u64,
                min: 0,
                max: pools_max as u64,
            });
        }
        self.is_used = true;
        let made = self.start(hub, name).await;
        self.is_used = false;
        made
    }

    /// Nothing is left of it: from here on there is none of this name.
    pub(super) fn over(&mut self, name: &PoolName) {
        if let Some(Ok(pool)) = self.context.directory.get(name) {
            self.up.remove(&pool.actor.get_id());
            self.context.directory.remove(name);
            // Sessions that still use it come back, to a new one if there may be one.
            pool.actor.stop(None);
            tracing::info!(pool = %name, "the pool is deleted");
        }
    }

    /// As a whole or not at all.
    pub(super) async fn reload(&self, config: HubConfig) -> Result<Vec<String>, ConfigError> {
        config.check()?;
        let mut lines = self.context.config.now().changes_to(&config)?;
        let section = config.tls.clone();
        let credentials = tokio::task::spawn_blocking(move || TlsDoor::read(&section)).await;
        let credentials = credentials
            .unwrap_or_else(|error| Err(ConfigError::of_files(vec![error.to_string()])))?;
        let config = Arc::new(config);
        for pool in self.context.directory.up() {
            let (reply, fits) = oneshot::channel();
            let asked = pool.actor.cast(PoolMessage::Fits(config.clone(), reply));
            // A pool that fails meanwhile is restored under whatever holds then.
            if asked.is_ok() {
                match timeout(FITS_WITHIN, fits).await {
                    Ok(Ok(fits)) => fits?,
                    Ok(Err(_)) => {}
                    Err(_) => return Err(ConfigError::busy(&pool.name)),
                }
            }
        }
        self.context.config.replace(HubConfig::clone(&config));
        let now = self.context.clock.now();
        lines.extend(self.context.door.replace(credentials, now));
        for pool in self.context.directory.up() {
            // As above.
            _ = pool.actor.cast(PoolMessage::Rebase);
        }
        Ok(lines)
    }

    pub(super) async fn restart(&mut self, hub: &ActorRef<HubMessage>, name: PoolName) {
        match self.start(hub, name.clone()).await {
            Ok(_) => tracing::info!(pool = %name, "the pool is restored"),
            Err(error) => {
                tracing::error!(pool = %name, %error, "the pool could not be restored");
                self.try_again(hub, name, &reason_of(error));
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

    /// Starts every pool that the store knows. Partitions that there are no more must be empty.
    pub(super) async fn start_all(&mut self, hub: &ActorRef<HubMessage>) -> Result<(), String> {
        for name in self.writer.pools().await? {
            let whole = whole_of(&name);
            let partitions = self.settings(&whole).partitions;
            if name.parts().is_some_and(|(_, index)| index >= partitions)
                && self.writer.open(name).await?.tasks.len() > 0
            {
                return Err(misplaced(&whole, partitions as usize));
            }
            if self.context.directory.get(&whole).is_none() {
                let started = self.start(hub, whole).await;
                started.map_err(reason_of)?;
            }
        }
        Ok(())
    }

    fn settings(&self, pool: &PoolName) -> PoolSettings {
        let config = self.context.config.now();
        config.settings_of(pool).clone()
    }

    /// Starts a pool that there is, or may be: `pools.open` only says whether one is made. Also a
    /// single partition or front of one, under its own name.
    pub(super) async fn start(
        &mut self,
        hub: &ActorRef<HubMessage>,
        name: PoolName,
    ) -> Result<PoolRef, Rejection> {
        let whole = whole_of(&name);
        let settings = self.settings(&whole);
        if settings.partitions <= 1 {
            return self.start_pool(hub, name, settings, None).await;
        }
        let parted = self.parted.entry(whole);
        let parts = parted
            .or_insert_with_key(|whole| Arc::new(Parts::new(whole, settings.partitions)))
            .clone();
        if name == parts.front {
            return self.start_front(hub, &parts, settings).await;
        }
        if name == parts.names[0] && self.context.directory.get(&parts.front).is_none() {
            self.start_front(hub, &parts, settings.clone()).await?;
        }
        let settings = share_of(settings);
        // The first comes last: with it the pool is known.
        for (index, part) in parts.names.iter().enumerate().rev() {
            let is_new = name == parts.names[0] && self.context.directory.get(part).is_none();
            if *part == name || is_new {
                let place = Place {
                    parts: parts.clone(),
                    index,
                };
                let settings = settings.clone();
                let started = self.start_pool(hub, part.clone(), settings, Some(place));
                let started = started.await?;
                if *part == name {
                    return Ok(started);
                }
            }
        }
        Err(Rejection::NoSuchPool(name.to_string()))
    }

    async fn start_front(
        &mut self,
        hub: &ActorRef<HubMessage>,
        parts: &Arc<Parts>,
        settings: PoolSettings,
    ) -> Result<PoolRef, Rejection> {
        // From the end of the numbers, of which a store gives the first. A front keeps its own.
        let id = self.context.directory.id_of(&parts.front);
        let id = id.unwrap_or_else(|| {
            self.fronts += 1;
            PoolId(u32::MAX - self.fronts)
        });
        let arguments = FrontArguments {
            id,
            parts: parts.clone(),
            settings,
            config: self.context.config.clone(),
            clock: self.context.clock,
            directory: self.context.directory.clone(),
        };
        let started = spawn_under(hub.get_cell(), FrontActor, arguments).await;
        let actor = started.map_err(|error| unavailable(&why(&error)))?;
        Ok(self.stands(parts.front.clone(), id, (actor, Door::default()), None))
    }

    async fn start_pool(
        &mut self,
        hub: &ActorRef<HubMessage>,
        name: PoolName,
        settings: PoolSettings,
        place: Option<Place>,
    ) -> Result<PoolRef, Rejection> {
        let first = place.as_ref().filter(|place| place.index == 0);
        let parts = first.map(|place| place.parts.clone());
        let (opened, id) = oneshot::channel();
        let door = Door::default();
        let arguments = PoolArguments {
            name: name.clone(),
            settings,
            place,
            clock: self.context.clock,
            writer: self.writer.clone(),
            gauge: self.context.gauge.clone(),
            budget: self.budget.clone(),
            door: door.clone(),
            opened,
            config: self.context.config.clone(),
            opener: self.context.opener.clone(),
            is_used: self.is_used,
        };
        let started = spawn_under(hub.get_cell(), PoolActor, arguments).await;
        let actor = started.map_err(|error| unavailable(&why(&error)))?;
        let id = id
            .await
            .map_err(|_| unavailable("the pool ended as it began"))?;
        Ok(self.stands(name, id, (actor, door), parts))
    }

    /// It is up, for everybody.
    fn stands(
        &mut self,
        name: PoolName,
        id: PoolId,
        (actor, door): (ActorRef<PoolMessage>, Door),
        parts: Option<Arc<Parts>>,
    ) -> PoolRef {
        let standing = Standing {
            name: name.clone(),
            since: Instant::now(),
        };
        self.up.insert(actor.get_id(), standing);
        let pool = PoolRef {
            name: name.clone(),
            id,
            actor,
            door,
            parts,
        };
        self.context.directory.put(name, Entry::Up(pool.clone()));
        pool
    }
}
