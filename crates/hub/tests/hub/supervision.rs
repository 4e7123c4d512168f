//! The actors around the pools fail, too, and are started again.

use leasehold_hub::Fault;
use leasehold_wire::{FromHub, FromNode};
use tokio::net::TcpStream;

use super::{
    raw::{Node, Stage, Stranger, config, hello, within},
    verbs::LONG,
};

/// A session over TCP, as soon as one can be had.
async fn come_in(stage: &Stage, name: &str) -> Node {
    let coming = async {
        loop {
            let line = TcpStream::connect(stage.address()).await;
            let mut stranger = Stranger::new(Box::new(line.expect("the port stays open")));
            if stranger.try_say(FromNode::Hello(hello(name))).await
                && let Some(FromHub::Welcome(welcome)) = stranger.hear().await
            {
                return stranger.welcomed(welcome);
            }
        }
    };
    within(coming).await
}

#[tokio::test]
async fn a_listener_that_was_killed_listens_again_and_no_session_notices() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    for round in 0..10 {
        stage.hub.provoke(Fault::ListenerKilled);
        come_in(&stage, &format!("new-{round}"))
            .await
            .status()
            .await;
    }
    node.enqueue("mail", b"x").await;
    within(stage.hub.drain()).await;
    node.dismissed().await;
}

#[tokio::test]
async fn sessions_end_with_their_supervisor_and_come_back_to_the_next() {
    let stage = Stage::start(config()).await;
    let who = hello("crane");
    let mut node = Node::over_tcp(stage.address(), who.clone()).await;
    let mut last = node.session();
    node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    for round in 0..5 {
        stage.hub.provoke(Fault::SupervisorKilled);
        assert_eq!(node.hear().await, None, "it ends without a word");
        come_in(&stage, &format!("new-{round}"))
            .await
            .status()
            .await;
        // Hubs in the same process find the new one, too.
        node = stage.inside_as(who.clone()).await;
        assert!(node.session() > last, "no number is used twice");
        last = node.session();
        assert!(
            node.resume(&[task.proof]).await[0].is_ok(),
            "a cut, and soon mended"
        );
    }
    node.complete(&task).await.unwrap();
    assert_eq!(node.ended("mail", task.proof.task).await.summary.attempt, 1);
    assert_eq!(node.claim("mail", 1, LONG / 1000).await, []);
    within(stage.hub.stop()).await;
    assert!(TcpStream::connect(stage.address()).await.is_err());
}
