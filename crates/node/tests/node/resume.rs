//! A worker whose connection blinks goes on as if nothing had been.

use std::time::Duration;

use leasehold_node::{Outcome, Rejection, Revocation, WorkerEvent};
use leasehold_wire::{FromHub, Request, Response};
use tokio::time::Instant;

use crate::{
    fake_hub::{LEASE_MS, options, pool_name, proof, unavailable},
    worker::{start, worker},
};

#[tokio::test(start_paused = true)]
async fn a_resume_names_all_leases_then_outcomes_then_credit() {
    let (worker, mut hub, mut first, mut runs) = worker(4).await;
    let mut events = worker.events();
    first.deliver("mail", [1, 2, 3]).await;
    let (finished, outcome) = runs.recv().await.unwrap();
    let (running, _kept) = runs.recv().await.unwrap();
    let _also = runs.recv().await.unwrap();
    outcome.send(Outcome::Complete(None)).unwrap();
    assert_eq!(first.answer().await.1, finished.lease);
    let incarnation = first.hello.incarnation;
    drop(first);

    let mut second = hub.accept().await;
    assert_eq!(second.hello.incarnation, incarnation);
    let named = second.serve_resume().await;
    assert_eq!(named, [proof(1), proof(2), proof(3)]);
    let again = second.serve_answer().await;
    assert_eq!(again, (finished.lease, Outcome::Complete(None)));
    // Two handlers run, so two of four slots are free.
    assert_eq!(second.credit().await, (pool_name("mail"), 2));
    assert!(!running.cancelled.is_cancelled());
    let connected = WorkerEvent::Connected {
        session: 2,
        resumed: 3,
        lost: 0,
    };
    while events.recv().await.unwrap() != connected {}
    let stats = worker.stats();
    assert_eq!((stats.reconnects, stats.resumed, stats.lost), (1, 3, 0));
    assert_eq!(stats.running, 2);
}

#[tokio::test(start_paused = true)]
async fn outcomes_that_come_without_a_connection_are_kept_for_the_next() {
    let (worker, mut hub, mut first, mut runs) = worker(2).await;
    let mut events = worker.events();
    first.deliver("mail", [1, 2]).await;
    let one = runs.recv().await.unwrap();
    let two = runs.recv().await.unwrap();
    first
        .send(FromHub::Bye {
            reason: "deploy".into(),
            retry_after_ms: 5000,
            leases_kept_ms: 10_000,
        })
        .await;
    while !matches!(events.recv().await, Ok(WorkerEvent::Disconnected { .. })) {}
    one.1.send(Outcome::Complete(None)).unwrap();
    let mut second = hub.accept().await;
    assert_eq!(second.serve_resume().await, [proof(1), proof(2)]);
    assert_eq!(
        second.serve_answer().await,
        (one.0.lease, Outcome::Complete(None))
    );
    assert_eq!(second.credit().await.1, 1);
    two.1.send(Outcome::Fail("late".into())).unwrap();
    assert_eq!(second.serve_answer().await.0, two.0.lease);
    assert_eq!(second.credit().await.1, 1);
    worker.idle().await;
    assert_eq!((worker.stats().completed, worker.stats().failed), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_resume_is_sent_even_for_no_lease() {
    let (_worker, mut hub, first, _runs) = worker(2).await;
    // Something may have been granted that never arrived.
    drop(first);
    let mut second = hub.accept().await;
    assert!(second.serve_resume().await.is_empty());
    assert_eq!(second.credit().await.1, 2);
}

#[tokio::test(start_paused = true)]
async fn a_lease_lost_in_the_resume_cancels_its_handler_only() {
    let (worker, mut hub, mut first, mut runs) = worker(2).await;
    first.deliver("mail", [1, 2]).await;
    let one = runs.recv().await.unwrap();
    let two = runs.recv().await.unwrap();
    drop(first);
    let mut second = hub.accept().await;
    let (id, Request::Resume { leases }) = second.request().await else {
        panic!("a resume");
    };
    let items = leases.iter().map(|lease| match *lease == proof(1) {
        true => Err(Rejection::LeaseLost),
        false => Ok(LEASE_MS),
    });
    let items = items.collect();
    second.respond(id, Response::Extended(items)).await;
    let (lost, kept) = if one.0.lease == proof(1) {
        (one, two)
    } else {
        (two, one)
    };
    lost.0.cancelled.cancelled().await;
    assert_eq!(lost.0.revoked_because(), Some(Revocation::Lost));
    assert!(!kept.0.cancelled.is_cancelled());
    assert_eq!(worker.stats().running, 2);
}

#[tokio::test(start_paused = true)]
async fn a_finished_task_is_answered_again_even_if_its_lease_is_gone() {
    let (worker, mut hub, mut first, mut runs) = worker(1).await;
    first.deliver("mail", [1]).await;
    runs.recv()
        .await
        .unwrap()
        .1
        .send(Outcome::Complete(None))
        .unwrap();
    first.answer().await;
    drop(first);
    let mut second = hub.accept().await;
    let (id, _) = second.resume().await;
    // The hub had taken the completion, and lost only the answer.
    second
        .respond(id, Response::Extended(vec![Err(Rejection::LeaseLost)]))
        .await;
    second.serve_answer().await;
    worker.idle().await;
    assert_eq!((worker.stats().completed, worker.stats().lost), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_resume_that_finds_the_pool_unavailable_is_sent_again() {
    let (_worker, mut hub, mut first, mut runs) = worker(1).await;
    first.deliver("mail", [1]).await;
    let (task, _kept) = runs.recv().await.unwrap();
    drop(first);
    let mut second = hub.accept().await;
    let (id, _) = second.resume().await;
    let began = Instant::now();
    second
        .respond(id, Response::Extended(vec![Err(unavailable(300))]))
        .await;
    let mut named = Vec::new();
    while named.is_empty() {
        // The extension that is asked for again may come first.
        if let (_, Request::Resume { leases }) = second.request().await {
            named = leases;
        }
    }
    assert_eq!(named, [proof(1)]);
    assert!(began.elapsed() < Duration::from_millis(400));
    assert!(!task.cancelled.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_silent_hub_does_not_disturb_the_handler() {
    let (_worker, mut hub, mut runs) = start(1, options(), &["mail"]);
    hub.welcome.silence_after_ms = 10_000;
    let mut first = hub.accept().await;
    first.credit().await;
    first.deliver("mail", [1]).await;
    let (task, outcome) = runs.recv().await.unwrap();
    let mut second = hub.accept().await;
    assert_eq!(second.serve_resume().await, [proof(1)]);
    assert!(!task.cancelled.is_cancelled());
    outcome.send(Outcome::Complete(None)).unwrap();
    second.serve_answer().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_session_left_unanswered_takes_no_room_in_the_next() {
    let (_worker, mut hub, _runs) = start(1, options(), &["mail"]);
    hub.welcome.requests_max = 1;
    let mut first = hub.accept().await;
    first.request().await;
    drop(first);
    let mut second = hub.accept().await;
    second.serve_resume().await;
    assert_eq!(second.credit().await.1, 1);
}
