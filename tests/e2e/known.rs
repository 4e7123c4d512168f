//! What is known of a task: progress, waiting for its end, calling it off, dead letters, traces.

mod support;

use leasehold_node::{Fact, NodeOptions, Outcome, Task, Worker};
use serde_json::{Value, json};
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    pool,
    proxy::{Proxy, Pull},
    within,
};

async fn state(hub: &Hub, id: &str) -> Value {
    hub.task(id).await["state"].clone()
}

/// The end of a task, as `wait` tells it.
async fn end(hub: &Hub, id: &str) -> Value {
    let told = hub.run(&["wait", "p", id, "--json"]).await;
    serde_json::from_str(&told.out).expect("a line of JSON")
}

#[tokio::test]
async fn a_command_that_is_asked_to_end_and_does_so_well_completes_its_task() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let ids = hub.enqueue(&["a"]).await;
    let exec = "trap 'echo saved; exit 0' TERM; sleep 1000 & \
                echo $LEASEHOLD_TASK_ID > $E2E/ledger; wait";
    let _worker = hub.work("crane-1", exec, &[]);
    ledger.next().await;
    hub.run(&["cancel", &ids[0], "--grace", "1h"]).await.ok();
    assert_eq!(end(&hub, &ids[0]).await["state"], "completed");
    assert_eq!(hub.run(&["wait", "p", &ids[0]]).await.ok(), "saved\n");
}

#[tokio::test]
async fn a_command_that_ends_by_the_signal_leaves_its_task_cancelled_with_its_true_ending() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let ids = hub.enqueue(&["a"]).await;
    let exec = "echo $LEASEHOLD_TASK_ID > $E2E/ledger; exec sleep 1000";
    let _worker = hub.work("crane-1", exec, &[]);
    ledger.next().await;
    hub.run(&["cancel", &ids[0], "--grace", "1h"]).await.ok();
    assert_eq!(end(&hub, &ids[0]).await["state"], "cancelled");
    let task = hub.task(&ids[0]).await;
    assert_eq!(task["history"][0]["ending"], "failed", "{task}");
}

#[tokio::test]
async fn a_command_that_does_not_end_is_called_off_at_the_deadline() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let ids = hub.enqueue(&["a"]).await;
    let exec = "trap '' TERM; echo $LEASEHOLD_TASK_ID > $E2E/ledger; exec sleep 1000";
    let _worker = hub.work("crane-1", exec, &["--kill-after", "10ms"]);
    ledger.next().await;
    hub.run(&["cancel", &ids[0], "--grace", "300ms"]).await.ok();
    assert_eq!(end(&hub, &ids[0]).await["state"], "cancelled");
    let task = hub.task(&ids[0]).await;
    assert_eq!(task["history"][0]["ending"], "cancelled", "{task}");
}

#[tokio::test]
async fn a_task_that_is_to_end_says_until_when() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let ids = hub.enqueue(&["a"]).await;
    let exec = "trap '' TERM; echo $LEASEHOLD_TASK_ID > $E2E/ledger; exec sleep 1000";
    let _worker = hub.work("crane-1", exec, &["--kill-after", "10ms"]);
    ledger.next().await;
    hub.run(&["cancel", &ids[0], "--grace", "1h"]).await.ok();
    let task = hub.task(&ids[0]).await;
    assert!(task["stop_until_at_ms"].is_u64(), "{task}");
    assert!(
        hub.run(&["task", &ids[0]])
            .await
            .ok()
            .contains("is to end until")
    );
    hub.run(&["cancel", &ids[0]]).await.ok();
    assert_eq!(state(&hub, &ids[0]).await, "cancelled");
}

#[tokio::test]
async fn a_wait_goes_on_over_the_death_of_the_hub_and_after_it() {
    let mut hub = Hub::start().await;
    let (mut ledger, mut gate) = (
        Ledger::new(hub.folder(), "ledger"),
        Gate::new(hub.folder(), "gate"),
    );
    let ids = hub.enqueue(&["a"]).await;
    let exec = "echo $LEASEHOLD_TASK_ID > $E2E/ledger; read -r go < $E2E/gate; echo result";
    let _worker = hub.work("crane-1", exec, &[]);
    ledger.next().await;
    let waits = support::process::leasehold(&["wait", "p", &ids[0], "--hub", &hub.at()]);
    let waiting = tokio::spawn(support::shell::run(waits));
    hub.kill().await;
    hub.restart().await;
    gate.open(1).await;
    let told = waiting.await.expect("it does not panic");
    assert_eq!(told.ok(), "result\n");
    hub.kill().await;
    hub.restart().await;
    assert_eq!(hub.run(&["wait", "p", &ids[0]]).await.ok(), "result\n");
}

