//! A store opens as it was left, and its tasks go on.

use std::fs;

use leasehold_node::{PoolName, StateKind};
use serde_json::{Value, json};

use super::recording::{Recording, recordings};
use crate::support::{
    PATIENCE,
    hub::Hub,
    process::{Process, leasehold},
    task_id, within,
};

/// What a later release may not change of a task that nobody touched.
const KEPT: [&str; 11] = [
    "pool",
    "state",
    "priority",
    "attempt",
    "attempts_max",
    "payload_bytes",
    "node",
    "lease",
    "reason",
    "result",
    "enqueued_at_ms",
];

/// A hub over what a release left.
async fn over(recording: &Recording, kind: &str) -> Hub {
    let mut hub = Hub::with(&recording.config("restart_grace = \"1h\"")).await;
    hub.kill().await;
    fs::remove_dir_all(hub.data()).expect("it is there");
    recording.unpack(kind, hub.folder());
    hub.restart().await;
    hub
}

#[tokio::test]
async fn a_store_of_every_format_opens_as_it_was_left() {
    for recording in recordings() {
        for kind in ["killed", "ended"] {
            let mut hub = over(&recording, kind).await;
            let whole = format!("{} {kind}", recording.name);
            as_left(&hub, &recording, &whole).await;
            // What today's hub made of it is opened as well.
            hub.kill().await;
            hub.restart().await;
            as_left(&hub, &recording, &whole).await;
        }
    }
}

async fn as_left(hub: &Hub, recording: &Recording, whole: &str) {
    for (id, was) in recording.tasks() {
        let is = hub.task(&id).await;
        for key in KEPT {
            assert_eq!(is[key], was[key], "{whole}: {key} of {id}: {is}");
        }
        // A completed one may keep its payload no longer.
        if was["state"] != "completed" {
            assert_eq!(is["payload"], was["payload"], "{whole}: {id}");
        }
    }
}

#[tokio::test]
async fn what_waited_in_a_store_of_every_format_is_done_and_stays_done() {
    for recording in recordings() {
        let mut hub = over(&recording, "killed").await;
        // Nobody waits for the node that held a task when that hub was killed.
        fs::write(
            hub.folder().join("hub.toml"),
            recording.config("restart_grace = \"0s\""),
        )
        .unwrap();
        hub.kill().await;
        hub.restart().await;
        let _worker = worker(&hub);
        let left = left(&recording);
        assert!(left.len() >= 3, "{left:?}");
        for (id, was) in &left {
            let pool = PoolName::new(was["pool"].as_str().unwrap()).unwrap();
            let end = hub.producer();
            let end = end.wait(&pool, task_id(id), PATIENCE);
            let end = within("the end of a task", end).await.unwrap();
            assert_eq!(
                end.summary.state,
                StateKind::Completed,
                "{}: {id}",
                recording.name
            );
        }
        hub.kill().await;
        hub.restart().await;
        for (id, was) in &left {
            let is = hub.task(id).await;
            assert_eq!(
                is["result"], was["payload"],
                "{}: {id}: {is}",
                recording.name
            );
        }
    }
}

/// Answers each task with its own payload.
fn worker(hub: &Hub) -> Process {
    let at = hub.at();
    let args = ["work", "mail", "other", "--hub", &at, "--exec", "cat"];
    Process::start("today's node", leasehold(&args))
}

/// Tasks that have not ended, and whose time has come.
fn left(recording: &Recording) -> Vec<(String, Value)> {
    let tasks = recording.tasks().into_iter();
    let is_left = |was: &Value| {
        let waits_for_others = was["payload"] == "later";
        waits_for_others || was["state"] == "ready" || was["state"] == "claimed"
    };
    tasks.filter(|(_, was)| is_left(was)).collect()
}

#[tokio::test]
async fn policies_schedules_and_what_tasks_wait_for_are_as_they_were_left() {
    for recording in recordings() {
        if !recording.name.starts_with('3') {
            continue;
        }
        let hub = over(&recording, "killed").await;
        let show = ["schedule", "show", "other", "yearly", "--json"];
        let schedule = hub.run(&show).await.json();
        assert_eq!(schedule["cron"], "0 0 1 1 *", "{schedule}");
        assert_eq!(schedule["misfire"], "skip", "{schedule}");
        let policy = hub.run(&["pool", "show", "other", "--json"]).await.ok();
        assert!(
            policy.contains("77s") || policy.contains("77000"),
            "{policy}"
        );
        for (number, key, is) in [
            (7, "key", json!("k")),
            (7, "group", json!("g")),
            (9, "state", json!("scheduled")),
        ] {
            let id = format!("018f0000-0000-7000-8000-{number:012}");
            assert_eq!(hub.task(&id).await[key], is, "{}: {id}", recording.name);
        }
    }
}
