//! What a worker does with tasks: run, answer, ask for more, drain, stop.

use std::time::Duration;

use bytes::Bytes;
use leasehold_node::{
    NodeOptions, Outcome, RefusalCode, Rejection, Task, Worker, WorkerBuilder, WorkerError,
    WorkerEvent,
};
use leasehold_wire::{
    FailItem, FailMoreItem, FailThen, FromHub, FromNode, Refusal, Request, Response,
};
use tokio::time::Instant;

use crate::fake_hub::{
    FakeHub, LEASE_MS, Runs, Session, delivery, handler, hub, options, pool_name, proof,
    unavailable,
};

/// A worker on one pool, its session with its credit served, and its handler.
pub(crate) async fn worker(slots: usize) -> (Worker, FakeHub, Session, Runs) {
    let (worker, mut hub, runs) = start(slots, options(), &["mail"]);
    let mut session = hub.accept().await;
    let (pool, tasks) = session.credit().await;
    assert_eq!((pool, tasks as usize), (pool_name("mail"), slots));
    (worker, hub, session, runs)
}

pub(crate) fn start(slots: usize, options: NodeOptions, pools: &[&str]) -> (Worker, FakeHub, Runs) {
    let (endpoint, hub) = hub();
    let (handler, runs) = handler();
    let mut builder = Worker::builder(endpoint, options);
    for pool in pools {
        builder = builder.pool(pool_name(pool));
    }
    (builder.slots(slots).handler(handler).start(), hub, runs)
}

fn builder(endpoint: leasehold_node::Endpoint) -> WorkerBuilder<()> {
    Worker::builder(endpoint, options()).pool(pool_name("mail"))
}

fn done(text: &'static str) -> Outcome {
    Outcome::Complete(Some(Bytes::from_static(text.as_bytes())))
}

