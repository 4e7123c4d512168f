//! Enqueues are answered, or sent again, or given up, and never made twice.

use std::{future::pending, io, time::Duration};

use leasehold_node::{
    Endpoint, NewTask, Producer, Rejection, RequestError, StateKind, TaskDetail, TaskId,
    TaskSummary,
};
use leasehold_wire::{EnqueuedItem, FromHub, Request, Response};
use tokio::{io::DuplexStream, time::Instant};

use crate::fake_hub::{enqueued, hub, options, pool_name, unavailable};

#[tokio::test(start_paused = true)]
async fn an_enqueue_carries_all_of_the_task_and_returns_the_answer() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let task = NewTask::new("lift")
        .priority(7)
        .attempts_max(3)
        .delay(Duration::from_millis(1500));
    let id = task.id;
    let asked = tokio::spawn(async move { producer.enqueue(&pool_name("mail"), task).await });
    let mut session = hub.accept().await;
    assert_eq!(session.hello.node.as_str(), "crane-1");
    let (request, Request::Enqueue { pool, tasks }) = session.request().await else {
        panic!("an enqueue");
    };
    assert_eq!(pool, pool_name("mail"));
    assert_eq!((tasks[0].id, tasks[0].priority), (id, 7));
    assert_eq!((tasks[0].attempts_max, tasks[0].delay_ms), (Some(3), 1500));
    assert_eq!(tasks[0].payload, "lift");
    let item = EnqueuedItem {
        id,
        known_as: Some(StateKind::Ready),
    };
    session
        .respond(request, Response::Enqueued(vec![Ok(item)]))
        .await;
    assert_eq!(asked.await.unwrap(), Ok(item));
    session.expect_bye().await;
}

