//! Connections that break again and again lose nothing, and do nothing twice.

use std::{collections::HashSet, time::Duration};

use leasehold_node::{
    Endpoint, NewTask, NodeOptions, Outcome, Producer, RefusalCode, RequestError, Task, Worker,
};
use leasehold_wire::{FromHub, FromNode, HubCodec, Refusal, Request, Response};
use tokio::net::TcpListener;
use tokio_util::codec::Framed;

use crate::fake_hub::{FakeHub, LEASE_MS, Session, hub, options, pool_name};

use futures_util::{SinkExt as _, StreamExt as _};

/// Answers seven enqueues of each session, reads an eighth, and hangs up.
async fn flap(mut hub: FakeHub, expected: usize) -> HashSet<leasehold_node::TaskId> {
    let mut known = HashSet::new();
    loop {
        let mut session = hub.accept().await;
        for _ in 0..7 {
            known.extend(session.serve_enqueue().await);
            if known.len() == expected {
                // Stays until the producer has read the last answer.
                session.expect_bye().await;
                return known;
            }
        }
        session.enqueue().await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_enqueue_is_answered_in_the_end() {
    let (endpoint, hub) = hub();
    let hub = tokio::spawn(flap(hub, 200));
    let producer = Producer::new(endpoint, options());
    let mut answers = Vec::new();
    for _ in 0..200 {
        let task = NewTask::new("lift");
        answers.push((
            task.id,
            producer.begin_enqueue(&pool_name("mail"), task).await,
        ));
    }
    let mut ids = HashSet::new();
    for (id, answer) in answers {
        assert_eq!(answer.await.map(|enqueued| enqueued.id), Ok(id));
        ids.insert(id);
    }
    drop(producer);
    assert_eq!(hub.await.unwrap(), ids);
}

/// Serves what a worker asks; hangs up at each third outcome without an answer, which counts all
/// the same, as a hub does that took it and could not say so.
async fn serve_worker(session: &mut Session, next: &mut u64, done: &mut Vec<u64>) {
    let mut outcomes = 0;
    loop {
        let (id, request) = session.request().await;
        if let Request::Credit { tasks, .. } = request {
            let first = *next;
            *next += u64::from(tasks);
            session.respond(id, Response::Credited(tasks)).await;
            session.deliver("mail", first..*next).await;
        } else if let Request::Complete { items } = request {
            done.extend(items.iter().map(|item| item.proof.lease.number));
            outcomes += 1;
            if outcomes == 3 {
                return;
            }
            let items = items.iter().map(|_| Ok(())).collect();
            session.respond(id, Response::Done(items)).await;
        } else if let Request::Resume { leases } | Request::Extend { leases, .. } = request {
            let items = leases.iter().map(|_| Ok(LEASE_MS)).collect();
            session.respond(id, Response::Extended(items)).await;
        } else {
            panic!("a worker on one pool does not ask {request:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_outcome_arrives_and_is_repeated_only_if_it_was_not_answered() {
    let (endpoint, mut hub) = hub();
    let work = |task: Task| async move {
        let millis = task.lease.lease.number % 7;
        tokio::time::timeout(Duration::from_millis(millis), std::future::pending::<()>())
            .await
            .map_or(Outcome::Complete(None), Outcome::from)
    };
    let worker = Worker::builder(endpoint, options())
        .pool(pool_name("mail"))
        .slots(4)
        .handler(work)
        .start();
    let (mut next, mut done) = (1, Vec::new());
    while done.len() < 300 {
        let mut session = hub.accept().await;
        serve_worker(&mut session, &mut next, &mut done).await;
    }
    let distinct: HashSet<u64> = done.iter().copied().collect();
    let stats = worker.stats();
    assert_eq!(stats.lost, 0);
    assert!(stats.reconnects > 10);
    // What was answered was not sent again.
    assert!(stats.completed <= distinct.len() as u64);
    assert!(done.len() as u64 - stats.completed <= 4 * (stats.reconnects + 2));
}

#[tokio::test]
async fn a_hub_is_reached_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let producer = Producer::new(Endpoint::tcp(address), NodeOptions::default());
    let answer = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let (stream, _) = listener.accept().await.unwrap();
    let mut framed = Framed::new(stream, HubCodec::new());
    let Some(Ok(FromNode::Hello(_))) = framed.next().await else {
        panic!("a hello");
    };
    let refusal = Refusal {
        code: RefusalCode::Version,
        reason: "too old".into(),
    };
    framed
        .send(FromHub::Refused(refusal.clone()))
        .await
        .unwrap();
    assert_eq!(answer.await, Err(RequestError::Refused(refusal)));
}
