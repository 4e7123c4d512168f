//! The driver of Leasehold itself: the wire protocol, with nothing between.
//!
//! One task an enqueue. A worker grants as much credit as it has slots; what one read delivers is
//! completed in one request, as a node of `leasehold-node` does whose handlers end together, and
//! behind it goes credit for as many: requests of one session take effect in their order, so no
//! more than its slots are ever held.

mod form;
mod idle;
mod ids;
mod producer;
mod session;
mod worker;

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use leasehold_core::PoolName;
use leasehold_reach::{Door, WayArgs};
use leasehold_wire::Status;

use crate::holder::Holder;
use crate::{
    BenchError, Connection, Doing, HubProcess, ProducerLane, Promise, Target, WorkerLane,
    dialect::{produce_on, work_on},
};
pub(crate) use idle::Idle;
use producer::Enqueuer;
use worker::Claimer;

/// What errors call it.
pub(crate) const NAME: &str = "leasehold";

/// A hub, ours or one that runs already.
#[derive(Debug)]
pub struct Leasehold {
    hub: Hub,
    /// Each phase has a pool of its own: what an earlier one left is not in its way.
    pool: Mutex<PoolName>,
    pools: AtomicU32,
    stays_one_in: AtomicU32,
    /// Whether anything has been done with the hub since it was empty.
    is_used: AtomicBool,
}

#[derive(Debug)]
enum Hub {
    Ours(Box<tokio::sync::Mutex<HubProcess>>),
    Running(Door),
}

impl Leasehold {
    /// Drives a hub that was started for it, and starts it anew, on an empty folder, for each
    /// phase.
    pub fn ours(hub: HubProcess) -> Result<Self, BenchError> {
        Self::new(Hub::Ours(Box::new(tokio::sync::Mutex::new(hub))))
    }

    /// Drives a hub that runs already.
    pub fn running(door: Door) -> Result<Self, BenchError> {
        Self::new(Hub::Running(door))
    }

    fn new(hub: Hub) -> Result<Self, BenchError> {
        Ok(Self {
            hub,
            pool: Mutex::new(pool_name(0)?),
            pools: AtomicU32::new(1),
            stays_one_in: AtomicU32::new(0),
            is_used: AtomicBool::new(false),
        })
    }
}

fn pool_name(number: u32) -> Result<PoolName, BenchError> {
    let name = format!("bench-{}-{number}", std::process::id());
    PoolName::new(&name).map_err(|error| BenchError::failed("name a pool", error))
}

impl Leasehold {
    /// The pool of this phase.
    pub(crate) fn pool(&self) -> PoolName {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.clone()
    }

    /// The hub's process, where it is ours.
    pub(crate) fn process(&self) -> Option<&tokio::sync::Mutex<HubProcess>> {
        match &self.hub {
            Hub::Ours(process) => Some(process),
            Hub::Running(_) => None,
        }
    }

    /// How it is reached, for whoever is about to use it. Nobody asks for anything at a hub of the
    /// bench's own.
    async fn door(&self) -> Door {
        self.is_used.store(true, Relaxed);
        match &self.hub {
            Hub::Ours(process) => Door::open(process.lock().await.address()),
            Hub::Running(door) => door.clone(),
        }
    }

    /// Of the tasks that are enqueued from now on, one in so many stays; with 0 none.
    pub(crate) fn keep_one_in(&self, tasks: u32) {
        self.stays_one_in.store(tasks, Relaxed);
    }

    /// A setting for the next start of a hub of the bench's own.
    pub(crate) async fn set(&self, name: &str, value: &str) {
        if let Some(process) = self.process() {
            self.is_used.store(true, Relaxed);
            process.lock().await.set(name, value);
        }
    }

    /// Takes a setting back.
    pub(crate) async fn unset(&self, name: &str) {
        if let Some(process) = self.process() {
            self.is_used.store(true, Relaxed);
            process.lock().await.unset(name);
        }
    }

    /// The same hub with another pool.
    pub(crate) async fn beside(&self) -> Result<Self, BenchError> {
        let number = self.pools.fetch_add(1, Relaxed);
        Self::with_pool(self.door().await, pool_name(number)?)
    }

    /// A hub that runs already, with a pool that it has.
    pub(crate) fn with_pool(door: Door, pool: PoolName) -> Result<Self, BenchError> {
        let hub = Self::running(door)?;
        *hub.pool.lock().unwrap_or_else(PoisonError::into_inner) = pool;
        Ok(hub)
    }

    /// A process that holds tasks of the pool with so many sessions.
    pub(crate) async fn holder(&self, sessions: u32, way: &WayArgs) -> Result<Holder, BenchError> {
        let way = match &self.hub {
            Hub::Ours(_) => way.clone().plainly().showing(None),
            Hub::Running(_) => way.clone(),
        };
        Holder::start(self.door().await.address(), &way, &self.pool(), sessions)
    }

    /// Opens a session that only waits.
    pub(crate) async fn idle(&self) -> impl Future<Output = Result<Idle, BenchError>> + use<> {
        Idle::open(self.door().await, self.pool())
    }

    /// Claims one task of the pool.
    pub(crate) async fn claim_one(&self) -> Result<(), BenchError> {
        self.idle().await.await?.claim_one().await
    }

    /// How things stand with the hub.
    pub(crate) async fn status(&self) -> Result<Status, BenchError> {
        self.idle().await.await?.status().await
    }

    async fn empty(&self) -> Result<(), BenchError> {
        if !self.is_used.swap(false, Relaxed) {
            return Ok(());
        }
        let number = self.pools.fetch_add(1, Relaxed);
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = pool_name(number)?;
        match &self.hub {
            Hub::Ours(process) => process.lock().await.start_empty().await,
            Hub::Running(_) => Ok(()),
        }
    }
}

impl Target for Leasehold {
    fn name(&self) -> &str {
        NAME
    }

    fn promise(&self) -> Promise {
        Promise {
            syncs: true,
            says: "on disk after fdatasync, of enqueues, grants and completions alike",
        }
    }

    fn purge(&self) -> Doing<'_> {
        Box::pin(self.empty())
    }

    fn produce(&self, lane: ProducerLane) -> Doing<'_, ProducerLane> {
        Box::pin(async {
            let door = self.door().await;
            let connection = Connection::enter(&door).await?;
            let dialect = Enqueuer::new(door, self.pool(), self.stays_one_in.load(Relaxed))?;
            produce_on(connection, dialect, lane).await
        })
    }

    fn work(&self, lane: WorkerLane) -> Doing<'_, WorkerLane> {
        Box::pin(async {
            let door = self.door().await;
            let connection = Connection::enter(&door).await?;
            work_on(connection, Claimer::new(door, self.pool()), lane).await
        })
    }

    fn pids(&self) -> Vec<u32> {
        let process = self.process().and_then(|process| process.try_lock().ok());
        process.map(|process| process.pid()).into_iter().collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        let process = self.process().and_then(|process| process.try_lock().ok());
        process.map(|process| process.data()).into_iter().collect()
    }
}
