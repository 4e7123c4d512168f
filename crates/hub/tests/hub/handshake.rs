//! The first frames, right and wrong. Whatever a stranger says ends that connection and no more.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{NodeName, PoolName};
use leasehold_wire::{
    FromHub, FromNode, HANDSHAKE_BYTES_MAX, MAGIC, RefusalCode, Request, VERSION_MAX, VERSION_MIN,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    raw::{Node, Stage, config, connect, hello, within},
    verbs::{enqueue, item, new_id},
};

#[tokio::test]
async fn a_hello_is_answered_with_the_sessions_parameters() {
    let mut config = config();
    config.session.requests_max = 7;
    config.session.silence_after = Duration::from_secs(8);
    let stage = Stage::start(config.clone()).await;
    let mut wish = hello("crane-1");
    wish.heartbeat_ms = 1500;
    let node = Node::over_tcp(stage.address(), wish).await;
    assert_eq!(node.welcome.version, VERSION_MAX);
    assert_eq!(node.welcome.requests_max, 7);
    assert_eq!(node.welcome.silence_after_ms, 8000);
    assert_eq!(node.welcome.heartbeat_ms, 1500);
    assert_eq!(
        node.welcome.frame_bytes_max as usize,
        config.session.frame_bytes_max
    );

    let mut wish = hello("crane-2");
    wish.heartbeat_ms = 3_600_000;
    let other = Node::over_tcp(stage.address(), wish).await;
    assert_eq!(
        other.welcome.heartbeat_ms, 4000,
        "it can be told from silence"
    );
    assert!(other.session() > node.session());
}

#[tokio::test]
async fn a_node_is_told_the_bounds_of_the_roomiest_pool() {
    let mut config = config();
    let mut roomy = config.pool_defaults.clone();
    roomy.result_bytes_max = 4 << 20;
    config.pool.insert("roomy".parse().unwrap(), roomy);
    let stage = Stage::start(config.clone()).await;
    let node = Node::over_tcp(stage.address(), hello("crane-1")).await;
    assert_eq!(node.welcome.result_bytes_max, 4 << 20);
    let defaults = &config.pool_defaults;
    let told = node.welcome.payload_bytes_max as usize;
    assert_eq!(told, defaults.payload_bytes_max);
}

#[tokio::test]
async fn a_request_before_the_hello_is_refused() {
    let stage = Stage::start(config()).await;
    let mut stranger = stage.stranger().await;
    for id in 1..=2 {
        let body = enqueue("mail", vec![item(new_id(), "x")]);
        stranger.say(FromNode::Request { id, body }).await;
    }
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::Malformed);
    assert!(refusal.reason.contains("hello"), "{}", refusal.reason);
    let mut node = stage.node("crane").await;
    assert_eq!(node.status().await.pools, vec![], "nothing was done");
}

#[tokio::test]
async fn what_is_no_handshake_is_told_so() {
    let stage = Stage::start(config()).await;
    let garbage: [(&[u8], &str); 4] = [
        (b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n", "GET "),
        (&[0xff; 64], "xff"),
        (&[0, 0, 0, 2, 9, 9], "no message"),
        (&[0, 0, 0, 0], "no message"),
    ];
    for (bytes, names) in garbage {
        let mut stranger = stage.stranger().await;
        stranger.write(bytes).await;
        let refusal = stranger.refused().await;
        assert_eq!(refusal.code, RefusalCode::Malformed, "{refusal:?}");
        assert!(refusal.reason.contains(names), "{refusal:?}");
    }
    stage.node("crane").await;
}

#[tokio::test]
async fn a_wrong_magic_and_a_wrong_version_are_named() {
    let stage = Stage::start(config()).await;
    let mut wrong = hello("crane");
    wrong.magic = *b"LEASEHOL";
    let mut stranger = stage.stranger().await;
    stranger.say(FromNode::Hello(wrong)).await;
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::Malformed);
    assert!(refusal.reason.contains("LEASEHOL\""), "{refusal:?}");
    assert_eq!(MAGIC, *b"LEASEHLD");

    let mut wrong = hello("crane");
    (wrong.version_min, wrong.version_max) = (VERSION_MAX + 1, VERSION_MAX + 4);
    let mut stranger = stage.stranger().await;
    stranger.say(FromNode::Hello(wrong)).await;
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::Version);
    let theirs = format!("{} to {}", VERSION_MAX + 1, VERSION_MAX + 4);
    let ours = format!("{VERSION_MIN} to {VERSION_MAX}");
    assert!(refusal.reason.contains(&theirs), "{refusal:?}");
    assert!(refusal.reason.contains(&ours), "{refusal:?}");
}

/// Only the prefix is sent: had the hub waited for the frame, or taken room for it, no refusal
/// would come.
#[tokio::test]
async fn a_frame_that_is_too_long_is_refused_by_its_length_alone() {
    let stage = Stage::start(config()).await;
    let mut bystander = stage.node("bystander").await;

    let mut stranger = stage.stranger().await;
    let mut prefix = (HANDSHAKE_BYTES_MAX + 1).to_be_bytes().to_vec();
    prefix.push(0);
    prefix.extend(MAGIC);
    stranger.write(&prefix).await;
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::FrameTooLong, "{refusal:?}");
    assert!(refusal.reason.contains("4096"), "{refusal:?}");

    let mut node = stage.node("crane").await;
    let bytes_max = node.welcome.frame_bytes_max;
    let mut line = {
        node.enqueue("mail", b"before").await;
        node.into_line()
    };
    within(line.write_all(&u32::MAX.to_be_bytes()))
        .await
        .unwrap();
    let mut told = super::raw::Stranger::new(line);
    let refusal = told.refused().await;
    assert_eq!(refusal.code, RefusalCode::FrameTooLong);
    assert!(
        refusal.reason.contains(&bytes_max.to_string()),
        "{refusal:?}"
    );

    assert_eq!(bystander.pool_status("mail").await.ready, 1);
}

