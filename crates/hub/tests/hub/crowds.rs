//! Strangers: many connections of one address, and many that say nothing.

use std::net::{Ipv4Addr, SocketAddr};

use leasehold_hub::HubConfig;
use leasehold_wire::{FromHub, FromNode, RefusalCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::raw::{Node, Stage, Stranger, config, hello, within};

/// A connection from another address of this machine.
async fn connect_from(stage: &Stage, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there is a socket");
    let own = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
    socket.bind(own).expect("it is of this machine");
    within(socket.connect(stage.address()))
        .await
        .expect("the hub listens")
}

async fn stranger_from(stage: &Stage, last: u8) -> Stranger {
    Stranger::new(Box::new(connect_from(stage, last).await))
}

async fn node_from(stage: &Stage, last: u8, name: &str) -> Node {
    Node::greet(Box::new(connect_from(stage, last).await), hello(name)).await
}

/// Comes again until there is room, as nodes do: that a session has ended is a matter of moments.
async fn node_in_the_end(stage: &Stage, last: u8, name: &str) -> Node {
    let coming = async {
        loop {
            let mut stranger = stranger_from(stage, last).await;
            stranger.try_say(FromNode::Hello(hello(name))).await;
            if let Some(FromHub::Welcome(welcome)) = stranger.hear().await {
                return stranger.welcomed(welcome);
            }
        }
    };
    within(coming).await
}

/// It is told so, names the bound and the address, and the connection closes.
async fn turned_away(stranger: &mut Stranger, parts: &[&str]) {
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::SessionsMax);
    for part in parts {
        assert!(refusal.reason.contains(part), "{refusal:?}");
    }
}

fn with(change: impl FnOnce(&mut HubConfig)) -> HubConfig {
    let mut config = config();
    change(&mut config);
    config
}

#[tokio::test]
async fn one_connection_too_many_of_an_address_is_turned_away_until_another_ends() {
    let config = with(|config| config.hub.sessions_per_address_max = Some(2));
    let stage = Stage::start(config).await;
    let (mut one, two) = (
        node_from(&stage, 2, "one").await,
        node_from(&stage, 2, "two").await,
    );
    let names = [
        "at most 2",
        "hub.sessions_per_address_max",
        "from 127.0.0.2",
    ];
    turned_away(&mut stranger_from(&stage, 2).await, &names).await;
    // Also one that says hello at once, as nodes do: the answer is not lost over its unread words.
    let mut third = stranger_from(&stage, 2).await;
    third.try_say(FromNode::Hello(hello("three"))).await;
    turned_away(&mut third, &names).await;
    let mut neighbour = node_from(&stage, 3, "neighbour").await;
    neighbour.until(|status| status.sessions_open == 3).await;
    let _inside = [stage.inside("a").await, stage.inside("b").await];
    drop(two);
    let _third = node_in_the_end(&stage, 2, "three").await;
    one.until(|status| status.sessions_open == 5).await;
}

/// A socket that is closed over unread words is reset, and its last word may be lost with it.
#[tokio::test]
async fn who_is_turned_away_is_heard_out() {
    let config = with(|config| config.hub.sessions_per_address_max = Some(1));
    let stage = Stage::start(config).await;
    let _one = node_from(&stage, 2, "one").await;
    let mut line = connect_from(&stage, 2).await;
    let mut words = Vec::new();
    line.write_all(b"some words").await.expect("it is sent");
    within(line.read_to_end(&mut words))
        .await
        .expect("no reset");
    assert!(!words.is_empty());
    line.write_all(b"and some more").await.expect("it is heard");
    let after = within(line.read(&mut [0])).await;
    assert_eq!(after.expect("no reset"), 0);
}

#[tokio::test]
async fn the_bound_of_an_address_can_be_changed_while_the_hub_runs() {
    let stage = Stage::start(config()).await;
    let _one = node_from(&stage, 2, "one").await;
    let tight = with(|config| config.hub.sessions_per_address_max = Some(1));
    let changed = stage.hub.reload(tight).await.unwrap();
    assert_eq!(
        changed,
        ["hub.sessions_per_address_max: \"none\" -> 1".to_owned()]
    );
    turned_away(&mut stranger_from(&stage, 2).await, &["at most 1"]).await;
}

#[tokio::test]
async fn strangers_who_say_nothing_keep_no_node_out() {
    let config = with(|config| config.hub.handshakes_max = 5);
    let stage = Stage::start(config).await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(stranger_from(&stage, 2).await);
    }
    let mut waiting = stranger_from(&stage, 3).await;
    let names = ["at most 5", "hub.handshakes_max", "from 127.0.0.2"];
    turned_away(&mut silent.remove(0), &names).await;
    // Who is in makes way for nobody, however many come.
    let mut node = node_from(&stage, 4, "node").await;
    turned_away(&mut silent.remove(0), &names).await;
    for _ in 0..20 {
        silent.push(stranger_from(&stage, 2).await);
        node.until(|status| status.sessions_open == 1).await;
    }
    // Of those that crowd in only their own neighbours make way.
    waiting.say(FromNode::Hello(hello("late"))).await;
    assert!(matches!(waiting.hear().await, Some(FromHub::Welcome(_))));
    for last in 5..20 {
        let name = format!("node-{last}");
        let mut other = node_from(&stage, last, &name).await;
        other.until(|status| status.sessions_open >= 2).await;
    }
}

#[tokio::test]
async fn where_the_hub_is_full_the_silent_make_way_for_a_node() {
    let config = with(|config| config.hub.sessions_max = 3);
    let stage = Stage::start(config).await;
    let mut node = node_from(&stage, 2, "one").await;
    let mut silent = [
        stranger_from(&stage, 3).await,
        stranger_from(&stage, 3).await,
    ];
    let _second = node_from(&stage, 4, "two").await;
    let names = ["at most 3", "hub.sessions_max", "from 127.0.0.3"];
    turned_away(&mut silent[0], &names).await;
    let _third = node_from(&stage, 4, "three").await;
    turned_away(&mut silent[1], &names).await;
    turned_away(&mut stranger_from(&stage, 5).await, &["hub.sessions_max"]).await;
    node.until(|status| status.sessions_open == 3).await;
}

#[tokio::test]
async fn a_silent_one_that_goes_makes_room_by_itself() {
    let config = with(|config| config.hub.sessions_per_address_max = Some(1));
    let stage = Stage::start(config).await;
    drop(stranger_from(&stage, 2).await);
    let _node = node_in_the_end(&stage, 2, "one").await;
}
