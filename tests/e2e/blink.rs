//! A connection that is cut under a node that lives on: the node keeps all, and nothing runs twice.

mod support;

use std::sync::Arc;

use leasehold_node::{Endpoint, NewTask, NodeOptions, Outcome, StateKind, Worker};
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    node::connected,
    pool,
    proxy::{Proxy, Pull},
    within,
};
use tokio::sync::{Semaphore, mpsc};

/// Says that it began, and when it was let go.
const HOLD: &str = "p=$(cat); echo began $p $LEASEHOLD_NODE > $E2E/ledger; \
                    read _ < $E2E/gate; echo ended $p $LEASEHOLD_NODE > $E2E/ledger";

#[tokio::test]
async fn a_worker_keeps_its_tasks_over_a_fin() {
    a_worker_keeps_its_tasks(Pull::Fin).await;
}

#[tokio::test]
async fn a_worker_keeps_its_tasks_over_a_reset() {
    a_worker_keeps_its_tasks(Pull::Reset).await;
}

#[tokio::test]
async fn a_worker_keeps_its_tasks_when_the_hub_notices_first() {
    a_worker_keeps_its_tasks(Pull::HubFirst).await;
}

/// The commands of a worker run on while another worker, idle, would take all that is let go.
async fn a_worker_keeps_its_tasks(how: Pull) {
    let hub = Hub::start().await;
    let proxy = Proxy::to(hub.address(), Pull::Fin).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let ids = hub.enqueue(&["a", "b", "c"]).await;
    let blinker = hub.work_at(&proxy.at(), "blinker", HOLD, &["--slots", "3"]);
    let begun = ["a", "b", "c"].map(|p| format!("began {p} blinker"));
    assert_eq!(ledger.take(3).await, begun);
    let mut idle = hub.work("idle", HOLD, &["--slots", "3", "--until-empty"]);
    proxy.pull(how);
    blinker
        .said("back at the hub: 3 leases go on, 0 are lost")
        .await;
    gate.open(3).await;
    let ended = ["a", "b", "c"].map(|p| format!("ended {p} blinker"));
    assert_eq!(ledger.take(3).await, ended);
    assert_eq!(idle.ended().await.code(), Some(0));
    idle.said("0 completed, 0 failed, 0 released, 0 lost").await;
    assert!(ledger.is_empty().await, "nothing ran twice");
    for id in &ids {
        let task = hub.task(id).await;
        assert_eq!(task["node"], "blinker", "{task}");
        assert_eq!(task["attempt"], 1, "{task}");
        assert_eq!(task["history"].as_array().map(Vec::len), Some(1), "{task}");
    }
}

#[tokio::test]
async fn several_blinks_in_a_row_are_survived_as_well() {
    let hub = Hub::start().await;
    let proxy = Proxy::to(hub.address(), Pull::Fin).await;
    let endpoint = Endpoint::tcp(proxy.at());
    let (began, mut begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let builder = Worker::builder(endpoint, NodeOptions::default())
        .pool(pool())
        .slots(4)
        .handler(move |task| {
            let (began, gate) = (began.clone(), Arc::clone(&held));
            async move {
                began.send(task.id).expect("the test listens");
                gate.acquire().await.expect("it is never closed").forget();
                assert!(
                    !task.cancelled.is_cancelled(),
                    "the handler is not disturbed"
                );
                Outcome::Complete(None)
            }
        });
    let mut events = builder.subscribe();
    let worker = builder.start();
    connected(&mut events).await;
    let producer = hub.producer();
    let mut ids = Vec::new();
    for _ in 0..4 {
        let enqueued = producer.enqueue(&pool(), NewTask::new("x")).await;
        ids.push(enqueued.unwrap().id);
        within("a start", begun.recv()).await.unwrap();
    }
    for how in [Pull::Fin, Pull::Reset, Pull::HubFirst, Pull::Fin] {
        proxy.pull(how);
        assert_eq!(connected(&mut events).await, (4, 0), "{how:?}");
    }
    gate.add_permits(4);
    for id in ids {
        let pool = pool();
        let wait = producer.wait(&pool, id, support::PATIENCE);
        let task = within("a completion", wait).await.unwrap();
        assert_eq!(task.summary.state, StateKind::Completed);
        assert_eq!(
            (task.summary.attempt, task.history.len()),
            (1, 1),
            "{task:?}"
        );
    }
    assert!(begun.try_recv().is_err(), "nothing ran twice");
    worker.drain().await.unwrap();
    let stats = worker.stats();
    assert_eq!(
        (stats.completed, stats.lost, stats.resumed),
        (4, 0, 16),
        "{stats:?}"
    );
}

#[tokio::test]
async fn an_outcome_that_was_under_way_arrives_once() {
    let hub = Hub::start().await;
    let proxy = Proxy::to(hub.address(), Pull::Reset).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let id = hub.enqueue(&["a"]).await.remove(0);
    let blinker = hub.work_at(&proxy.at(), "blinker", HOLD, &["--json"]);
    assert_eq!(ledger.next().await, "began a blinker");
    // The outcome stays in the cable, and is lost with it.
    proxy.stall();
    gate.open(1).await;
    assert_eq!(ledger.next().await, "ended a blinker");
    proxy.pull(Pull::Reset);
    proxy.flow();
    blinker.said("\"completed\"").await;
    let task = hub.task(&id).await;
    assert_eq!(task["attempt"], 1, "{task}");
    assert_eq!(task["history"].as_array().map(Vec::len), Some(1), "{task}");
}
