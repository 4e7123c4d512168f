//! What the hub says of itself.

use std::time::Duration;

use leasehold_core::StateKind;
use leasehold_wire::{PoolStatus, Request};

use super::{
    raw::{Stage, config},
    verbs::{LONG, claim, credit, fail, item, new_id},
};

#[tokio::test]
async fn pools_are_counted_by_state() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let mut other = stage.inside("other").await;
    let ids = node.enqueue_many("mail", 5).await;
    let mut later = item(new_id(), "later");
    later.delay_ms = 3_600_000;
    let mut fragile = item(new_id(), "fragile");
    fragile.attempts_max = Some(1);
    node.enqueue_items("mail", vec![later, fragile]).await;
    let held = node.claim("mail", 6, LONG).await;
    assert_eq!(held.len(), 6);
    node.complete(&held[0]).await.unwrap();
    node.done(Request::Cancel {
        tasks: vec![ids[1]],
    })
    .await
    .unwrap();
    node.done(fail(held[5].proof, "broken")).await.unwrap();
    node.done(super::verbs::release(held[2].proof))
        .await
        .unwrap();
    other.ask(claim("empty", 1, LONG)).await;
    other.request(credit("empty", 4)).await;

    let status = node.status().await;
    let names: Vec<_> = status.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(names, ["empty", "mail"]);
    let PoolStatus {
        ready,
        scheduled,
        claimed,
        completed,
        cancelled,
        dead,
        ..
    } = status.pools[1];
    assert_eq!((ready, scheduled, claimed), (1, 1, 2));
    assert_eq!((completed, cancelled, dead), (1, 1, 1));
    assert_eq!(status.pools[0].waiting, 2);
    assert!(status.pools[1].oldest_ready_ms.is_some());
    assert_eq!(status.pools[0].oldest_ready_ms, None);

    let sessions: Vec<_> = status
        .sessions
        .iter()
        .map(|open| (open.session, open.node.as_str(), open.claimed))
        .collect();
    let expected = [(node.session(), "crane", 2), (other.session(), "other", 0)];
    assert_eq!(sessions, expected);
    assert_eq!(status.sessions_open, 2);
    assert!(status.sessions[0].address.starts_with("127.0.0.1:"));
    assert_eq!(status.sessions[1].address, "in-process");
    assert!(!status.hub.draining);
    assert_eq!(status.hub.version, env!("CARGO_PKG_VERSION"));

    let one = node.pool_status("mail").await;
    assert_eq!(one.claimed, 2);
}

#[tokio::test]
async fn the_stores_figures_are_those_of_the_store() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let before = node.status().await.store;
    assert_eq!(before.engine, "memory");
    for _ in 0..3 {
        node.enqueue("mail", &[0; 1000]).await;
    }
    let after = node
        .until(|status| status.store.live_bytes >= 3000)
        .await
        .store;
    assert_eq!(after.commits, before.commits + 3);
    assert_eq!(after.changes, before.changes + 3);
    assert_eq!(stage.faults.commits(), after.commits);
    stage.faults.set_free_bytes(Some(1 << 40));
    let status = node.until(|status| status.store.free_bytes.is_some()).await;
    assert_eq!(status.store.free_bytes, Some(1 << 40));
}

#[tokio::test]
async fn tasks_are_listed_by_pages() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let ids = node.enqueue_many("mail", 25).await;
    node.claim("mail", 5, Duration::ZERO).await;
    let mut seen = Vec::new();
    loop {
        let request = Request::Tasks {
            pool: super::verbs::pool("mail"),
            state: Some(StateKind::Ready),
            after: seen.last().copied(),
            tasks_max: 7,
        };
        let leasehold_wire::Response::Tasks(page) = node.request(request).await else {
            panic!("a list was asked for");
        };
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 7);
        seen.extend(page.iter().map(|task| task.id));
    }
    assert_eq!(seen, ids[5..]);
}
