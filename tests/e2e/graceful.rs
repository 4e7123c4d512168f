//! Ends that are asked for, of hubs and of workers: all that was begun is finished or kept.

mod support;

use std::sync::Arc;

use leasehold_node::{NewTask, NodeOptions, Outcome, StateKind, Worker};
use leasehold_wire::{EnqueueItem, FromHub, FromNode, Request, Response};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use support::{
    fifo::{Gate, Ledger, Lifeline},
    hub::Hub,
    node::{connected, tireless},
    pool,
    raw::Raw,
    within,
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};

const HOLD: &str = "p=$(cat); exec 9> $E2E/lifeline; echo $p > $E2E/ledger; \
                    read _ < $E2E/gate; echo $p done";

#[tokio::test]
async fn a_hub_that_is_told_to_end_under_load_keeps_leases_and_all_it_acknowledged() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut hub = Hub::start().await;
        let (began, mut begun) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let (worker, mut events) = holding(&hub, began, Arc::clone(&gate));
        connected(&mut events).await;
        let (acknowledged, mut count) = watch::channel(Vec::new());
        let (stop, stopped) = watch::channel(false);
        let mut producing = JoinSet::new();
        for _ in 0..8 {
            producing.spawn(produce(&hub, acknowledged.clone(), stopped.clone()));
        }
        for _ in 0..4 {
            within("a start", begun.recv()).await.unwrap();
        }
        drop(
            within("a load", count.wait_for(|tasks| tasks.len() > 100))
                .await
                .unwrap(),
        );
        let status = hub.end(signal).await;
        assert_eq!(status.code(), Some(0), "{signal}");
        hub.restart().await;
        assert_eq!(
            connected(&mut events).await,
            (4, 0),
            "{signal}: leases survive"
        );
        stop.send_replace(true);
        within("the last acknowledgements", producing.join_all()).await;
        gate.add_permits(Semaphore::MAX_PERMITS / 2);
        let producer = hub.producer();
        for task in acknowledged.borrow().clone() {
            let pool = pool();
            let wait = producer.wait(&pool, task, support::PATIENCE);
            let task = within("a completion", wait).await.unwrap();
            assert_eq!(task.summary.state, StateKind::Completed);
            let of = (task.summary.attempt, task.interruptions, task.history.len());
            assert_eq!(of, (1, 0, 1), "{signal}: {task:?}");
        }
        worker.drain().await.unwrap();
    }
}

/// A worker of four slots whose handlers wait for a permit.
fn holding(
    hub: &Hub,
    began: mpsc::UnboundedSender<()>,
    gate: Arc<Semaphore>,
) -> (
    Worker,
    tokio::sync::broadcast::Receiver<leasehold_node::WorkerEvent>,
) {
    let builder = Worker::builder(hub.endpoint(), tireless())
        .pool(pool())
        .slots(4)
        .handler(move |task| {
            let (began, gate) = (began.clone(), Arc::clone(&gate));
            async move {
                // The test listens only to the first.
                let _ = began.send(());
                gate.acquire().await.expect("it is never closed").forget();
                assert!(
                    !task.cancelled.is_cancelled(),
                    "the handler is not disturbed"
                );
                Outcome::Complete(None)
            }
        });
    let events = builder.subscribe();
    (builder.start(), events)
}

