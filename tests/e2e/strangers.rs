//! Strangers: bounds on what an address may take, and on those who say nothing.

mod support;

use leasehold_wire::RefusalCode;
use support::{
    hub::Hub,
    raw::{Raw, listen},
    within,
};
use tokio::net::TcpStream;

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
        let [leasehold_wire::FromHub::Refused(refusal)] = &words[..] else {
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
    assert_eq!(hub.said_of_strangers(), 1, "{:?}", hub.process().lines());
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
        silent.push(TcpStream::connect(hub.address()).await.unwrap());
    }
    let mut node = Raw::open(hub.address(), "node", 1).await;
    silent.drain(..500);
    let mut first = silent.remove(0);
    let words = listen(&mut first).await;
    let [leasehold_wire::FromHub::Refused(refusal)] = &words[..] else {
        panic!("{words:?}");
    };
    assert!(refusal.reason.contains("hub.handshakes_max"), "{refusal:?}");
    assert_eq!(hub.said_of_strangers(), 1, "{:?}", hub.process().lines());
    let status = support::raw::status_of(&support::pool());
    // There is no such pool, and the hub has the time to say so.
    node.ask(status).await;
}