#[tokio::test]
async fn a_truncated_frame_ends_the_session_after_what_came_before_it() {
    let stage = Stage::start(config()).await;
    let mut bystander = stage.node("bystander").await;
    let mut node = stage.node("crane").await;
    let id = new_id();
    node.ask(enqueue("mail", vec![item(id, "whole")])).await;
    let mut line = node.into_line();
    within(line.write_all(&[0, 0, 0, 9, 1, 2, 3]))
        .await
        .unwrap();
    within(line.shutdown()).await.unwrap();
    let mut rest = Vec::new();
    within(line.read_to_end(&mut rest)).await.unwrap();
    bystander.until(|status| status.sessions_open == 1).await;
    assert_eq!(
        bystander.task(id).await.payload,
        Some(Bytes::from_static(b"whole"))
    );
}

#[tokio::test]
async fn garbage_in_a_session_ends_it_after_what_came_before_it() {
    let stage = Stage::start(config()).await;
    let mut bystander = stage.node("bystander").await;
    let mut node = stage.node("crane").await;
    let id = new_id();
    node.ask(enqueue("mail", vec![item(id, "whole")])).await;
    let mut line = node.into_line();
    within(line.write_all(&[0, 0, 0, 2, 77, 77])).await.unwrap();
    let mut told = super::raw::Stranger::new(line);
    // The answer may be on its way before the refusal.
    let refusal = loop {
        match told.hear().await {
            Some(FromHub::Refused(refusal)) => break refusal,
            Some(_) => {}
            None => panic!("the hub says why it closes"),
        }
    };
    assert_eq!(refusal.code, RefusalCode::Malformed);
    bystander.until(|status| status.sessions_open == 1).await;
    bystander.task(id).await;
}

#[tokio::test]
async fn a_second_hello_ends_the_session() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    node.say(FromNode::Hello(hello("crane"))).await;
    let refusal = node.refused().await;
    assert_eq!(refusal.code, RefusalCode::Malformed);
    assert!(refusal.reason.contains("hello"), "{refusal:?}");
}

/// Names are part of a message: one that is none makes the frame malformed.
#[tokio::test]
async fn a_pool_or_node_without_a_proper_name_cannot_even_be_said() {
    assert!(NodeName::new("no spaces").is_err());
    assert!(PoolName::new("").is_err());
    let stage = Stage::start(config()).await;
    let mut stranger = stage.stranger().await;
    let mut frame = vec![0, 0, 0, 15, 0];
    frame.extend(MAGIC);
    frame.extend([1, 1, 1, b' ', 7, 0]);
    stranger.write(&frame).await;
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::Malformed);
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let mut config = config();
    config.session.handshake_within = Duration::from_millis(100);
    let stage = Stage::start(config).await;
    let mut stranger = stage.stranger().await;
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::HandshakeTimeout);
    let mut slow = stage.stranger().await;
    slow.write(&[0, 0]).await;
    let refusal = slow.refused().await;
    assert_eq!(refusal.code, RefusalCode::HandshakeTimeout);
}

#[tokio::test]
async fn one_session_too_many_is_turned_away_until_another_ends() {
    let mut config = config();
    config.hub.sessions_max = 2;
    let stage = Stage::start(config).await;
    let mut first = stage.node("crane-1").await;
    let second = stage.node("crane-2").await;
    let mut third = stage.stranger().await;
    let refusal = third.refused().await;
    assert_eq!(refusal.code, RefusalCode::SessionsMax);
    assert!(refusal.reason.contains('2'), "{refusal:?}");
    drop(second);
    first.until(|status| status.sessions_open == 1).await;
    // The session has left; that its actor has, too, is a matter of moments.
    let again = async {
        loop {
            let mut stranger = stage.stranger().await;
            stranger.say(FromNode::Hello(hello("crane-3"))).await;
            if let Some(FromHub::Welcome(_)) = stranger.hear().await {
                return;
            }
        }
    };
    within(again).await;
}

/// A node that went away in the middle of the handshake leaves nothing behind.
#[tokio::test]
async fn who_goes_away_in_the_handshake_leaves_nothing() {
    let mut config = config();
    config.hub.sessions_max = 1;
    let stage = Stage::start(config).await;
    let mut line = connect(stage.address()).await;
    line.write_all(&[0, 0, 0, 30, 0]).await.unwrap();
    drop(line);
    let again = async {
        loop {
            let mut stranger = stage.stranger().await;
            stranger.say(FromNode::Hello(hello("crane"))).await;
            if let Some(FromHub::Welcome(_)) = stranger.hear().await {
                return stranger;
            }
        }
    };
    let mut stranger = within(again).await;
    let body = Request::Status { pool: None };
    stranger.say(FromNode::Request { id: 1, body }).await;
    assert!(matches!(
        stranger.hear().await,
        Some(FromHub::Response { id: 1, .. })
    ));
}
