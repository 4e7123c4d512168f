//! Enqueueing and working from a shell, as a user types it.

mod support;

use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::json;
use support::{
    fifo::{Gate, Ledger, Lifeline},
    hub::Hub,
    process::Process,
    raw::Raw,
    shell::{run, run_with_input},
    task_id,
};
use tokio::io::AsyncReadExt;

/// No wait worth mentioning after a failed attempt.
const IMPATIENT: &str = "[pool_defaults]\nback_off_base = \"1ms\"\nback_off_cap = \"1ms\"\n";

#[tokio::test]
async fn a_task_is_enqueued_worked_on_and_its_output_is_its_result() {
    let hub = Hub::start().await;
    let id = hub.run(&["enqueue", "p", "hello"]).await.ok();
    let id = id.trim();
    task_id(id);
    let mut worker = hub.work("crane", "tr a-z A-Z", &["--until-empty"]);
    assert_eq!(worker.ended().await.code(), Some(0));
    worker
        .said("1 completed, 0 failed, 0 released, 0 lost")
        .await;
    let task = hub.task(id).await;
    assert_eq!(task["result"], "HELLO", "{task}");
    assert_eq!(task["state"], "completed", "{task}");
    assert_eq!(
        (&task["payload"], &task["payload_bytes"]),
        (&json!(null), &json!(5)),
        "what completed keeps no payload: {task}"
    );
    let told = hub.run(&["task", id]).await.ok();
    assert!(
        told.contains("(5 B, no longer kept: the task completed)"),
        "{told}"
    );
    assert_eq!(
        (&task["attempt"], &task["node"]),
        (&json!(1), &json!("crane")),
        "{task}"
    );
    assert_eq!(task["history"][0]["ending"], "completed", "{task}");
}

#[tokio::test]
async fn payloads_come_from_arguments_files_lines_and_standard_input() {
    let hub = Hub::start().await;
    let (file, lines) = (
        hub.file("one", "of a file\n"),
        hub.file("many", "a\n\nb b\nc"),
    );
    hub.run(&["enqueue", "p", "--", "-an argument"]).await.ok();
    hub.run(&["enqueue", "p", "--file", &file]).await.ok();
    let listed = hub.run(&["enqueue", "p", "--lines", &lines]).await.ok();
    assert_eq!(listed.lines().count(), 4, "one id for each line: {listed}");
    run_with_input(hub.command(&["enqueue", "p"]), b"of stdin\n")
        .await
        .ok();
    let dash = hub.command(&["enqueue", "p", "--lines", "-"]);
    run_with_input(dash, b"x\ny\n").await.ok();
    run_with_input(hub.command(&["enqueue", "p"]), b"\xff\x00")
        .await
        .ok();
    let tasks = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    let mut payloads = Vec::new();
    for task in &tasks {
        let task = hub.task(task["id"].as_str().expect("an id")).await;
        let bytes = task.get("payload_base64").unwrap_or(&task["payload"]);
        payloads.push(bytes.as_str().expect("bytes").to_owned());
    }
    assert_eq!(
        payloads,
        [
            "-an argument",
            "of a file\n",
            "a",
            "",
            "b b",
            "c",
            "of stdin\n",
            "x",
            "y",
            "/wA="
        ]
    );
}

#[tokio::test]
async fn the_same_id_twice_is_one_task() {
    let hub = Hub::start().await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    for known_as in [json!(null), json!("ready")] {
        let args = ["enqueue", "p", "once", "--id", id, "--json"];
        let told = hub.run(&args).await.json();
        let expected = json!({
            "id": id, "pool": "p", "known_as": known_as, "deduplicated": false,
        });
        assert_eq!(told, expected);
    }
    assert_eq!(hub.pool().await["ready"], 1);
    let mut worker = hub.work("w", "echo ran >> $E2E/runs", &["--until-empty"]);
    worker.ended().await;
    assert_eq!(
        hub.run(&["enqueue", "p", "once", "--id", id])
            .await
            .ok()
            .trim(),
        id
    );
    let pool = hub.pool().await;
    assert_eq!(
        (&pool["ready"], &pool["completed"]),
        (&json!(0), &json!(1)),
        "{pool}"
    );
    let runs = std::fs::read_to_string(hub.folder().join("runs")).unwrap();
    assert_eq!(runs, "ran\n");
}

