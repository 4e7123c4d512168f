//! Looking at a hub from a shell, and the hand of its owner.

mod support;

use serde_json::{Value, json};
use support::{
    fifo::{Gate, Ledger, Lifeline},
    hub::{Hub, free_address},
    process::leasehold,
    shell::run,
};

const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn status_counts_by_state_and_names_who_is_there() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    hub.enqueue(&["a", "b", "c"]).await;
    let exec = "echo $LEASEHOLD_TASK_ID > $E2E/ledger; exec sleep 1000";
    let _worker = hub.work("crane-1", exec, &[]);
    ledger.next().await;
    let status = hub.run(&["status", "--json"]).await.json();
    let pool = &status["pools"][0];
    for (key, value) in [
        ("name", json!("p")),
        ("ready", json!(2)),
        ("scheduled", json!(0)),
        ("claimed", json!(1)),
        ("completed", json!(0)),
        ("cancelled", json!(0)),
        ("dead", json!(0)),
    ] {
        assert_eq!(pool[key], value, "{key} in {status}");
    }
    let nodes = status["nodes"].as_array().unwrap();
    let crane = nodes.iter().find(|node| node["name"] == "crane-1").unwrap();
    assert_eq!(crane["claimed"], 1, "{status}");
    assert_eq!(status["store"]["engine"], "sled", "{status}");
    assert_eq!(status["hub"]["draining"], false, "{status}");
    assert!(
        status["sessions"]
            .as_array()
            .is_some_and(|all| all.len() >= 2),
        "{status}"
    );
    let text = hub.run(&["status"]).await.ok();
    for word in [
        "POOL", "READY", "CLAIMED", "DEAD", "crane-1", "sled:", "up for",
    ] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    let text = hub.run(&["status", "p"]).await.ok();
    assert!(
        text.lines().nth(1).is_some_and(|row| row.starts_with("p ")),
        "{text}"
    );
}

#[tokio::test]
async fn tasks_are_listed_by_state_and_up_to_a_limit() {
    let hub = Hub::start().await;
    let ids = hub.enqueue(&["a", "b", "c"]).await;
    hub.run(&["cancel", &ids[1]]).await.ok();
    let list = async |more: &[&str]| {
        let args = [&["tasks", "p", "--json"][..], more].concat();
        let tasks = hub.run(&args).await.json_lines();
        let id = |task: &Value| task["id"].as_str().expect("an id").to_owned();
        (tasks.iter().map(id).collect::<Vec<_>>(), tasks)
    };
    let (all, tasks) = list(&[]).await;
    assert_eq!(all, ids);
    for key in [
        "id", "pool", "state", "priority", "attempt", "node", "result", "reason",
    ] {
        assert!(keys(&tasks[0]).contains(&key), "{key} in {}", tasks[0]);
    }
    assert_eq!(list(&["--state", "cancelled"]).await.0, ids[1..2]);
    assert_eq!(
        list(&["--state", "ready"]).await.0,
        [ids[0].clone(), ids[2].clone()]
    );
    assert_eq!(list(&["--limit", "2"]).await.0, ids[..2]);
    let text = hub.run(&["tasks", "p"]).await.ok();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(
        text.starts_with("ID ") && text.contains("cancelled"),
        "{text}"
    );
}

#[tokio::test]
async fn a_task_tells_its_story() {
    let hub = Hub::with("[pool_defaults]\nback_off_base = \"1ms\"\n").await;
    let id = hub.enqueue(&["x"]).await.remove(0);
    let exec = "test $LEASEHOLD_ATTEMPT = 2 && printf fine || { echo oh no >&2; exit 9; }";
    hub.work("w", exec, &["--until-empty"]).ended().await;
    let text = hub.run(&["task", &id]).await.ok();
    for word in [
        &id,
        "completed",
        "1 of 5",
        "exit status 9: oh no",
        "fine",
        "ATTEMPT",
        "failed",
    ] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    let task = hub.task(&id).await;
    for key in [
        "id", "pool", "state", "priority", "attempt", "node", "result", "reason",
    ] {
        assert!(keys(&task).contains(&key), "{key} in {task}");
    }
    assert_eq!(
        (&task["pool"], &task["result"]),
        (&json!("p"), &json!("fine")),
        "{task}"
    );
}

#[tokio::test]
async fn a_ready_task_is_cancelled_and_never_runs() {
    let hub = Hub::start().await;
    let ids = hub.enqueue(&["a", "b"]).await;
    assert_eq!(hub.run(&["cancel", &ids[0]]).await.ok().trim(), ids[0]);
    hub.work("w", "cat", &["--until-empty"]).ended().await;
    let (first, second) = (hub.task(&ids[0]).await, hub.task(&ids[1]).await);
    assert_eq!(
        (&first["state"], &first["attempt"]),
        (&json!("cancelled"), &json!(0))
    );
    assert_eq!(second["state"], "completed");
    let error = hub.run(&["cancel", &ids[1], UNKNOWN]).await.failed(1);
    assert!(error.contains("is completed already"), "{error}");
    assert!(error.contains("no such task"), "{error}");
    let told = hub.run(&["cancel", "--json", UNKNOWN]).await;
    let document: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(document["cancelled"], json!([]), "{document}");
    assert_eq!(document["refused"][0]["id"], UNKNOWN, "{document}");
    told.failed(1);
}