fn produce(
    hub: &Hub,
    acknowledged: watch::Sender<Vec<leasehold_node::TaskId>>,
    stopped: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + use<> {
    let producer = leasehold_node::Producer::new(hub.endpoint(), NodeOptions::default());
    async move {
        while !*stopped.borrow() {
            let enqueued = producer.enqueue(&pool(), NewTask::new("x")).await;
            let id = enqueued.expect("the hub takes it, sooner or later").id;
            acknowledged.send_modify(|tasks| tasks.push(id));
        }
    }
}

#[tokio::test]
async fn what_is_in_flight_is_answered_and_then_the_hub_says_bye() {
    let mut hub = Hub::start().await;
    let mut raw = Raw::open(hub.address(), "raw", 1).await;
    let ids: Vec<_> = (0..500).map(|_| NewTask::new("").id).collect();
    for (number, id) in (1..).zip(&ids) {
        let item = EnqueueItem {
            id: *id,
            priority: 0,
            attempts_max: None,
            delay_ms: 0,
            payload: "x".into(),
        };
        let body = Request::Enqueue {
            pool: pool(),
            tasks: vec![item],
        };
        raw.send(FromNode::Request { id: number, body }).await;
    }
    hub.process().signal(Signal::SIGTERM);
    let mut answered = Vec::new();
    let kept_ms = loop {
        match raw.next().await.expect("a bye before the end") {
            FromHub::Response { id, body } => {
                assert!(
                    matches!(&body, Response::Enqueued(items) if items[0].is_ok()),
                    "{body:?}"
                );
                answered.push(ids[usize::try_from(id).unwrap() - 1].to_string());
            }
            FromHub::Bye { leases_kept_ms, .. } => break leases_kept_ms,
            FromHub::Ping => {}
            other @ (FromHub::Welcome(_)
            | FromHub::Refused(_)
            | FromHub::Deliver { .. }
            | FromHub::Revoked { .. }
            | FromHub::DeliverMore { .. }
            | FromHub::StopAsked { .. }) => panic!("{other:?} was not asked for"),
        }
    };
    assert_eq!(kept_ms, 10_000);
    assert_eq!(raw.next().await, None, "it was the last word");
    assert_eq!(hub.end(Signal::SIGCONT).await.code(), Some(0));
    hub.restart().await;
    let known = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    let known: Vec<_> = known.iter().map(|task| task["id"].clone()).collect();
    for id in answered {
        assert!(known.contains(&json!(id)), "{id} was acknowledged");
    }
}

#[tokio::test]
async fn a_worker_that_is_told_to_end_finishes_what_it_has_and_takes_no_more() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let hub = Hub::start().await;
        let mut ledger = Ledger::new(hub.folder(), "ledger");
        let mut gate = Gate::new(hub.folder(), "gate");
        let _lifeline = Lifeline::new(hub.folder(), "lifeline");
        let ids = hub.enqueue(&["a", "b", "c"]).await;
        let mut worker = hub.work("w", HOLD, &["--slots", "2"]);
        assert_eq!(ledger.take(2).await, ["a", "b"]);
        worker.signal(signal);
        worker.said("no more tasks").await;
        gate.open(2).await;
        assert_eq!(worker.ended().await.code(), Some(0), "{signal}");
        worker.said("2 completed, 0 failed, ").await;
        for (id, result) in [(&ids[0], "a done\n"), (&ids[1], "b done\n")] {
            let task = hub.task(id).await;
            assert_eq!(
                (&task["result"], &task["attempt"]),
                (&json!(result), &json!(1)),
                "{task}"
            );
        }
        let rest = hub.task(&ids[2]).await;
        assert_eq!(
            (&rest["state"], &rest["attempt"]),
            (&json!("ready"), &json!(0)),
            "{rest}"
        );
    }
}

/// A service manager tells all processes of a service to end, in whatever order.
#[tokio::test]
async fn a_command_that_is_told_to_end_with_its_worker_has_not_failed() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let _gate = Gate::new(hub.folder(), "gate");
    let id = hub.enqueue(&["a"]).await.remove(0);
    let command = "echo $$ > $E2E/ledger; read _ < $E2E/gate";
    let mut worker = hub.work("w", command, &[]);
    let shell = Pid::from_raw(ledger.next().await.parse().unwrap());
    kill(shell, Signal::SIGTERM).unwrap();
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().await.code(), Some(0));
    let task = hub.task(&id).await;
    assert_eq!(
        (&task["state"], &task["attempt"]),
        (&json!("ready"), &json!(0)),
        "{task}"
    );
}

#[tokio::test]
async fn a_second_signal_ends_the_commands_and_gives_their_tasks_back() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let _gate = Gate::new(hub.folder(), "gate");
    let lifeline = Lifeline::new(hub.folder(), "lifeline");
    let id = hub.enqueue(&["a"]).await.remove(0);
    let mut worker = hub.work("w", HOLD, &[]);
    assert_eq!(ledger.next().await, "a");
    worker.signal(Signal::SIGINT);
    worker.said("no more tasks").await;
    worker.signal(Signal::SIGINT);
    assert_eq!(worker.ended().await.code(), Some(0));
    lifeline.ended().await;
    let task = hub.task(&id).await;
    assert_eq!(
        (&task["state"], &task["attempt"]),
        (&json!("ready"), &json!(0)),
        "{task}"
    );
    assert_eq!(task["history"][0]["ending"], "released", "{task}");
}

#[tokio::test]
async fn leases_of_worker_processes_survive_a_restart_of_the_hub() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let _lifeline = Lifeline::new(hub.folder(), "lifeline");
    let ids = hub.enqueue(&["a", "b"]).await;
    let mut worker = hub.work("w", HOLD, &["--slots", "2"]);
    assert_eq!(ledger.take(2).await, ["a", "b"]);
    assert_eq!(hub.end(Signal::SIGTERM).await.code(), Some(0));
    hub.restart().await;
    worker
        .said("back at the hub: 2 leases go on, 0 are lost")
        .await;
    gate.open(2).await;
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().await.code(), Some(0));
    for id in ids {
        let task = hub.task(&id).await;
        assert_eq!(
            (&task["state"], &task["attempt"]),
            (&json!("completed"), &json!(1)),
            "{task}"
        );
        assert_eq!(task["interruptions"], 0, "{task}");
    }
}