#[tokio::test]
async fn the_urgent_goes_first() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    for (payload, priority) in [
        ("late", "9"),
        ("soon", "1"),
        ("now", "0"),
        ("soon too", "1"),
    ] {
        hub.run(&["enqueue", "p", payload, "--priority", priority])
            .await
            .ok();
    }
    let mut worker = hub.work("w", "echo \"$(cat)\" > $E2E/ledger", &["--until-empty"]);
    for payload in ["now", "soon", "soon too", "late"] {
        assert_eq!(ledger.next().await, payload);
    }
    assert_eq!(worker.ended().await.code(), Some(0));
}

#[tokio::test]
async fn lines_keep_their_order() {
    let hub = Hub::start().await;
    let lines: Vec<_> = (0..5000).map(|number| format!("{number:0>60}")).collect();
    let told = hub.command(&["enqueue", "p", "--lines", "-"]);
    let told = run_with_input(told, lines.join("\n").as_bytes()).await.ok();
    let mut raw = Raw::open(hub.address(), "raw", 1).await;
    let claimed: Vec<_> = raw
        .claim(4096)
        .await
        .into_iter()
        .chain(raw.claim(4096).await)
        .collect();
    let payloads: Vec<_> = claimed.iter().map(|task| &*task.payload).collect();
    assert!(payloads.is_sorted(), "the first line is the first to run");
    let ids: Vec<_> = claimed
        .iter()
        .map(|task| task.proof.task.to_string())
        .collect();
    assert_eq!(told.lines().collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn a_task_that_fails_is_tried_again_and_then_dead_for_the_reason_it_gave() {
    let hub = Hub::with(IMPATIENT).await;
    let told = hub.run(&["enqueue", "p", "x", "--attempts-max", "2"]).await;
    let exec = "echo \"attempt $LEASEHOLD_ATTEMPT broke\" >&2; exit 3";
    let mut worker = hub.work("w", exec, &["--until-empty"]);
    assert_eq!(worker.ended().await.code(), Some(0));
    worker.said("attempt 2 broke").await;
    let task = hub.task(told.ok().trim()).await;
    assert_eq!(task["state"], "dead", "{task}");
    assert_eq!(
        (&task["attempt"], &task["attempts_max"]),
        (&json!(2), &json!(2)),
        "{task}"
    );
    let reasons: Vec<_> = [0, 1].map(|i| task["history"][i]["reason"].clone()).into();
    assert_eq!(
        reasons,
        [
            "exit status 3: attempt 1 broke",
            "exit status 3: attempt 2 broke"
        ]
    );
    let reason = task["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("attempt 2 broke"), "{task}");
}

#[tokio::test]
async fn waiting_gives_the_result_or_says_why_there_is_none() {
    let hub = Hub::with(IMPATIENT).await;
    let exec = "read line; test \"$line\" != bad && echo \"<$line>\" || { echo no >&2; false; }";
    let _worker = hub.work("w", exec, &[]);
    let told = hub.run(&["enqueue", "p", "good", "--wait"]).await;
    assert_eq!(told.ok(), "<good>\n");
    let told = hub
        .run(&["enqueue", "p", "bad", "--wait", "--attempts-max", "1"])
        .await;
    assert_eq!(told.out, "");
    let error = told.failed(1);
    assert!(error.contains("is dead") && error.contains("no"), "{error}");
    let told = hub
        .run(&["enqueue", "p", "good", "--wait", "--json"])
        .await
        .json();
    assert_eq!(
        (&told["state"], &told["result"]),
        (&json!("completed"), &json!("<good>\n"))
    );
}

#[tokio::test]
async fn a_command_knows_what_it_works_on() {
    let hub = Hub::start().await;
    let exec = "cat; for v in TASK_ID POOL ATTEMPT LEASE NODE; do \
                eval echo \"\\$LEASEHOLD_$v\"; done";
    let _worker = hub.work("crane-7", exec, &[]);
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let told = hub
        .run(&["enqueue", "p", "--id", id, "--wait", "payload "])
        .await;
    let result = told.ok();
    let lease = hub.task(id).await["history"][0]["lease"].clone();
    let lease = lease.as_str().unwrap();
    assert_eq!(result, format!("payload {id}\np\n1\n{lease}\ncrane-7\n"));
}

/// What this program wants of the system's memory is nothing that a command should bear.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_command_has_the_memory_of_any_other() {
    let hub = Hub::start().await;
    let exec = "grep -c '^THP_enabled:.*1' /proc/self/status";
    let _worker = hub.work("crane", exec, &[]);
    let told = hub.run(&["enqueue", "p", "--wait", ""]).await;
    assert_eq!(told.ok(), "1\n");
}

#[tokio::test]
async fn exit_75_gives_the_task_back_uncounted() {
    let hub = Hub::start().await;
    let exec = "test -e $E2E/second || { touch $E2E/second; exit 75; }; echo done";
    let mut worker = hub.work("w", exec, &["--json"]);
    let told = hub
        .run(&["enqueue", "p", "x", "--wait", "--json"])
        .await
        .json();
    assert_eq!(
        (&told["attempt"], &told["interruptions"]),
        (&json!(1), &json!(1)),
        "{told}"
    );
    let endings: Vec<_> = [0, 1].map(|i| told["history"][i]["ending"].clone()).into();
    assert_eq!(endings, ["released", "completed"]);
    let line = worker.said("\"released\"").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["id"], &line["attempt"], &line["node"]),
        (&told["id"], &json!(1), &json!("w"))
    );
    worker.said("\"completed\"").await;
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().await.code(), Some(0));
}

