//! Strangers: bounds on what an address may take, and on those who say nothing.

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use leasehold_wire::{FromHub, RefusalCode};
use support::{
    hub::Hub,
    raw::{Raw, listen},
    within,
};
use tokio::net::{TcpSocket, TcpStream};

/// What the hub says of strangers.
const SAID: &str = "connections are turned away";

impl Hub {
    fn said_of_strangers(&self) -> usize {
        let lines = self.process().lines();
        lines.iter().filter(|line| line.contains(SAID)).count()
    }
}

#[tokio::test]
async fn an_address_that_takes_too_much_is_told_which_bound_and_the_owner_once() {
    let hub = Hub::with("[hub]\nsessions_per_address_max = 3\n").await;
    let mut held = vec![
        Raw::open(hub.address(), "one", 1).await,
        Raw::open(hub.address(), "two", 2).await,
        Raw::open(hub.address(), "three", 3).await,
    ];
    for _ in 0..20 {
        let mut refused = TcpStream::connect(hub.address()).await.unwrap();
        let words = listen(&mut refused).await;
        let [FromHub::Refused(refusal)] = &words[..] else {
            panic!("{words:?}");
        };
        assert_eq!(refusal.code, RefusalCode::SessionsMax);
        let expected = "the hub holds at most 3 connections from one address \
                        (hub.sessions_per_address_max), and as many from 127.0.0.1";
        assert_eq!(refusal.reason, expected);
    }
    let line = hub.process().said(SAID).await;
    assert!(line.contains("hub.sessions_per_address_max"), "{line}");
    // A command of a person says the same, and what to do about it is in it.
    let told = hub.command(&["status", "--timeout", "1s"]).output();
    let told = within("the end of a command", told).await.unwrap();
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(!told.status.success(), "{text}");
    assert!(text.contains("hub.sessions_per_address_max"), "{text}");
    let said = hub.said_of_strangers();
    assert!((1..10).contains(&said), "{said} times");
    held.pop();
    let back = async {
        while !hub
            .command(&["status"])
            .output()
            .await
            .unwrap()
            .status
            .success()
        {}
    };
    within("room for one more", back).await;
}

#[tokio::test]
async fn a_thousand_who_say_nothing_keep_no_node_out() {
    let hub = Hub::with("[hub]\nhandshakes_max = 10\n").await;
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(connect_from(&hub, 2).await);
    }
    let mut node = Raw::open(hub.address(), "node", 1).await;
    let words = listen(&mut silent[0]).await;
    let [FromHub::Refused(refusal)] = &words[..] else {
        panic!("{words:?}");
    };
    let expected = "the hub waits for at most 10 connections to say hello (hub.handshakes_max), \
                    and of those from 127.0.0.2 this one has waited longest";
    assert_eq!(refusal.reason, expected);
    let words = listen(&mut silent[999]).await;
    assert!(
        matches!(&words[..], [FromHub::Refused(_)]),
        "{words:?}: it was one too many when it came"
    );
    let said = hub.said_of_strangers();
    assert!((1..10).contains(&said), "{said} times");
    // There is no such pool, and the hub has the time to say so.
    node.ask(support::raw::status_of(&support::pool())).await;
}

/// From another address of this machine.
async fn connect_from(hub: &Hub, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there is a socket");
    let own = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
    socket.bind(own).expect("it is of this machine");
    socket
        .connect(hub.address())
        .await
        .expect("the hub listens")
}
