//! How a hub ends: by draining, by stopping, by being dropped.

use std::time::Duration;

use leasehold_core::StateKind;
use leasehold_store::Moment;
use leasehold_wire::{FromNode, RefusalCode, Request, Response};
use tokio::{net::TcpStream, time::Instant};

use super::{
    raw::{Node, Stage, config, hello, within},
    verbs::{LONG, await_end, claim, complete, credit, enqueue, item, new_id, pool},
};

#[tokio::test]
async fn a_drain_answers_what_is_under_way_and_says_bye() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let id = node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    stage.faults.stall_commits(Moment::Before);
    let completed = node.ask(complete(task.proof, None)).await;
    stage.stalled().await;

    let hub = stage.hub.clone();
    let draining = tokio::spawn(async move { hub.drain().await });
    closed(stage.address()).await;
    stage.faults.release();
    assert_eq!(node.answer(completed).await, Response::Done(vec![Ok(())]));
    let (reason, retry_after_ms) = node.dismissed().await;
    assert!(reason.contains("going down"), "{reason}");
    assert!(retry_after_ms > 0);
    within(draining).await.unwrap();
    within(stage.hub.ended()).await;

    let stage = Stage::start_on(config(), stage.disk).await;
    let mut node = stage.node("crane").await;
    assert_eq!(node.state(id).await, StateKind::Completed);
}

/// A list is made bit by bit; the session's end waits for it.
#[tokio::test]
async fn a_drain_answers_a_list_that_takes_long() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let ids = node.enqueue_many("mail", 20_000).await;
    let list = Request::Tasks {
        pool: pool("mail"),
        state: Some(StateKind::Ready),
        after: None,
        tasks_max: 3,
    };
    let list = node.feed(list).await;
    let status = node.feed(Request::Status { pool: None }).await;
    node.flush().await;
    // It is answered ahead of the list, which has begun then.
    node.answer(status).await;
    within(stage.hub.drain()).await;
    let Response::Tasks(page) = node.answer(list).await else {
        panic!("a list was asked for");
    };
    assert!(page.iter().map(|task| task.id).eq(ids[..3].iter().copied()));
    node.dismissed().await;
}

/// The port is closed, from now on.
async fn closed(address: std::net::SocketAddr) {
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

/// Parked claims, awaits, credit, connections in the middle of a handshake and nodes that do not
/// read: none of them holds a drain up.
#[tokio::test]
async fn a_drain_waits_for_nobody_who_waits() {
    let mut config = config();
    config.hub.drain_for = Duration::from_secs(5);
    config.session.handshake_within = Duration::from_secs(60);
    let stage = Stage::start(config).await;
    let mut parked = stage.node("parked").await;
    let id = parked.enqueue("mail", b"x").await;
    let task = parked.claim_one("mail").await;
    parked.ask(claim("mail", 1, LONG)).await;
    parked.ask(await_end("mail", id, LONG)).await;
    parked.request(credit("stones", 3)).await;
    let mut idle = stage.node("idle").await;
    let mut mute = stage.stranger().await;
    // Behind it in the listener, and answered: so the other was accepted, too.
    idle.status().await;

    let since = Instant::now();
    within(stage.hub.drain()).await;
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "{:?}",
        since.elapsed()
    );
    parked.dismissed().await;
    idle.dismissed().await;
    assert_eq!(mute.refused().await.code, RefusalCode::SessionsMax);
    assert_eq!(task.attempt, 1);
}

#[tokio::test]
async fn connections_from_inside_are_turned_away_while_it_drains() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    stage.faults.stall_commits(Moment::Before);
    let enqueued = node.ask(enqueue("mail", vec![item(new_id(), "x")])).await;
    stage.stalled().await;
    let hub = stage.hub.clone();
    let draining = tokio::spawn(async move { hub.drain().await });
    closed(stage.address()).await;
    let line = stage.hub.connect().await.unwrap();
    let mut late = super::raw::Stranger::new(Box::new(line));
    let refusal = late.refused().await;
    assert_eq!(refusal.code, RefusalCode::SessionsMax);
    stage.faults.release();
    node.answer(enqueued).await;
    within(draining).await.unwrap();
    assert!(stage.hub.connect().await.is_err());
}