#[tokio::test]
async fn so_many_slots_are_so_many_commands_at_a_time() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    hub.enqueue(&["a", "b", "c", "d"]).await;
    let exec = "p=$(cat); echo $p > $E2E/ledger; read _ < $E2E/gate";
    let mut worker = hub.work("w", exec, &["--slots", "3", "--until-empty"]);
    assert_eq!(ledger.take(3).await, ["a", "b", "c"]);
    assert_eq!(
        hub.pool().await["claimed"],
        3,
        "the fourth waits at the hub"
    );
    gate.open(1).await;
    assert_eq!(ledger.next().await, "d");
    gate.open(3).await;
    assert_eq!(worker.ended().await.code(), Some(0));
    assert_eq!(hub.pool().await["completed"], 4);
}

#[tokio::test]
async fn what_a_command_leaves_running_ends_with_it() {
    let hub = Hub::start().await;
    let lifeline = Lifeline::new(hub.folder(), "lifeline");
    let exec = "exec 9> $E2E/lifeline; sleep 1000 > /dev/null 2>&1 & echo started";
    let _worker = hub.work("w", exec, &[]);
    let told = hub.run(&["enqueue", "p", "x", "--wait"]).await;
    assert_eq!(told.ok(), "started\n");
    lifeline.ended().await;
}

#[tokio::test]
async fn one_worker_serves_several_pools() {
    let hub = Hub::start().await;
    for pool in ["p", "q"] {
        hub.run(&["enqueue", pool, pool]).await.ok();
    }
    let exec = "echo in $LEASEHOLD_POOL";
    let told = hub
        .run(&["work", "p", "q", "--exec", exec, "--until-empty"])
        .await;
    assert!(told.clone().ok().is_empty(), "{told:?}");
    for pool in ["p", "q"] {
        let tasks = hub.run(&["tasks", pool, "--json"]).await.json_lines();
        assert_eq!(tasks[0]["result"], format!("in {pool}\n"), "{tasks:?}");
    }
}

#[tokio::test]
async fn nobody_who_reads_is_no_reason_for_noise() {
    let hub = Hub::start().await;
    let lines = "line\n".repeat(20_000);
    for args in [
        &["enqueue", "p", "--lines", "-"][..],
        &["tasks", "p"],
        &["tasks", "p", "--json"],
    ] {
        let input = if args[0] == "enqueue" {
            lines.as_bytes()
        } else {
            b""
        };
        let file = hub.file("input", input);
        let mut command = hub.command(args);
        command.stdin(std::fs::File::open(file).unwrap());
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 36]).await.unwrap();
        drop(out);
        let output = support::within("its end", child.wait_with_output())
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(141), "{args:?}: {said}");
        assert_eq!(said, "", "{args:?}");
    }
}

#[tokio::test]
async fn a_hub_is_found_by_flag_or_environment_and_takes_any_free_port() {
    let folder = tempfile::tempdir().unwrap();
    let data = support::shell::text_of(&folder.path().join("data"));
    let args = ["hub", "--listen", "127.0.0.1:0", "--data", &data];
    let mut command = support::process::leasehold(&args);
    // It is of the nodes, and no setting of a hub.
    command.env("LEASEHOLD_HUB", "127.0.0.1:1");
    let mut hub = Process::start("the hub", command);
    let line = hub.said("listening on ").await;
    let address = line.trim_start_matches("listening on ");
    let by_flag = ["status", "--json", "--hub", address];
    let told = run(support::process::leasehold(&by_flag)).await.json();
    assert_eq!(told["pools"], json!([]), "{told}");
    let mut by_variable = support::process::leasehold(&["status"]);
    by_variable.env("LEASEHOLD_HUB", address);
    let told = run(by_variable).await.ok();
    assert!(told.contains("no pool has been used yet"), "{told}");
    hub.signal(Signal::SIGTERM);
    assert_eq!(hub.ended().await.code(), Some(0));
}
