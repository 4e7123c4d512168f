//! From one engine to the other: `leasehold export` and `leasehold import`.

mod support;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    process::leasehold,
    shell::{Told, run, run_with_input, text_of},
    task_id,
};

/// A handler that says which task it has and under which lease, and waits at the gate.
const HOLD: &str =
    "echo $LEASEHOLD_TASK_ID $LEASEHOLD_LEASE > $E2E/ledger; read _ < $E2E/gate; cat";

#[tokio::test]
async fn a_hub_goes_on_under_the_other_engine_while_a_node_works() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let ids = hub.enqueue(&["one", "two", "three"]).await;
    hub.run(&["cancel", &ids[2]]).await.ok();
    let _worker = hub.work("crane-1", HOLD, &[]);
    let held = ledger.next().await;
    let before = tasks(&hub).await;
    hub.kill().await;

    migrate(&hub, "sled", "fjall").await;
    hub.restart().await;
    assert_eq!(tasks(&hub).await, before);
    let status = hub.run(&["status", "--json"]).await.json();
    assert_eq!(status["store"]["engine"], "fjall", "{status}");
    // The lease from before is good; the next one is none of those that were given out.
    gate.open(1).await;
    let next = ledger.next().await;
    let [(first, old), (second, new)] = [&held, &next].map(|line| line.split_once(' ').unwrap());
    assert_eq!(state(&hub, first).await, "completed");
    assert_ne!(first, second, "it did not run twice");
    assert!(epoch(new) > epoch(old), "{new} after {old}");

    let before = tasks(&hub).await;
    hub.kill().await;
    migrate(&hub, "fjall", "sled").await;
    hub.restart().await;
    assert_eq!(tasks(&hub).await, before);
    let done = hub.task(first).await;
    assert_eq!(
        (&done["payload"], &done["result"]),
        (&serde_json::Value::Null, &"one".into()),
        "{done}"
    );
    let cancelled = hub.task(&ids[2]).await;
    assert_eq!(cancelled["payload"], "three", "{cancelled}");
}

#[tokio::test]
async fn an_export_goes_through_pipes_and_comes_out_the_same() {
    let mut hub = Hub::start().await;
    hub.enqueue(&["one", "two", "three"]).await;
    hub.kill().await;
    let data = text_of(&hub.data());
    let piped = run(leasehold(&["export", "--data", &data])).await.ok();
    let tasks = |text: &str| -> Vec<String> {
        let tasks = text.lines().filter(|line| line.starts_with("{\"task\""));
        tasks.map(str::to_owned).collect()
    };
    assert_eq!(tasks(&piped).len(), 3);
    for engine in ["fjall", "sled"] {
        let new = text_of(&hub.folder().join(engine));
        let import = leasehold(&["import", "-", "--data", &new, "--engine", engine]);
        run_with_input(import, piped.as_bytes()).await.ok();
        let again = run(leasehold(&["export", "--data", &new])).await.ok();
        assert_eq!(tasks(&again), tasks(&piped));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let mut hub = Hub::start().await;
    let ids = hub.enqueue(&["one", "two"]).await;
    let data = text_of(&hub.data());
    let file = text_of(&hub.folder().join("tasks.jsonl"));
    let missing = text_of(&hub.folder().join("missing"));
    refuses(&["export", "--data", &data], "in use by another hub").await;
    refuses(&["export", "--data", &missing], "there is no such folder").await;
    assert!(!Path::new(&missing).exists());

    hub.kill().await;
    export(&data, &file).await.ok();
    refuses(
        &["export", "--data", &data, "--out", &file],
        "there already",
    )
    .await;
    let new = text_of(&hub.folder().join("new"));
    let half = hub.file("half.jsonl", &fs::read(&file).unwrap()[..600]);
    for (from, why) in [
        (&half, "cut short"),
        (
            &hub.file("hub.json", "{\"name\":\"not an export\"}\n"),
            "line 1",
        ),
        (&missing, "failed to read"),
    ] {
        refuses(&["import", from, "--data", &new], why).await;
        refuses(&["export", "--data", &new], "there is no store in it").await;
    }
    let taken = ["import", &file, "--data", &data, "--engine", "fjall"];
    refuses(&taken, "kept by sled").await;
    refuses(&["import", &file, "--data", &data], "already").await;
    let told = run(leasehold(&[
        "import", &file, "--data", &new, "--engine", "paper",
    ]))
    .await;
    assert!(told.failed(2).contains("sled, fjall"));

    import(&file, &new, "fjall").await.ok();
    let wrong = refuses(
        &["hub", "--listen", "127.0.0.1:0", "--data", &new],
        "kept by fjall",
    )
    .await;
    for advice in ["engine = \"fjall\"", "leasehold export"] {
        assert!(wrong.contains(advice), "{advice} in {wrong}");
    }
    hub.restart().await;
    assert_eq!(state(&hub, &ids[1]).await, "ready");
}

/// Moves the hub's data folder from one engine to the other.
async fn migrate(hub: &Hub, from: &str, to: &str) {
    let (data, old) = (hub.data(), hub.folder().join(from));
    let file = text_of(&hub.folder().join(format!("{from}.jsonl")));
    fs::rename(&data, &old).expect("no hub is in it");
    let told = export(&text_of(&old), &file).await;
    assert!(told.err.contains("3 tasks of 1 pool,"), "{told:?}");
    told.ok();
    import(&file, &text_of(&data), to).await.ok();
    hub.file("hub.toml", format!("[store]\nengine = \"{to}\"\n"));
}

async fn export(data: &str, file: &str) -> Told {
    run(leasehold(&["export", "--data", data, "--out", file])).await
}

async fn import(file: &str, data: &str, engine: &str) -> Told {
    run(leasehold(&[
        "import", file, "--data", data, "--engine", engine,
    ]))
    .await
}

async fn refuses(args: &[&str], why: &str) -> String {
    let error = run(leasehold(args)).await.failed(1);
    assert!(error.contains(why), "{why} in {error}");
    error
}

/// All that is told of each task, but for the deadline of its lease.
async fn tasks(hub: &Hub) -> BTreeMap<String, Value> {
    let listed = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    let mut tasks = BTreeMap::new();
    for listed in listed {
        let id = listed["id"].as_str().expect("an id is text");
        task_id(id);
        let mut task = hub.task(id).await;
        if task["state"] == "claimed" {
            task["at_ms"] = Value::Null;
        }
        tasks.insert(id.to_owned(), task);
    }
    assert_eq!(tasks.len(), 3);
    tasks
}

async fn state(hub: &Hub, id: &str) -> String {
    let task = hub.task(id).await;
    task["state"]
        .as_str()
        .expect("a state is a word")
        .to_owned()
}

/// Of a lease id.
fn epoch(lease: &str) -> u32 {
    let number = lease.split('-').nth(1).expect("it has three numbers");
    number.parse().expect("they are numbers")
}
