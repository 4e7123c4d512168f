//! A connection comes back, whatever ended it, and is never deaf.

use std::time::Duration;

use bytes::BytesMut;
use leasehold_node::{NewTask, Producer, RefusalCode, RequestError};
use leasehold_wire::{FromHub, FromNode};
use tokio::{io::AsyncWriteExt as _, time::Instant};

use crate::fake_hub::{hub, hub_with_pipe, options, pool_name};

#[tokio::test(start_paused = true)]
async fn a_ping_is_sent_within_each_heartbeat_and_not_much_oftener() {
    let (endpoint, mut hub) = hub();
    let _producer = Producer::new(endpoint, options());
    let mut session = hub.accept().await;
    let heartbeat = Duration::from_secs(3);
    for _ in 0..3 {
        let since = Instant::now();
        assert_eq!(session.message().await, Some(FromNode::Ping));
        let pause = since.elapsed();
        assert!(heartbeat * 3 / 4 < pause && pause < heartbeat, "{pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_hub_is_left_and_asked_again() {
    let (endpoint, mut hub) = hub();
    hub.welcome.silence_after_ms = 10_000;
    let producer = Producer::new(endpoint, options());
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let mut first = hub.accept().await;
    let began = Instant::now();
    let (_, tasks) = first.enqueue().await;
    let mut second = hub.accept().await;
    let waited = began.elapsed();
    let ten = Duration::from_secs(10);
    assert!(
        ten <= waited && waited < ten + Duration::from_millis(100),
        "{waited:?}"
    );
    assert_eq!(second.serve_enqueue().await, tasks);
    assert!(answer_due.await.is_ok());
    // Pings alone keep a session.
    for _ in 0..10 {
        tokio::time::advance(Duration::from_secs(5)).await;
        second.send(FromHub::Ping).await;
        assert_eq!(second.message().await, Some(FromNode::Ping));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_does_not_read_is_left() {
    let (endpoint, mut hub) = hub_with_pipe(1024);
    hub.welcome.silence_after_ms = 10_000;
    let producer = Producer::new(endpoint, options());
    let task = NewTask::new(vec![7; 100_000]);
    let id = task.id;
    let answer_due = producer.begin_enqueue(&pool_name("mail"), task).await;
    let mut first = hub.accept().await;
    // It is heard all the time.
    let pings = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(3));
        loop {
            every.tick().await;
            if futures_util::SinkExt::send(&mut first.framed, FromHub::Ping)
                .await
                .is_err()
            {
                return;
            }
        }
    });
    let mut second = hub.accept().await;
    assert_eq!(second.serve_enqueue().await, [id]);
    assert!(answer_due.await.is_ok());
    pings.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_the_hubs_bye_the_node_comes_back_when_told() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let mut first = hub.accept().await;
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let (_, tasks) = first.enqueue().await;
    let began = Instant::now();
    first
        .send(FromHub::Bye {
            reason: "deploy".into(),
            retry_after_ms: 700,
            leases_kept_ms: 10_000,
        })
        .await;
    let mut second = hub.accept().await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(700), "{waited:?}");
    assert!(waited < Duration::from_millis(800), "{waited:?}");
    assert_eq!(second.serve_enqueue().await, tasks);
    assert!(answer_due.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_fails_requests_and_the_next_one_asks_anew() {
    for code in [
        RefusalCode::Version,
        RefusalCode::Malformed,
        RefusalCode::FrameTooLong,
    ] {
        let (endpoint, mut hub) = hub();
        let producer = Producer::new(endpoint, options());
        let answer_due = producer
            .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
            .await;
        hub.refuse(code).await;
        let Err(RequestError::Refused(refusal)) = answer_due.await else {
            panic!("refused");
        };
        assert_eq!(refusal.code, code);
        let answer_due = producer
            .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
            .await;
        hub.accept().await.serve_enqueue().await;
        assert!(answer_due.await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_are_waited_out() {
    for code in [
        RefusalCode::SessionsMax,
        RefusalCode::HandshakeTimeout,
        RefusalCode::Silence,
        RefusalCode::Superseded,
    ] {
        let (endpoint, mut hub) = hub();
        let producer = Producer::new(endpoint, options());
        let answer_due = producer
            .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
            .await;
        for _ in 0..5 {
            hub.refuse(code).await;
        }
        hub.accept().await.serve_enqueue().await;
        assert!(answer_due.await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_hangs_up_at_once_is_not_hammered() {
    let (endpoint, mut hub) = hub();
    let _producer = Producer::new(endpoint, options());
    let began = Instant::now();
    for _ in 0..20 {
        drop(hub.accept().await);
    }
    let waited = began.elapsed();
    assert!(waited > Duration::from_secs(12), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_frame_ends_the_session_and_what_came_before_counts() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let mut first = hub.accept().await;
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    first.serve_enqueue().await;
    assert!(answer_due.await.is_ok());
    let garbage = BytesMut::from(&[0, 0, 0, 1, 99][..]);
    first.framed.get_mut().write_all(&garbage).await.unwrap();
    hub.accept().await;
}
