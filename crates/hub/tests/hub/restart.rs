//! Leases over a hub that goes and comes.

use std::{path::Path, time::Duration};

use leasehold_core::{AttemptEnding, Incarnation, Rejection, StateKind};
use leasehold_hub::{Engine, Hub, HubConfig, open_store};

use super::{
    raw::{Node, Stage, config, hello, within},
    verbs::LONG,
};

fn on_disk(folder: &Path) -> HubConfig {
    let mut config = config();
    config.store.engine = Engine::Sled;
    config.store.data = folder.to_owned();
    config
}

/// A hub in this folder, the moment the one before it has ended.
async fn start_in(folder: &Path) -> Hub {
    let config = on_disk(folder);
    let store = open_store(&config).expect("the folder is free");
    Hub::start(config, store).await.expect("a hub starts")
}

fn address(hub: &Hub) -> std::net::SocketAddr {
    hub.address().expect("the hub listens")
}

#[tokio::test]
async fn a_node_goes_on_with_its_leases_after_a_restart() {
    for is_drained in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let hub = start_in(folder.path()).await;
        let who = hello("crane");
        let mut node = Node::over_tcp(address(&hub), who.clone()).await;
        let id = node.enqueue("mail", &vec![5; 100_000]).await;
        let untouched = node.enqueue("mail", b"untouched").await;
        let task = node.claim_one("mail").await;
        if is_drained {
            within(hub.drain()).await;
        } else {
            within(hub.stop()).await;
        }

        let hub = start_in(folder.path()).await;
        let mut other = Node::over_tcp(address(&hub), hello("other")).await;
        let next = other.claim_one("mail").await;
        assert_eq!(next.proof.task, untouched, "the lease is kept");
        assert!(
            next.proof.lease > task.proof.lease,
            "no lease is issued twice"
        );

        let mut node = Node::over_tcp(address(&hub), who).await;
        assert!(node.resume(&[task.proof]).await[0].is_ok());
        let detail = node.task(id).await;
        assert_eq!(detail.payload.as_deref(), Some(&[5; 100_000][..]));
        node.complete(&task).await.unwrap();
        let detail = node.task(id).await;
        assert_eq!(detail.summary.state, StateKind::Completed);
        assert_eq!((detail.summary.attempt, detail.interruptions), (1, 0));
        assert_eq!(
            (detail.summary.payload_bytes, detail.payload),
            (100_000, None)
        );
        within(hub.stop()).await;
    }
}

#[tokio::test]
async fn another_run_of_the_node_has_nothing_to_resume() {
    let stage = Stage::start(config()).await;
    let who = hello("crane");
    let mut node = Node::over_tcp(stage.address(), who.clone()).await;
    node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    within(stage.hub.stop()).await;

    let stage = Stage::start_on(config(), stage.disk).await;
    let mut reborn = who.clone();
    reborn.incarnation = Incarnation(u64::MAX);
    let mut reborn = Node::over_tcp(stage.address(), reborn).await;
    assert_eq!(
        reborn.resume(&[task.proof]).await,
        [Err(Rejection::LeaseLost)]
    );
    assert_eq!(reborn.complete(&task).await, Err(Rejection::LeaseLost));
    let mut node = Node::over_tcp(stage.address(), who).await;
    assert!(node.resume(&[task.proof]).await[0].is_ok());
}

#[tokio::test]
async fn who_does_not_come_back_loses_its_leases_and_that_is_no_attempt() {
    let mut config = config();
    config.pool_defaults.restart_grace = Duration::from_millis(200);
    let stage = Stage::start(config.clone()).await;
    let who = hello("crane");
    let mut node = Node::over_tcp(stage.address(), who.clone()).await;
    let id = node.enqueue("mail", b"x").await;
    let stale = node.claim_one("mail").await;
    within(stage.hub.drain()).await;

    let stage = Stage::start_on(config, stage.disk).await;
    let mut other = stage.node("other").await;
    let task = other.claim_one("mail").await;
    assert_eq!((task.proof.task, task.attempt), (id, 1));
    assert_eq!(task.payload, "x");
    let detail = other.task(id).await;
    assert_eq!(detail.interruptions, 1);
    assert_eq!(detail.history[0].ending, AttemptEnding::Interrupted);

    let mut node = Node::over_tcp(stage.address(), who).await;
    assert_eq!(
        node.resume(&[stale.proof]).await,
        [Err(Rejection::LeaseLost)]
    );
    assert_eq!(node.complete(&stale).await, Err(Rejection::LeaseLost));
    other.complete(&task).await.unwrap();
}

/// What a node had sent again after a restart is answered as it was the first time.
#[tokio::test]
async fn what_took_effect_before_a_restart_is_answered_the_same_after_it() {
    let stage = Stage::start(config()).await;
    let who = hello("crane");
    let mut node = Node::over_tcp(stage.address(), who.clone()).await;
    let id = node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    node.complete(&task).await.unwrap();
    within(stage.hub.stop()).await;
    let stage = Stage::start_on(config(), stage.disk).await;
    let mut node = Node::over_tcp(stage.address(), who).await;
    node.complete(&task).await.unwrap();
    let again = vec![super::verbs::item(id, "x")];
    let answer = node.enqueue_items("mail", again).await;
    assert_eq!(
        answer[0].as_ref().map(|item| item.known_as),
        Ok(Some(StateKind::Completed))
    );
    assert_eq!(node.ended("mail", id).await.summary.attempt, 1);
    assert!(LONG > Duration::ZERO);
}

#[tokio::test]
async fn a_pool_in_partitions_is_found_again_on_disk() {
    for engine in [Engine::Sled, Engine::Fjall] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = on_disk(folder.path());
        config.store.engine = engine;
        config.pool_defaults.partitions = 4;
        let store = open_store(&config).unwrap();
        let hub = Hub::start(config.clone(), store).await.unwrap();
        let mut node = Node::over_tcp(address(&hub), hello("crane")).await;
        node.enqueue_many("mail", 30).await;
        within(hub.stop()).await;

        let store = open_store(&config).unwrap();
        let hub = Hub::start(config, store).await.unwrap();
        let mut node = Node::over_tcp(address(&hub), hello("crane")).await;
        let mut left = 30;
        while left > 0 {
            left -= node.claim("mail", 30, LONG).await.len();
        }
        let status = node.status().await;
        assert_eq!(status.pools.len(), 1);
        assert_eq!((status.pools[0].claimed, status.pools[0].epoch), (30, 2));
        within(hub.stop()).await;
    }
}