#[tokio::test(start_paused = true)]
async fn unanswered_enqueues_are_sent_again_under_the_same_ids() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let pool = pool_name("mail");
    let tasks: Vec<_> = (0..3).map(|_| NewTask::new("lift")).collect();
    let ids: Vec<_> = tasks.iter().map(|task| vec![task.id]).collect();
    let mut answers_due = Vec::new();
    for task in tasks {
        answers_due.push(producer.begin_enqueue(&pool, task).await);
    }
    let mut first = hub.accept().await;
    assert_eq!(first.serve_enqueue().await, ids[0]);
    assert_eq!(first.enqueue().await.1, ids[1]);
    assert_eq!(first.enqueue().await.1, ids[2]);
    assert!(answers_due.remove(0).await.is_ok());
    let incarnation = first.hello.incarnation;
    drop(first);

    let mut second = hub.accept().await;
    assert_eq!(second.hello.incarnation, incarnation);
    assert_eq!(second.serve_enqueue().await, ids[1]);
    assert_eq!(second.serve_enqueue().await, ids[2]);
    for answer_due in answers_due {
        assert!(answer_due.await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_returned_as_it_is() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let mut session = hub.accept().await;
    let (id, _) = session.enqueue().await;
    let full = Rejection::PoolFull { tasks_max: 10 };
    session
        .respond(id, Response::Enqueued(vec![Err(full.clone())]))
        .await;
    assert_eq!(answer_due.await, Err(RequestError::Rejected(full)));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_unavailable_is_asked_again_after_a_while() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let mut session = hub.accept().await;
    let began = Instant::now();
    let (id, tasks) = session.enqueue().await;
    session
        .respond(id, Response::Refused(unavailable(200)))
        .await;
    let (id, again) = session.enqueue().await;
    assert_eq!(again, tasks);
    assert!(began.elapsed() >= Duration::from_millis(200));
    let item = Err(unavailable(300));
    session.respond(id, Response::Enqueued(vec![item])).await;
    let waits = tokio::spawn(answer_due);
    assert_eq!(session.serve_enqueue().await, tasks);
    assert!(began.elapsed() >= Duration::from_millis(500));
    assert!(waits.await.unwrap().is_ok());
}

fn full(retry_after: Duration) -> Rejection {
    Rejection::Full {
        what: "tasks".into(),
        max: 10,
        retry_after,
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_pool_is_an_error_unless_the_producer_waits() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let mut session = hub.accept().await;
    let (id, _) = session.enqueue().await;
    let full = full(Duration::from_millis(300));
    session
        .respond(id, Response::Enqueued(vec![Err(full.clone())]))
        .await;
    assert_eq!(answer_due.await, Err(RequestError::Rejected(full)));
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_waits_tries_a_full_pool_again_when_it_is_told_to() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options().wait_when_full(true));
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let mut session = hub.accept().await;
    let (id, tasks) = session.enqueue().await;
    let began = Instant::now();
    let full = full(Duration::from_millis(300));
    session
        .respond(id, Response::Enqueued(vec![Err(full)]))
        .await;
    let waits = tokio::spawn(answer_due);
    let (id, again) = session.enqueue().await;
    assert_eq!(again, tasks, "under the same id");
    assert!(began.elapsed() >= Duration::from_millis(300));
    // As hubs of version 1 say it.
    let full = Rejection::PoolFull { tasks_max: 10 };
    session
        .respond(id, Response::Enqueued(vec![Err(full)]))
        .await;
    assert_eq!(session.serve_enqueue().await, tasks);
    assert!(began.elapsed() >= Duration::from_millis(1300));
    assert!(waits.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn patience_with_an_unavailable_pool_has_an_end() {
    let (endpoint, mut hub) = hub();
    let options = options().give_up_after(Duration::from_secs(1));
    let producer = Producer::new(endpoint, options);
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let mut session = hub.accept().await;
    for _ in 0..2 {
        let (id, _) = session.enqueue().await;
        session
            .respond(id, Response::Refused(unavailable(800)))
            .await;
    }
    let rejected = Err(RequestError::Rejected(unavailable(800)));
    assert_eq!(answer_due.await, rejected);
}

#[tokio::test(start_paused = true)]
async fn without_a_hub_a_request_gives_up() {
    let endpoint =
        Endpoint::over(|| async { Err::<DuplexStream, _>(io::Error::other("no cable")) });
    let options = options().give_up_after(Duration::from_secs(5));
    let producer = Producer::new(endpoint, options);
    let began = Instant::now();
    let answer = producer
        .enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let Err(RequestError::Unreachable { last, .. }) = answer else {
        panic!("unreachable, not {answer:?}");
    };
    assert_eq!(last, "no cable");
    let waited = began.elapsed();
    assert!(Duration::from_secs(5) <= waited && waited < Duration::from_secs(6));
    let batch = vec![NewTask::new("lift")];
    let batch = producer.enqueue_batch(&pool_name("mail"), batch).await;
    assert!(matches!(batch, Err(RequestError::Unreachable { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_never_finishes_the_handshake_is_given_up_too() {
    let endpoint = Endpoint::over(pending::<io::Result<DuplexStream>>);
    let options = options().give_up_after(Duration::from_secs(8));
    let producer = Producer::new(endpoint, options);
    let answer = producer
        .enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    assert!(matches!(answer, Err(RequestError::Unreachable { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_enqueue_waits_for_room() {
    let (endpoint, mut hub) = hub();
    hub.welcome.requests_max = 2;
    let producer = Producer::new(endpoint, options());
    let mut session = hub.accept().await;
    let flood = tokio::spawn(async move {
        for _ in 0..10 {
            let answer_due = producer
                .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
                .await;
            tokio::spawn(answer_due);
        }
    });
    let (first, tasks) = session.enqueue().await;
    session.enqueue().await;
    // Nothing but a ping comes until there is room.
    let silence = session.message().await;
    assert_eq!(silence, Some(leasehold_wire::FromNode::Ping));
    session.respond(first, enqueued(&tasks)).await;
    session.enqueue().await;
    flood.abort();
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_sent_again_for_what_is_left_of_it() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let task = TaskId::from_u128(1);
    let waits = tokio::spawn(async move {
        let day = Duration::from_secs(24 * 3600);
        producer.wait(&pool_name("mail"), task, day).await
    });
    let mut first = hub.accept().await;
    let (_, asked) = first.request().await;
    assert_eq!(wait_ms(&asked), 3_600_000);
    tokio::time::advance(Duration::from_secs(600)).await;
    drop(first);
    let mut second = hub.accept().await;
    let (id, asked) = second.request().await;
    assert!((2_999_000..=3_000_000).contains(&wait_ms(&asked)));
    second
        .respond(id, Response::Task(Box::new(detail(StateKind::Claimed))))
        .await;
    let (id, asked) = second.request().await;
    assert_eq!(wait_ms(&asked), 3_600_000);
    second
        .respond(id, Response::Task(Box::new(detail(StateKind::Completed))))
        .await;
    assert_eq!(waits.await.unwrap(), Ok(detail(StateKind::Completed)));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_hub_has_forgotten_is_renewed() {
    let (endpoint, mut hub) = hub();
    let producer = Producer::new(endpoint, options());
    let answer_due = producer
        .begin_enqueue(&pool_name("mail"), NewTask::new("lift"))
        .await;
    let mut first = hub.accept().await;
    let (id, tasks) = first.enqueue().await;
    let ended = Response::Enqueued(vec![Err(Rejection::SessionEnded)]);
    first.send(FromHub::Response { id, body: ended }).await;
    let mut second = hub.accept().await;
    assert_eq!(second.serve_enqueue().await, tasks);
    assert!(answer_due.await.is_ok());
}

fn wait_ms(request: &Request) -> u64 {
    let Request::Await { wait_ms, .. } = request else {
        panic!("an await, not {request:?}");
    };
    *wait_ms
}

pub(crate) fn detail(state: StateKind) -> TaskDetail {
    TaskDetail {
        pool: pool_name("mail"),
        summary: summary(1, state),
        lease: None,
        interruptions: 0,
        losses_in_a_row: 0,
        ready_at_ms: 0,
        history: Vec::new(),
        payload: None,
        result: None,
    }
}

pub(crate) fn summary(id: u128, state: StateKind) -> TaskSummary {
    TaskSummary {
        id: TaskId::from_u128(id),
        state,
        priority: 0,
        attempt: 1,
        attempts_max: 5,
        node: None,
        enqueued_at_ms: 0,
        at_ms: None,
        reason: String::new(),
        payload_bytes: 0,
    }
}
