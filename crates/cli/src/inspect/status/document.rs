//! The status as JSON.

use std::collections::BTreeMap;

use leasehold_node::{HubStatus, PoolStatus, SessionStatus, Status, StoreStatus};
use serde::Serialize;

/// `leasehold status --json`
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    pools: Vec<Pool<'a>>,
    nodes: Vec<Node<'a>>,
    sessions: Vec<Session<'a>>,
    sessions_open: u64,
    store: Store<'a>,
    hub: Hub<'a>,
}

impl<'a> Document<'a> {
    /// As the hub told it.
    pub(super) fn new(status: &'a Status) -> Self {
        Self {
            pools: status.pools.iter().map(Pool::new).collect(),
            nodes: nodes(&status.sessions),
            sessions: status.sessions.iter().map(Session::new).collect(),
            sessions_open: status.sessions_open,
            store: Store::new(&status.store),
            hub: Hub::new(&status.hub),
        }
    }
}

#[derive(Debug, Serialize)]
struct Pool<'a> {
    name: &'a str,
    ready: u64,
    scheduled: u64,
    claimed: u64,
    completed: u64,
    cancelled: u64,
    dead: u64,
    waiting: u64,
    oldest_ready_ms: Option<u64>,
    lease_lost: u64,
    epoch: u32,
}

impl<'a> Pool<'a> {
    fn new(pool: &'a PoolStatus) -> Self {
        Self {
            name: pool.name.as_str(),
            ready: pool.ready,
            scheduled: pool.scheduled,
            claimed: pool.claimed,
            completed: pool.completed,
            cancelled: pool.cancelled,
            dead: pool.dead,
            waiting: pool.waiting,
            oldest_ready_ms: pool.oldest_ready_ms,
            lease_lost: pool.lease_lost,
            epoch: pool.epoch,
        }
    }
}

/// All sessions of one name.
#[derive(Debug, Serialize)]
struct Node<'a> {
    name: &'a str,
    sessions: u64,
    claimed: u64,
}

fn nodes(sessions: &[SessionStatus]) -> Vec<Node<'_>> {
    let mut nodes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for session in sessions {
        let (sessions, claimed) = nodes.entry(session.node.as_str()).or_default();
        *sessions += 1;
        *claimed += session.claimed;
    }
    let node = |(name, (sessions, claimed))| Node {
        name,
        sessions,
        claimed,
    };
    nodes.into_iter().map(node).collect()
}

#[derive(Debug, Serialize)]
struct Session<'a> {
    session: u64,
    node: &'a str,
    address: &'a str,
    open_for_ms: u64,
    claimed: u64,
}

impl<'a> Session<'a> {
    fn new(session: &'a SessionStatus) -> Self {
        Self {
            session: session.session,
            node: session.node.as_str(),
            address: &session.address,
            open_for_ms: session.open_for_ms,
            claimed: session.claimed,
        }
    }
}

#[derive(Debug, Serialize)]
struct Store<'a> {
    engine: &'a str,
    disk_bytes: u64,
    live_bytes: u64,
    free_bytes: Option<u64>,
    commits: u64,
    changes: u64,
}

impl<'a> Store<'a> {
    fn new(store: &'a StoreStatus) -> Self {
        Self {
            engine: &store.engine,
            disk_bytes: store.disk_bytes,
            live_bytes: store.live_bytes,
            free_bytes: store.free_bytes,
            commits: store.commits,
            changes: store.changes,
        }
    }
}

#[derive(Debug, Serialize)]
struct Hub<'a> {
    version: &'a str,
    up_for_ms: u64,
    draining: bool,
}

impl<'a> Hub<'a> {
    fn new(hub: &'a HubStatus) -> Self {
        Self {
            version: &hub.version,
            up_for_ms: hub.up_for_ms,
            draining: hub.draining,
        }
    }
}
