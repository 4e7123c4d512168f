//! Strangers: bounds on what an address may take, and on those who say nothing.

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use leasehold_wire::{FromHub, FromNode, RefusalCode, Request};
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

/// Bytes of memory that the process uses.
#[cfg(target_os = "linux")]
fn memory(of: &support::process::Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", of.pid()));
    let status = status.expect("a process that runs has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.expect("a process that runs has memory") << 10
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_who_does_not_read_its_tasks_does_not_fill_the_hub_with_them() {
    const MIB: u64 = 1 << 20;
    const TASKS: u32 = 256;
    let hub = Hub::with("[store]\npayload_cache = \"0B\"\n").await;
    let mut producer = Raw::open(hub.address(), "producer", 1).await;
    for number in 0..TASKS {
        let item = leasehold_wire::EnqueueItem {
            id: leasehold_node::TaskId::from_u128(number.into()),
            priority: 0,
            attempts_max: None,
            delay_ms: 0,
            payload: vec![7; 512 << 10].into(),
        };
        let tasks = vec![item];
        let pool = support::pool();
        producer.ask(Request::Enqueue { pool, tasks }).await;
    }
    let before = memory(hub.process());
    let mut deaf = Raw::open(hub.address(), "deaf", 1).await;
    let body = Request::Credit {
        pool: support::pool(),
        tasks: TASKS,
        lease_ms: None,
    };
    deaf.send(FromNode::Request { id: 1, body }).await;
    let granted = async { while hub.pool().await["claimed"] != TASKS {} };
    within("the grants", granted).await;
    let more = memory(hub.process()).saturating_sub(before);
    assert!(more < 48 * MIB, "{} MiB for 128 MiB", more / MIB);
    let mut came = 0;
    while came < TASKS {
        match within("a delivery", deaf.next()).await {
            Some(FromHub::Deliver { tasks, .. }) => {
                came += u32::try_from(tasks.len()).expect("few")
            }
            Some(_) => {}
            None => panic!("the session ended after {came}"),
        }
    }
}