#[tokio::test]
async fn dead_letters_are_filtered_and_revived_changed() {
    let hub = Hub::with("[pool.p]\nattempts_max = 1\n").await;
    let ids = hub.enqueue(&["fire", "water"]).await;
    let exec = "cat >&2; exit 1";
    hub.work("crane-1", exec, &["--until-empty"]).ended().await;
    let list = async |flags: &[&str]| {
        let all = [&["tasks", "p", "--json"], flags].concat();
        let lines = hub.run(&all).await.json_lines();
        lines
            .iter()
            .map(|task| task["id"].clone())
            .collect::<Vec<_>>()
    };
    let spent = ["--cause", "attempts-spent", "--reason", "fire"];
    assert_eq!(list(&spent).await, [json!(ids[0])]);
    assert!(list(&["--cause", "expired"]).await.is_empty());
    let revive = ["revive", "p", "--reason", "fire", "--priority", "7"];
    assert_eq!(hub.run(&revive).await.ok().trim(), ids[0]);
    let task = hub.task(&ids[0]).await;
    assert_eq!(
        (&task["state"], &task["priority"]),
        (&json!("ready"), &json!(7))
    );
    assert_eq!(state(&hub, &ids[1]).await, "dead");
}

#[tokio::test]
async fn a_dead_task_still_says_how_far_it_came() {
    let hub = Hub::with("[pool.p]\nattempts_max = 1\n").await;
    let ids = hub.enqueue(&["a"]).await;
    let worker = Worker::builder(hub.endpoint(), NodeOptions::default())
        .pool(pool())
        .handler(|task: Task| async move {
            task.progress(0.25, "a quarter");
            task.progress(0.5, "half of it");
            Outcome::Fail("it broke".into())
        })
        .start();
    assert_eq!(end(&hub, &ids[0]).await["state"], "dead");
    let task = hub.task(&ids[0]).await;
    assert_eq!(task["progress"]["fraction"], 0.5, "{task}");
    assert_eq!(task["progress"]["note"], "half of it", "{task}");
    let text = hub.run(&["task", &ids[0]]).await.ok();
    assert!(text.contains("50.00 %"), "{text}");
    worker.drain().await.expect("nothing is under way");
}

/// A trace, and what is the same for all of it.
const TRACE: (&str, &str) = (
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "4bf92f3577b34da6a3ce929d0e0e4736",
);

/// Enqueues one task with these flags; its id.
async fn put(hub: &Hub, payload: &str, flags: &[&str]) -> String {
    let args = [&["enqueue", "p", payload], flags].concat();
    hub.run(&args).await.ok().trim().to_owned()
}

