//! `leasehold status`

mod document;

use leasehold_node::{PoolStatus, SessionStatus, Status};

use crate::{
    args::StatusArgs,
    exit::Failure,
    output::{
        self,
        table::{Lean, Table, facts},
        words,
    },
};

/// Shows how things stand.
pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let StatusArgs { pool, reach } = args;
    let status = reach
        .inspector()
        .status(pool)
        .await
        .map_err(|error| Failure::request("get the status", &error))?;
    if reach.json {
        return output::document(&document::Document::new(&status));
    }
    output::write(text(&status).as_bytes())
}

fn text(status: &Status) -> String {
    let pools = if status.pools.is_empty() {
        "no pool has been used yet\n".into()
    } else {
        pools(&status.pools)
    };
    let sessions = if status.sessions.is_empty() {
        "no session is open\n".into()
    } else {
        sessions(&status.sessions, status.sessions_open)
    };
    format!("{pools}\n{sessions}\n{}", facts(&house(status)))
}

fn pools(pools: &[PoolStatus]) -> String {
    let mut table = Table::new(&[
        ("POOL", Lean::Left),
        ("READY", Lean::Right),
        ("SCHEDULED", Lean::Right),
        ("CLAIMED", Lean::Right),
        ("COMPLETED", Lean::Right),
        ("CANCELLED", Lean::Right),
        ("DEAD", Lean::Right),
        ("WAITING", Lean::Right),
        ("LEASES LOST", Lean::Right),
        ("OLDEST READY", Lean::Left),
    ]);
    let row = |pool: &PoolStatus| {
        vec![
            pool.name.to_string(),
            pool.ready.to_string(),
            pool.scheduled.to_string(),
            pool.claimed.to_string(),
            pool.completed.to_string(),
            pool.cancelled.to_string(),
            pool.dead.to_string(),
            pool.waiting.to_string(),
            pool.lease_lost.to_string(),
            words::or_dash(pool.oldest_ready_ms.map(words::span)),
        ]
    };
    table.page(&pools.iter().map(row).collect::<Vec<_>>())
}

fn sessions(sessions: &[SessionStatus], open: u64) -> String {
    let mut table = Table::new(&[
        ("NODE", Lean::Left),
        ("SESSION", Lean::Right),
        ("ADDRESS", Lean::Left),
        ("CLAIMED", Lean::Right),
        ("OPEN FOR", Lean::Left),
    ]);
    let row = |session: &SessionStatus| {
        vec![
            session.node.to_string(),
            session.session.to_string(),
            session.address.clone(),
            session.claimed.to_string(),
            words::span(session.open_for_ms),
        ]
    };
    let mut text = table.page(&sessions.iter().map(row).collect::<Vec<_>>());
    let unlisted = open.saturating_sub(sessions.len() as u64);
    if unlisted > 0 {
        text += &format!("and {} more\n", words::count(unlisted, "session"));
    }
    text
}

fn house(status: &Status) -> [(&'static str, String); 2] {
    let (store, hub) = (&status.store, &status.hub);
    let free = store
        .free_bytes
        .map_or_else(String::new, |free| format!(", {} free", words::size(free)));
    let store = format!(
        "{}: {} on disk, {} live{free}; {} with {}",
        store.engine,
        words::size(store.disk_bytes),
        words::size(store.live_bytes),
        words::count(store.commits, "commit"),
        words::count(store.changes, "change"),
    );
    let draining = if hub.draining { ", draining" } else { "" };
    let up = words::span(hub.up_for_ms);
    [
        ("store", store),
        ("hub", format!("{}, up for {up}{draining}", hub.version)),
    ]
}

#[cfg(test)]
mod tests;
