//! How much a session may say in a second. Time stands still but where everybody waits for it, so
//! what is said when is certain.

use std::time::Duration;

use leasehold_core::Rejection;
use leasehold_hub::HubConfig;
use leasehold_wire::{Request, Response};
use tokio::time::{Instant, pause};

use super::{
    raw::{Node, Stage, config, hello},
    verbs::{enqueue, item, new_id},
};

const STATUS: Request = Request::Status { pool: None };

/// What a timer may add.
const TICK: Duration = Duration::from_millis(2);

/// A hub without pools: all is answered by the session itself, and no disk is waited for.
fn with(change: impl FnOnce(&mut HubConfig)) -> HubConfig {
    let mut config = config();
    config.pools.open = false;
    change(&mut config);
    config
}

/// A request that brings so many bytes, and is refused.
fn long(bytes: usize) -> Request {
    enqueue("nowhere", vec![item(new_id(), "x".repeat(bytes))])
}

/// How long it is until this is answered.
async fn answered_after(node: &mut Node, request: u64) -> Duration {
    let began = Instant::now();
    node.answer(request).await;
    began.elapsed()
}

fn assert_about(is: Duration, expected: Duration) {
    assert!(
        is >= expected && is <= expected + TICK,
        "{is:?}, not {expected:?}"
    );
}

#[tokio::test]
async fn past_its_rate_a_session_waits_while_others_are_served() {
    let config = with(|config| config.session.requests_per_second = Some(4));
    let stage = Stage::start(config).await;
    // Before the session opens, which saves up from then on.
    pause();
    let (mut node, mut other) = (stage.inside("node").await, stage.inside("other").await);
    let mut asked = Vec::new();
    for _ in 0..13 {
        asked.push(node.feed(STATUS).await);
    }
    node.flush().await;
    let id = other.ask(STATUS).await;
    assert_about(answered_after(&mut node, asked[0]).await, Duration::ZERO);
    assert_about(answered_after(&mut other, id).await, Duration::ZERO);
    assert_about(
        answered_after(&mut node, asked[1]).await,
        Duration::from_millis(250),
    );
    let id = other.ask(STATUS).await;
    assert_about(answered_after(&mut other, id).await, Duration::ZERO);
    // Nothing is refused, all is answered, in time.
    let began = Instant::now();
    for id in &asked[2..] {
        assert!(matches!(node.answer(*id).await, Response::Status(_)));
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(11 * 250) - TICK, "{took:?}");
    assert!(took <= Duration::from_millis(11 * 250) + TICK, "{took:?}");
}

#[tokio::test]
async fn bytes_are_paid_for_before_more_is_read() {
    const MIB: usize = 1 << 20;
    let config = with(|config| config.session.bytes_per_second = Some(MIB as u64));
    let stage = Stage::start(config).await;
    // Before the session opens, which saves up from then on.
    pause();
    let (mut node, mut other) = (stage.inside("node").await, stage.inside("other").await);
    let id = node.ask(long(3 * MIB)).await;
    let answer = node.answer(id).await;
    let refused = Response::Refused(Rejection::NoSuchPool("nowhere".to_owned()));
    assert_eq!(answer, refused, "a frame is read whole");
    let next = node.ask(STATUS).await;
    let others = other.ask(STATUS).await;
    assert_about(answered_after(&mut other, others).await, Duration::ZERO);
    let waited = answered_after(&mut node, next).await;
    assert!(waited >= Duration::from_secs(3) - TICK, "{waited:?}");
    assert!(waited <= Duration::from_millis(3010), "{waited:?}");
}

/// Whom the hub does not hear it cannot hold silence against.
#[tokio::test]
async fn who_has_to_wait_is_not_taken_for_silent() {
    let config = with(|config| {
        config.session.bytes_per_second = Some(16 << 10);
        config.session.heartbeat = Duration::from_millis(500);
        config.session.silence_after = Duration::from_secs(3);
    });
    let stage = Stage::start(config).await;
    pause();
    let mut node = stage.inside("node").await;
    let id = node.ask(long(100 << 10)).await;
    node.answer(id).await;
    let id = node.ask(STATUS).await;
    let waited = answered_after(&mut node, id).await;
    assert!(waited > Duration::from_secs(6), "{waited:?}");
}

/// A session of this address, by a stream of another kind: time can stand still for it.
async fn node_of(stage: &Stage, address: &str, name: &str) -> Node {
    let (line, far) = tokio::io::duplex(64 << 10);
    let from = format!("{address}:7");
    stage.hub.adopt(far, from).expect("the hub is there");
    Node::greet(Box::new(line), hello(name)).await
}

#[tokio::test]
async fn sessions_of_one_address_share_its_rate_and_others_do_not() {
    let config = with(|config| config.hub.address_requests_per_second = Some(4));
    let stage = Stage::start(config).await;
    pause();
    let mut one = node_of(&stage, "10.0.0.1", "one").await;
    let mut two = node_of(&stage, "10.0.0.1", "two").await;
    let mut other = node_of(&stage, "10.0.0.2", "other").await;
    let mut inside = stage.inside("inside").await;
    let id = one.ask(STATUS).await;
    assert_about(answered_after(&mut one, id).await, Duration::ZERO);
    // It listens already; that is paid for as well.
    let id = two.ask(STATUS).await;
    assert_about(answered_after(&mut two, id).await, Duration::ZERO);
    let id = two.ask(STATUS).await;
    assert_about(
        answered_after(&mut two, id).await,
        Duration::from_millis(500),
    );
    let id = other.ask(STATUS).await;
    assert_about(answered_after(&mut other, id).await, Duration::ZERO);
    for _ in 0..9 {
        let id = inside.ask(STATUS).await;
        assert_about(answered_after(&mut inside, id).await, Duration::ZERO);
    }
    // Coming again gains nothing while another of the address is there.
    let began = Instant::now();
    drop(two);
    let mut again = node_of(&stage, "10.0.0.1", "again").await;
    again.request(STATUS).await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(250), "{waited:?}");
}

#[tokio::test]
async fn a_rate_that_its_owner_lifts_is_lifted_for_open_sessions() {
    let config = with(|config| config.session.requests_per_second = Some(1));
    let stage = Stage::start(config.clone()).await;
    let mut node = stage.inside("node").await;
    let mut free = config;
    free.session.requests_per_second = None;
    stage.hub.reload(free).await.expect("it can be changed");
    pause();
    let mut asked = Vec::new();
    for _ in 0..50 {
        asked.push(node.feed(STATUS).await);
    }
    node.flush().await;
    let began = Instant::now();
    for id in asked {
        node.answer(id).await;
    }
    assert_about(began.elapsed(), Duration::ZERO);
}

/// One that is shut reads nothing, so nothing that it reads can tell it.
#[tokio::test]
async fn a_rate_that_is_lifted_is_lifted_for_who_has_to_wait_for_long() {
    let stage = Stage::start(with(|config| {
        config.session.bytes_per_second = Some(1 << 10)
    }))
    .await;
    pause();
    let mut node = stage.inside("node").await;
    let id = node.ask(long(100 << 10)).await;
    node.answer(id).await;
    let reloaded = stage.hub.reload(with(|_| ())).await;
    reloaded.expect("it can be changed");
    let id = node.ask(STATUS).await;
    // It looks at it when it says that it is there, at the latest.
    let waited = answered_after(&mut node, id).await;
    assert!(waited <= Duration::from_secs(5), "{waited:?}");
}
