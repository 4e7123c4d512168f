//! What is known of a task: progress, waiting for its end, calling it off, dead letters, traces.

mod support;

use leasehold_node::{NodeOptions, Outcome, Task, Worker};
use serde_json::{Value, json};
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    pool,
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