/// The task, once this holds for it.
async fn until(hub: &Hub, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
    within("what is waited for of a task", async {
        loop {
            let task = hub.task(id).await;
            if holds(&task) {
                return task;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_a_command_tells_of_its_progress_outlives_the_hub() {
    let mut hub = Hub::start().await;
    let (mut ledger, mut gate) = (
        Ledger::new(hub.folder(), "ledger"),
        Gate::new(hub.folder(), "gate"),
    );
    let id = put(&hub, "a", &[]).await;
    let exec = "echo nonsense > $LEASEHOLD_TELL; \
                echo progress 0.25 page 3 of 12 > $LEASEHOLD_TELL; echo told > $E2E/ledger; \
                read -r go < $E2E/gate";
    let worker = hub.work("crane-1", exec, &[]);
    ledger.next().await;
    worker.said("not understood in LEASEHOLD_TELL").await;
    until(&hub, &id, |task| !task["progress"].is_null()).await;
    hub.kill().await;
    hub.restart().await;
    let task = hub.task(&id).await;
    assert_eq!(task["progress"]["fraction"], 0.25, "{task}");
    assert_eq!(task["progress"]["note"], "page 3 of 12", "{task}");
    let text = hub.run(&["task", &id]).await.ok();
    assert!(text.contains("25.00 %"), "{text}");
    gate.open(1).await;
    assert_eq!(end(&hub, &id).await["state"], "completed");
}

#[tokio::test]
async fn a_command_says_when_to_try_again_or_that_it_is_hopeless() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let exec = "echo $LEASEHOLD_TASK_ID > $E2E/ledger; cat > $LEASEHOLD_TELL; exit 1";
    let _worker = hub.work("crane-1", exec, &[]);
    let hopeless = put(&hub, "hopeless", &[]).await;
    let told = end(&hub, &hopeless).await;
    assert_eq!(
        (&told["state"], &told["attempt"]),
        (&json!("dead"), &json!(1))
    );
    assert_eq!(hub.task(&hopeless).await["died_of"], "hopeless");
    let late = put(&hub, "retry-after 90m", &[]).await;
    ledger.take(2).await;
    let task = until(&hub, &late, |task| task["state"] == "scheduled").await;
    let ended_at = task["history"][0]["ended_at_ms"].as_u64();
    assert_eq!(task["state"], "scheduled", "{task}");
    assert_eq!(
        task["at_ms"].as_u64(),
        ended_at.map(|at| at + 90 * 60 * 1000)
    );
    let counts = (&task["failures"], &task["failures_max"]);
    assert_eq!(counts, (&json!(1), &json!(5)), "{task}");
}

#[tokio::test]
async fn an_edited_revival_outlives_the_hub_and_its_task_runs_with_the_new_payload() {
    let mut hub = Hub::with("[pool.p]\nattempts_max = 1\n").await;
    let id = put(&hub, "echo fire >&2; exit 1", &[]).await;
    let other = put(&hub, "exit 1", &[]).await;
    let exec = "eval \"$(cat)\"";
    hub.work("crane-1", exec, &["--until-empty"]).ended().await;
    let payload = hub.file("payload", "echo mended");
    let revive = ["revive", "p", "--reason", "fire", "--payload", &payload];
    let more = ["--priority", "high", "--attempts-max", "3"];
    let revived = hub.run(&[&revive[..], &more].concat()).await.ok();
    assert_eq!(revived.trim(), id);
    hub.kill().await;
    hub.restart().await;
    let task = hub.task(&id).await;
    assert_eq!(task["payload"], "echo mended", "{task}");
    assert_eq!(
        (&task["priority"], &task["attempts_max"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(task["payload_edits"], 1, "{task}");
    hub.work("crane-1", exec, &["--until-empty"]).ended().await;
    assert_eq!(hub.run(&["wait", "p", &id]).await.ok(), "mended\n");
    assert_eq!(state(&hub, &other).await, "dead");
}

#[tokio::test]
async fn a_stop_outlives_the_hub_and_is_told_to_a_holder_that_did_not_hear_of_it() {
    let mut hub = Hub::start().await;
    let proxy = Proxy::to(hub.address(), Pull::Reset).await;
    let (mut ledger, mut gate) = (
        Ledger::new(hub.folder(), "ledger"),
        Gate::new(hub.folder(), "gate"),
    );
    let id = put(&hub, "a", &[]).await;
    let exec = "trap 'echo stop > $E2E/ledger; read -r go < $E2E/gate; echo saved; exit 0' TERM; \
                echo begun > $E2E/ledger; sleep 1000 & wait";
    let _worker = hub.work_at(&proxy.at(), "crane-1", exec, &["--kill-after", "1h"]);
    assert_eq!(ledger.next().await, "begun");
    // What the hub says stays in the cable, and is lost with it.
    proxy.stall();
    hub.run(&["cancel", &id, "--grace", "1h"]).await.ok();
    let until = hub.task(&id).await["stop_until_at_ms"].clone();
    assert!(until.is_u64());
    hub.kill().await;
    proxy.pull(Pull::Reset);
    hub.restart().await;
    assert_eq!(hub.task(&id).await["stop_until_at_ms"], until);
    assert!(ledger.is_empty().await, "nobody has told the command");
    proxy.flow();
    assert_eq!(ledger.next().await, "stop");
    gate.open(1).await;
    assert_eq!(end(&hub, &id).await["state"], "completed");
    assert_eq!(hub.run(&["wait", "p", &id]).await.ok(), "saved\n");
}

#[tokio::test]
async fn a_trace_is_seen_by_the_command_and_in_the_logs_of_the_hub_and_the_node() {
    let hub = Hub::with("[log]\nlevel = \"debug\"\nformat = \"json\"\n").await;
    let id = put(&hub, "a", &["--trace", TRACE.0]).await;
    let plain = put(&hub, "b", &[]).await;
    let exec = "echo ${TRACEPARENT-none}";
    let mut command = hub.command(&["work", "p", "--until-empty", "--exec", exec]);
    command.env("TRACEPARENT", "the worker's own");
    command.env("RUST_LOG", "leasehold_node=debug");
    let node = support::shell::run(command).await;
    let begins = |line: &&str| line.contains("an attempt begins") && line.contains(TRACE.1);
    assert_eq!(node.err.lines().filter(begins).count(), 1, "{node:?}");
    node.ok();
    let result = async |id: &str| hub.run(&["wait", "p", id]).await.ok();
    assert_eq!(result(&id).await.trim(), TRACE.0);
    assert_eq!(result(&plain).await.trim(), "none");
    assert_eq!(hub.task(&id).await["trace"], TRACE.0);
    let of_trace = |line: &String| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["trace_id"] == TRACE.1).then_some(line)
    };
    hub.process().said("Completed").await;
    let lines: Vec<_> = hub.process().lines().iter().filter_map(of_trace).collect();
    let causes: Vec<_> = lines.iter().map(|line| &line["cause"]).collect();
    assert_eq!(causes, ["Enqueued", "Claimed", "Completed"], "{lines:?}");
    assert!(lines.iter().all(|line| line["task"] == json!(id)));
}

#[tokio::test]
async fn a_handler_is_told_of_its_trace_and_how_long_it_may_run() {
    let hub = Hub::start().await;
    let flags = ["--trace", TRACE.0, "--max-runtime", "1h"];
    let id = put(&hub, "a", &flags).await;
    let worker = Worker::builder(hub.endpoint(), NodeOptions::default())
        .pool(pool())
        .handler(|task: Task| async move {
            let is_whole = task.facts().contains(&Fact::MaxRuntime(3_600_000));
            let trace = task.trace().unwrap_or("none").to_owned();
            Outcome::Complete(is_whole.then(|| trace.into()))
        })
        .start();
    assert_eq!(hub.run(&["wait", "p", &id]).await.ok(), TRACE.0);
    worker.drain().await.expect("nothing is under way");
}