#[tokio::test]
async fn what_was_acknowledged_before_a_stop_is_there_after_it() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let ids = node.enqueue_many("mail", 100).await;
    node.ask(enqueue("mail", vec![item(new_id(), "under way")]))
        .await;
    within(stage.hub.stop()).await;
    while node.hear().await.is_some() {}
    let stage = Stage::start_on(config(), stage.disk).await;
    let mut node = stage.node("crane").await;
    for id in ids {
        assert_eq!(node.state(id).await, StateKind::Ready);
    }
}

/// Its sessions end by the hub's doing: that is no attempt, be the grace ever so short.
#[tokio::test]
async fn a_stop_that_takes_long_ends_no_lease() {
    let mut config = config();
    config.pool_defaults.cut_grace = Duration::ZERO;
    let stage = Stage::start(config.clone()).await;
    let who = hello("crane");
    let mut node = Node::over_tcp(stage.address(), who.clone()).await;
    let id = node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    let mut other = stage.inside("other").await;
    stage.faults.stall_commits(Moment::Before);
    other
        .ask(enqueue("mail", vec![item(new_id(), "slow")]))
        .await;
    stage.stalled().await;
    let hub = stage.hub.clone();
    let stopping = tokio::spawn(async move { hub.stop().await });
    while node.hear().await.is_some() {}
    while other.hear().await.is_some() {}
    stage.faults.release();
    within(stopping).await.unwrap();

    let stage = Stage::start_on(config, stage.disk).await;
    let mut other = stage.inside("other").await;
    assert_eq!(other.state(id).await, StateKind::Claimed);
    let mut node = Node::over_tcp(stage.address(), who).await;
    assert!(node.resume(&[task.proof]).await[0].is_ok());
    node.complete(&task).await.unwrap();
    let detail = node.task(id).await;
    assert_eq!((detail.summary.attempt, detail.interruptions), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_port_is_free_when_a_hub_has_ended() {
    let mut stage = Stage::start(config()).await;
    let mut config = config();
    config.hub.listen = Some(stage.address());
    for round in 0..20 {
        let mut node = stage.node("crane").await;
        node.status().await;
        if round % 2 == 0 {
            within(stage.hub.stop()).await;
        } else {
            within(stage.hub.drain()).await;
        }
        // Not a moment later.
        stage = Stage::start(config.clone()).await;
    }
}

#[tokio::test]
async fn ending_twice_or_together_is_ending_once() {
    let stage = Stage::start(config()).await;
    let node = stage.node("crane").await;
    let ends = tokio::join!(stage.hub.drain(), stage.hub.drain(), stage.hub.ended());
    assert_eq!(ends, ((), (), ()));
    within(stage.hub.stop()).await;
    within(stage.hub.drain()).await;
    drop(node);
}

/// A second drain does not cut the first one short.
#[tokio::test]
async fn two_drains_wait_for_the_same_end() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    stage.faults.stall_commits(Moment::Before);
    let enqueued = node.ask(enqueue("mail", vec![item(new_id(), "x")])).await;
    stage.stalled().await;
    let (one, other) = (stage.hub.clone(), stage.hub.clone());
    let one = tokio::spawn(async move { one.drain().await });
    closed(stage.address()).await;
    let other = tokio::spawn(async move { other.drain().await });
    // The hub takes both in before it takes this connection in.
    let mut late = super::raw::Stranger::new(Box::new(stage.hub.connect().await.unwrap()));
    late.refused().await;
    stage.faults.release();
    node.answer(enqueued).await;
    node.dismissed().await;
    within(one).await.unwrap();
    within(other).await.unwrap();
}

#[test]
fn a_runtime_that_ends_takes_its_hub_along() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let stage = runtime.block_on(async {
        let stage = Stage::start(config()).await;
        let mut node = stage.node("crane").await;
        node.enqueue("mail", b"x").await;
        node.ask(claim("void", 1, LONG)).await;
        node.say(FromNode::Ping).await;
        stage
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop(stage);
}