#[tokio::test]
async fn the_command_of_a_cancelled_task_is_told_to_end() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let gate = Gate::new(hub.folder(), "gate");
    let lifeline = Lifeline::new(hub.folder(), "lifeline");
    let ids = hub.enqueue(&["a"]).await;
    let exec = "trap 'echo told > $E2E/ledger; exit 0' TERM; exec 9> $E2E/lifeline; \
                echo started > $E2E/ledger; read _ < $E2E/gate & wait";
    let worker = hub.work("w", exec, &["--json"]);
    assert_eq!(ledger.next().await, "started");
    hub.run(&["cancel", &ids[0]]).await.ok();
    assert_eq!(ledger.next().await, "told");
    lifeline.ended().await;
    worker.said("\"lost\"").await;
    let task = hub.task(&ids[0]).await;
    assert_eq!(
        (&task["state"], &task["result"]),
        (&json!("cancelled"), &json!(null))
    );
    drop(gate);
}

#[tokio::test]
async fn a_command_that_does_not_end_when_told_is_killed() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let lifeline = Lifeline::new(hub.folder(), "lifeline");
    let ids = hub.enqueue(&["a"]).await;
    let exec = "trap '' TERM; exec 9> $E2E/lifeline; echo started > $E2E/ledger; sleep 1000";
    let _worker = hub.work("w", exec, &["--kill-after", "100ms"]);
    assert_eq!(ledger.next().await, "started");
    hub.run(&["cancel", &ids[0]]).await.ok();
    lifeline.ended().await;
}

#[tokio::test]
async fn the_dead_are_revived_one_by_one_or_all() {
    let hub = Hub::start().await;
    let command = hub.command(&["enqueue", "p", "--lines", "-", "--attempts-max", "1"]);
    let told = support::shell::run_with_input(command, b"a\nb\nc\n")
        .await
        .ok();
    let mut ids: Vec<_> = told.lines().collect();
    hub.work("w", "false", &["--until-empty"]).ended().await;
    assert_eq!(hub.pool().await["dead"], 3);
    assert_eq!(hub.run(&["revive", "p", ids[1]]).await.ok().trim(), ids[1]);
    let task = hub.task(ids[1]).await;
    assert_eq!(
        (&task["state"], &task["attempt"]),
        (&json!("ready"), &json!(0)),
        "{task}"
    );
    let error = hub.run(&["revive", "p", ids[1]]).await.failed(1);
    assert!(
        error.contains("is ready, and only a dead task can be revived"),
        "{error}"
    );
    let rest = hub.run(&["revive", "p", "--all"]).await.ok();
    ids.remove(1);
    assert_eq!(rest.lines().collect::<Vec<_>>(), ids);
    let told = hub.run(&["revive", "p", "--all", "--json"]).await.json();
    assert_eq!(told["revived"], json!([]));
    hub.work("w", "true", &["--until-empty"]).ended().await;
    assert_eq!(hub.pool().await["completed"], 3);
}

#[tokio::test]
async fn exit_codes_say_whose_fault_it_is() {
    let hub = Hub::start().await;
    let error = hub.run(&["task", UNKNOWN]).await.failed(1);
    assert!(
        error.contains(UNKNOWN) && error.contains("no such task"),
        "{error}"
    );
    for (args, word) in [
        (&["enqueue"][..], "<POOL>"),
        (&["enqueue", "not a name", "x"], "not a name"),
        (&["task", "12"], "12"),
        (&["tasks", "p", "--state", "running"], "ready, "),
        (&["work", "p"], "--exec"),
        (&["enqueue", "p", "x", "--priority", "urgent"], "normal (4)"),
        (&["revive", "p"], "--all"),
        (&["status", "--hub", "nowhere"], "host:port"),
        (&["status", "--timeout", "soon"], "500ms"),
        (&["dance"], "dance"),
    ] {
        let error = hub.run(args).await.failed(2);
        assert!(error.contains(word), "{word} in {error}");
    }
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_69_when_the_time_is_up() {
    let address = free_address().to_string();
    for args in [
        &["status"][..],
        &["enqueue", "p", "x"],
        &["enqueue", "p", "--lines", "/dev/null"],
        &["task", UNKNOWN],
        &["work", "p", "--exec", "true"],
    ] {
        let mut command = leasehold(args);
        command
            .args(["--timeout", "200ms"])
            .env("LEASEHOLD_HUB", &address);
        if args.contains(&"/dev/null") {
            // There is nothing to ask it.
            assert_eq!(run(command).await.ok(), "");
            continue;
        }
        let error = run(command).await.failed(69);
        assert!(
            error.contains(&address) && error.contains("leasehold hub"),
            "{error}"
        );
    }
}
