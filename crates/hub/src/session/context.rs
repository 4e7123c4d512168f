//! What every session of a hub has in common.

use std::{collections::BTreeMap, sync::Arc};

use leasehold_core::{PoolName, Rejection, SessionId, time::millis};
use leasehold_wire::{HubStatus, PoolStatus, Response, SessionStatus, Status};

use super::{Arrivals, Backups, Leavers, Registry};
use crate::{
    auth::Auth,
    clock::Clock,
    configured::Configured,
    directory::{Directory, PoolRef},
    gauge::Gauge,
    hub_actor::PoolOpener,
    tls::TlsDoor,
};

#[derive(Clone)]
pub(crate) struct SessionContext {
    pub(crate) config: Configured,
    pub(crate) clock: Clock,
    pub(crate) directory: Directory,
    pub(crate) registry: Registry,
    pub(crate) arrivals: Arrivals,
    pub(crate) leavers: Leavers,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) opener: PoolOpener,
    pub(crate) door: TlsDoor,
    pub(crate) backups: Backups,
    pub(crate) auth: Auth,
}

impl SessionContext {
    pub(super) fn known_pool(&self, name: &PoolName) -> Result<PoolRef, Rejection> {
        let unknown = || Rejection::NoSuchPool(name.to_string());
        self.directory.get(name).ok_or_else(unknown)?
    }

    /// The pool, or all that it is made of.
    pub(super) fn whole_pool(&self, name: &PoolName) -> Result<Vec<PoolRef>, Rejection> {
        let pool = self.known_pool(name)?;
        let Some(parts) = &pool.parts else {
            return Ok(vec![pool]);
        };
        let names = parts.names.iter().chain([&parts.front]);
        names.map(|part| self.known_pool(part)).collect()
    }

    /// What is said of a task that no pool knows: a pool that is down might.
    pub(super) fn nowhere(&self) -> Rejection {
        self.directory.down().unwrap_or(Rejection::NoSuchTask)
    }

    /// Of all that the sessions of `holdings` claimed, as far as they are still open.
    pub(super) fn status(
        &self,
        mut pools: Vec<PoolStatus>,
        holdings: &BTreeMap<SessionId, u64>,
    ) -> Response {
        pools.sort_by(|a, b| a.name.cmp(&b.name));
        pools.dedup_by(|part, whole| part.name == whole.name && add_part(whole, part));
        let now = self.clock.now();
        let session = |(id, claimed): (&SessionId, &u64)| {
            let record = self.registry.record(*id)?;
            Some(SessionStatus {
                session: id.0,
                open_for_ms: millis(now.since(record.opened_at)),
                node: record.node.name,
                address: record.address,
                claimed: *claimed,
            })
        };
        Response::Status(Box::new(Status {
            pools,
            sessions: holdings.iter().filter_map(session).collect(),
            sessions_open: self.registry.len() as u64,
            store: self.gauge.status(),
            hub: HubStatus {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                up_for_ms: millis(now.since(self.clock.started_at())),
                draining: self.opener.is_draining(),
            },
        }))
    }
}

/// Partitions of a pool are shown as one. Its epoch is the largest.
fn add_part(whole: &mut PoolStatus, part: &PoolStatus) -> bool {
    whole.ready += part.ready;
    whole.scheduled += part.scheduled;
    whole.claimed += part.claimed;
    whole.completed += part.completed;
    whole.cancelled += part.cancelled;
    whole.dead += part.dead;
    whole.waiting += part.waiting;
    whole.oldest_ready_ms = whole.oldest_ready_ms.max(part.oldest_ready_ms);
    whole.lease_lost += part.lease_lost;
    whole.epoch = whole.epoch.max(part.epoch);
    true
}