#[tokio::test(start_paused = true)]
async fn a_task_is_run_and_answered_before_more_is_asked_for() {
    let (worker, _hub, mut session, mut runs) = worker(2).await;
    session.deliver("mail", [1]).await;
    let (task, outcome) = runs.recv().await.unwrap();
    assert_eq!((task.lease, task.attempt), (proof(1), 1));
    assert_eq!((task.payload, task.pool), ("1".into(), pool_name("mail")));
    assert_eq!(task.node.as_str(), "crane-1");
    assert!(!worker.is_idle());
    outcome.send(done("ok")).unwrap();
    assert_eq!(session.serve_answer().await, (proof(1), done("ok")));
    assert_eq!(session.credit().await, (pool_name("mail"), 1));
    worker.idle().await;
    let stats = worker.stats();
    assert_eq!((stats.completed, stats.running, stats.held), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn failures_and_releases_are_answered_as_such() {
    let (worker, _hub, mut session, mut runs) = worker(2).await;
    session.deliver("mail", [1]).await;
    runs.recv()
        .await
        .unwrap()
        .1
        .send(Outcome::Fail("no crane".into()))
        .unwrap();
    let failed = Outcome::Fail("no crane".into());
    assert_eq!(session.serve_answer().await, (proof(1), failed));
    session.credit().await;
    session.deliver("mail", [2]).await;
    runs.recv().await.unwrap().1.send(Outcome::Release).unwrap();
    assert_eq!(session.serve_answer().await, (proof(2), Outcome::Release));
    worker.idle().await;
    assert_eq!((worker.stats().failed, worker.stats().released), (1, 1));
}

/// What the hub hears of a failure that says what is to become of its task.
async fn heard_of(outcome: Outcome, version: u16) -> Request {
    let (_worker, mut hub, mut runs) = start(1, options(), &["mail"]);
    hub.welcome.version = version;
    let mut session = hub.accept().await;
    session.credit().await;
    session.deliver("mail", [1]).await;
    let (_, run) = runs.recv().await.expect("it runs");
    run.send(outcome).expect("it waits for its outcome");
    session.request().await.1
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_what_is_to_become_of_its_task_to_a_hub_that_understands_it() {
    let late = Outcome::FailAfter("busy".into(), Duration::from_secs(90));
    let hopeless = Outcome::Hopeless("no such crane".into());
    for (outcome, reason, then) in [
        (late, "busy", FailThen::Wait(90_000)),
        (hopeless, "no such crane", FailThen::Never),
    ] {
        let item = FailItem {
            proof: proof(1),
            reason: reason.into(),
        };
        let plain = Request::Fail {
            items: vec![item.clone()],
        };
        assert_eq!(heard_of(outcome.clone(), 1).await, plain);
        let items = vec![FailMoreItem { item, then }];
        assert_eq!(heard_of(outcome, 2).await, Request::FailMore { items });
    }
}

#[tokio::test(start_paused = true)]
async fn outcomes_that_come_together_are_one_request() {
    let (_worker, _hub, mut session, mut runs) = worker(3).await;
    session.deliver("mail", [1, 2, 3]).await;
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(runs.recv().await.unwrap().1);
    }
    outcomes
        .into_iter()
        .for_each(|outcome| outcome.send(done("ok")).unwrap());
    let (_, Request::Complete { items }) = session.request().await else {
        panic!("a completion");
    };
    assert_eq!(items.len(), 3);
    assert_eq!(session.credit().await.1, 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_task_and_no_other() {
    let (endpoint, mut hub) = hub();
    let panics = |task: Task| {
        assert!(task.payload != "1", "no crane for {:?}", task.payload);
        async { Outcome::Complete(None) }
    };
    let _worker = builder(endpoint).slots(2).handler(panics).start();
    let mut session = hub.accept().await;
    session.credit().await;
    session.deliver("mail", [1]).await;
    let panicked = "handler panicked: no crane for b\"1\"".into();
    let failed = (proof(1), Outcome::Fail(panicked));
    assert_eq!(session.serve_answer().await, failed);
    session.credit().await;
    session.deliver("mail", [2]).await;
    let completed = (proof(2), Outcome::Complete(None));
    assert_eq!(session.serve_answer().await, completed);
}

#[tokio::test(start_paused = true)]
async fn the_wished_lease_goes_with_the_credit() {
    let (endpoint, mut hub) = hub();
    let (handler, _runs) = handler();
    let lease = Duration::from_secs(7);
    let _worker = builder(endpoint)
        .lease(Some(lease))
        .handler(handler)
        .start();
    let (_, asked) = hub.accept().await.request().await;
    let pool = pool_name("mail");
    let lease_ms = Some(7000);
    assert_eq!(
        asked,
        Request::Credit {
            pool,
            tasks: 1,
            lease_ms
        }
    );
}

#[tokio::test(start_paused = true)]
async fn pools_share_the_slots() {
    let (_worker, mut hub, mut runs) = start(5, options(), &["mail", "lift"]);
    let mut session = hub.accept().await;
    assert_eq!(session.credit().await, (pool_name("mail"), 3));
    assert_eq!(session.credit().await, (pool_name("lift"), 2));
    session.deliver("lift", [1]).await;
    runs.recv().await.unwrap().1.send(done("ok")).unwrap();
    session.serve_answer().await;
    assert_eq!(session.credit().await, (pool_name("lift"), 1));
}

#[tokio::test(start_paused = true)]
async fn with_more_pools_than_slots_a_task_waits_and_is_given_back_in_time() {
    let (worker, mut hub, mut runs) = start(1, options(), &["mail", "lift"]);
    let mut session = hub.accept().await;
    session.credit().await;
    session.credit().await;
    session.deliver("mail", [1]).await;
    session.deliver("lift", [2]).await;
    let (task, outcome) = runs.recv().await.unwrap();
    assert_eq!(task.lease, proof(1));
    let began = Instant::now();
    // The one that runs is extended, the one that waits is given back.
    let (id, extended) = session.request().await;
    let leases = vec![proof(1)];
    assert_eq!(
        extended,
        Request::Extend {
            leases,
            lease_ms: None
        }
    );
    session
        .respond(id, Response::Extended(vec![Ok(LEASE_MS)]))
        .await;
    assert_eq!(session.serve_answer().await, (proof(2), Outcome::Release));
    assert!(began.elapsed() < Duration::from_millis(LEASE_MS / 2));
    assert_eq!(worker.stats().running, 1);
    // No credit before a slot is free, then for both.
    outcome.send(done("ok")).unwrap();
    session.serve_answer().await;
    session.credit().await;
    session.credit().await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_finishes_what_runs_and_gives_back_the_rest() {
    let (worker, _hub, mut session, mut runs) = worker(2).await;
    session.deliver("mail", [1]).await;
    let (_, outcome) = runs.recv().await.unwrap();
    let drained = tokio::spawn(async move { (worker.drain().await, worker) });
    tokio::task::yield_now().await;
    session.deliver("mail", [2]).await;
    assert_eq!(session.serve_answer().await, (proof(2), Outcome::Release));
    outcome.send(done("ok")).unwrap();
    assert_eq!(session.serve_answer().await, (proof(1), done("ok")));
    session.expect_bye().await;
    let (end, worker) = drained.await.unwrap();
    assert_eq!(end, Ok(()));
    assert_eq!(worker.join().await, Ok(()));
    let stats = worker.stats();
    assert_eq!((stats.completed, stats.released, stats.held), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drain_leaves_a_session_that_sends_the_same_task_again() {
    let (worker, mut hub, mut session, mut runs) = worker(9).await;
    session.deliver("mail", [1]).await;
    let (task, outcome) = runs.recv().await.unwrap();
    let drained = tokio::spawn(async move { worker.drain().await });
    tokio::task::yield_now().await;
    session.deliver("mail", [2]).await;
    session.serve_answer().await;
    session.deliver("mail", [2]).await;
    let mut next = hub.accept().await;
    assert!(next.serve_resume().await.contains(&proof(1)));
    assert!(!task.cancelled.is_cancelled());
    outcome.send(done("ok")).unwrap();
    next.serve_answer().await;
    next.serve_answer().await;
    next.expect_bye().await;
    assert_eq!(drained.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_drain_without_a_hub_gives_up_in_time() {
    let patience = options().give_up_after(Duration::from_secs(3));
    let (worker, mut hub, mut runs) = start(1, patience, &["mail"]);
    let mut session = hub.accept().await;
    session.credit().await;
    session.deliver("mail", [1]).await;
    runs.recv().await.unwrap().1.send(done("ok")).unwrap();
    session.answer().await;
    drop((session, hub));
    let Err(WorkerError::Unconfirmed { leases, .. }) = worker.drain().await else {
        panic!("nobody confirmed it");
    };
    assert_eq!(leases, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_cancels_then_aborts_and_gives_everything_back() {
    let (worker, _hub, mut session, mut runs) = worker(2).await;
    session.deliver("mail", [1, 2]).await;
    let (polite, outcome) = runs.recv().await.unwrap();
    let (stubborn, _kept) = runs.recv().await.unwrap();
    let began = Instant::now();
    let stopped = tokio::spawn(async move { worker.stop().await });
    polite.cancelled.cancelled().await;
    assert_eq!(polite.revoked_because(), None);
    outcome.send(Outcome::Fail("interrupted".into())).unwrap();
    let failed = Outcome::Fail("interrupted".into());
    assert_eq!(session.serve_answer().await, (polite.lease, failed));
    assert_eq!(
        session.serve_answer().await,
        (stubborn.lease, Outcome::Release)
    );
    session.expect_bye().await;
    assert_eq!(stopped.await.unwrap(), Ok(()));
    assert!(began.elapsed() <= Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_a_hub_ends_all_the_same() {
    let (worker, hub, session, mut runs) = worker(1).await;
    let mut session = session;
    session.deliver("mail", [1]).await;
    let _kept = runs.recv().await.unwrap();
    drop((session, hub));
    let began = Instant::now();
    assert!(matches!(
        worker.stop().await,
        Err(WorkerError::Unconfirmed { .. })
    ));
    assert!(began.elapsed() <= Duration::from_millis(5100));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_worker_says_bye() {
    let (worker, _hub, mut session, _runs) = worker(1).await;
    drop(worker);
    session.expect_bye().await;
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_ends_the_worker() {
    let (worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    let (task, _kept) = runs.recv().await.unwrap();
    let refusal = Refusal {
        code: RefusalCode::Version,
        reason: "nonsense".into(),
    };
    session.send(FromHub::Refused(refusal.clone())).await;
    assert_eq!(worker.join().await, Err(WorkerError::Refused(refusal)));
    assert!(task.cancelled.is_cancelled());
    assert_eq!(worker.stats().running, 0);
    worker.idle().await;
}

/// As is said when bytes were spoilt on their way: the first two times nothing is given up for it.
#[tokio::test(start_paused = true)]
async fn a_worker_that_was_understood_goes_on_after_a_spoilt_frame_but_not_for_ever() {
    let (worker, mut hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    let (task, _kept) = runs.recv().await.unwrap();
    let refusal = Refusal {
        code: RefusalCode::Malformed,
        reason: "nonsense".into(),
    };
    for _ in 0..2 {
        session.send(FromHub::Refused(refusal.clone())).await;
        session = hub.accept().await;
        assert_eq!(session.serve_resume().await.len(), 1);
        assert!(!task.cancelled.is_cancelled());
    }
    session.send(FromHub::Refused(refusal.clone())).await;
    assert_eq!(worker.join().await, Err(WorkerError::Refused(refusal)));
    assert!(task.cancelled.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_finds_the_pool_unavailable_is_sent_again() {
    let (worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    runs.recv().await.unwrap().1.send(done("ok")).unwrap();
    let (id, ..) = session.answer().await;
    session
        .respond(id, Response::Done(vec![Err(unavailable(200))]))
        .await;
    session.credit().await;
    assert_eq!(session.serve_answer().await, (proof(1), done("ok")));
    worker.idle().await;
    assert_eq!(worker.stats().completed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_too_long_fails_the_task() {
    let (worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    let long = Outcome::Complete(Some(vec![7; 1001].into()));
    runs.recv().await.unwrap().1.send(long).unwrap();
    let (_, Outcome::Fail(reason)) = session.serve_answer().await else {
        panic!("a failure");
    };
    assert_eq!(reason, "the result is 1001 bytes, and may be 1000");
    session.credit().await;
    session.deliver("mail", [2]).await;
    runs.recv().await.unwrap().1.send(done("ok")).unwrap();
    let (id, ..) = session.answer().await;
    let rejection = Rejection::OutOfBounds {
        what: "result, in bytes".into(),
        value: 2,
        min: 0,
        max: 1,
    };
    session
        .respond(id, Response::Done(vec![Err(rejection)]))
        .await;
    session.credit().await;
    assert!(matches!(
        session.serve_answer().await,
        (_, Outcome::Fail(_))
    ));
    worker.idle().await;
    let stats = worker.stats();
    assert_eq!((stats.completed, stats.failed), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_refuses_credit_is_asked_again() {
    let (_worker, mut hub, mut runs) = start(2, options(), &["mail"]);
    let mut session = hub.accept().await;
    let (id, _) = session.request().await;
    session
        .respond(id, Response::Refused(unavailable(200)))
        .await;
    assert_eq!(session.credit().await, (pool_name("mail"), 2));
    session.deliver("mail", [1]).await;
    assert!(runs.recv().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn events_tell_it_in_order() {
    let (endpoint, mut hub) = hub();
    let (handler, mut runs) = handler();
    let builder = builder(endpoint).handler(handler);
    let mut events = builder.subscribe();
    let _worker = builder.start();
    let mut session = hub.accept().await;
    session.credit().await;
    session
        .send(FromHub::Deliver {
            pool: pool_name("mail"),
            tasks: vec![delivery(1)],
        })
        .await;
    runs.recv().await.unwrap().1.send(done("ok")).unwrap();
    session.serve_answer().await;
    let (proof, pool, outcome) = (proof(1), pool_name("mail"), done("ok"));
    let expected = [
        WorkerEvent::Connected {
            session: 1,
            resumed: 0,
            lost: 0,
        },
        WorkerEvent::Started {
            proof,
            pool,
            attempt: 1,
        },
        WorkerEvent::Finished {
            proof,
            outcome,
            accepted: Ok(()),
        },
    ];
    for event in expected {
        assert_eq!(events.recv().await.unwrap(), event);
    }
    drop(session);
    assert!(matches!(
        events.recv().await,
        Ok(WorkerEvent::Disconnected { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_busy_worker_still_pings() {
    let (_worker, _hub, mut session, mut runs) = worker(1).await;
    session.deliver("mail", [1]).await;
    let _kept = runs.recv().await.unwrap();
    assert_eq!(session.message().await, Some(FromNode::Ping));
}
