//! Leases are extended while a handler runs, and no longer; a loss reaches the handler.

use std::time::Duration;

use leasehold_node::{Outcome, Rejection, Revocation, WorkerEvent};
use leasehold_wire::{FromHub, FromNode, Request, Response};
use tokio::time::Instant;

use crate::{
    fake_hub::{LEASE_MS, Session, proof, unavailable},
    worker::worker,
};

async fn extension(session: &mut Session) -> (u64, Vec<leasehold_node::LeaseRef>) {
    match session.request().await {
        (
            id,
            Request::Extend {
                mut leases,
                lease_ms: None,
            },
        ) => {
            leases.sort();
            (id, leases)
        }
        (_, other) => panic!("an extension, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_at_each_third_while_its_handler_runs() {
    let (_worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    let (_, outcome) = runs.recv().await.unwrap();
    let began = Instant::now();
    for n in 1..=3_u32 {
        let (id, leases) = extension(&mut session).await;
        assert_eq!(leases, [proof(1)]);
        let third = Duration::from_millis(LEASE_MS / 3) * n;
        assert!(began.elapsed() >= third);
        assert!(began.elapsed() < third + Duration::from_millis(100));
        session
            .respond(id, Response::Extended(vec![Ok(LEASE_MS)]))
            .await;
    }
    outcome.send(Outcome::Complete(None)).unwrap();
    session.serve_answer().await;
    session.credit().await;
    // From here on there are only pings.
    for _ in 0..20 {
        assert_eq!(session.message().await, Some(FromNode::Ping));
    }
}

#[tokio::test(start_paused = true)]
async fn the_hub_says_how_long_a_lease_runs() {
    let (_worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    let _kept = runs.recv().await.unwrap();
    let (id, _) = extension(&mut session).await;
    let began = Instant::now();
    session
        .respond(id, Response::Extended(vec![Ok(3000)]))
        .await;
    extension(&mut session).await;
    assert!(began.elapsed() <= Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn leases_that_are_due_together_are_one_request() {
    let (_worker, _hub, mut session, mut runs) = worker(3).await;
    session.deliver("mail", [1, 2]).await;
    tokio::time::advance(Duration::from_millis(500)).await;
    session.deliver("mail", [3]).await;
    let _kept = [runs.recv().await, runs.recv().await, runs.recv().await];
    let (_, leases) = extension(&mut session).await;
    assert_eq!(leases, [proof(1), proof(2), proof(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_extension_cancels_the_handler_and_drops_its_outcome() {
    let (worker, _hub, mut session, mut runs) = worker(2).await;
    let mut events = worker.events();
    session.deliver("mail", [1]).await;
    let (task, outcome) = runs.recv().await.unwrap();
    let (id, _) = extension(&mut session).await;
    session
        .respond(id, Response::Extended(vec![Err(Rejection::LeaseLost)]))
        .await;
    task.cancelled.cancelled().await;
    assert_eq!(task.revoked_because(), Some(Revocation::Lost));
    outcome.send(Outcome::Complete(None)).unwrap();
    // The slot is free again, and nothing was answered.
    assert_eq!(session.credit().await.1, 1);
    let stats = worker.stats();
    assert_eq!((stats.lost, stats.completed, stats.held), (1, 0, 0));
    assert!(matches!(
        events.recv().await,
        Ok(WorkerEvent::Started { .. })
    ));
    let dropped = WorkerEvent::Finished {
        proof: proof(1),
        outcome: Outcome::Complete(None),
        accepted: Err(Rejection::LeaseLost),
    };
    assert_eq!(events.recv().await, Ok(dropped));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_reaches_the_handler_with_its_reason() {
    let (_worker, _hub, mut session, mut runs) = worker(2).await;
    session.deliver("mail", [1, 2]).await;
    let (task, outcome) = runs.recv().await.unwrap();
    let (other, _kept) = runs.recv().await.unwrap();
    let why = Revocation::Cancelled;
    session
        .send(FromHub::Revoked {
            proof: proof(1),
            why,
        })
        .await;
    task.cancelled.cancelled().await;
    assert_eq!(task.revoked_because(), Some(Revocation::Cancelled));
    assert!(!other.cancelled.is_cancelled());
    // Of leases that are not held, nothing is made.
    session
        .send(FromHub::Revoked {
            proof: proof(77),
            why,
        })
        .await;
    outcome.send(Outcome::Complete(None)).unwrap();
    assert_eq!(session.credit().await.1, 1);
    assert_eq!(extension(&mut session).await.1, [proof(2)]);
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_finds_the_pool_unavailable_is_asked_again() {
    let (_worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    let (task, _kept) = runs.recv().await.unwrap();
    let (id, _) = extension(&mut session).await;
    let began = Instant::now();
    session
        .respond(id, Response::Refused(unavailable(300)))
        .await;
    assert_eq!(extension(&mut session).await.1, [proof(1)]);
    assert!(began.elapsed() < Duration::from_millis(400));
    assert!(!task.cancelled.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_is_counted_as_lost() {
    let (worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    runs.recv()
        .await
        .unwrap()
        .1
        .send(Outcome::Complete(None))
        .unwrap();
    let (id, ..) = session.answer().await;
    session
        .respond(id, Response::Done(vec![Err(Rejection::LeaseLost)]))
        .await;
    worker.idle().await;
    assert_eq!((worker.stats().completed, worker.stats().lost), (0, 1));
}
