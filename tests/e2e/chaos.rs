//! `leasehold chaos`: each scene for a few seconds, and histories in which a promise is broken.

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{
    hub::Hub,
    process::leasehold,
    shell::{Told, run, text_of},
};
use tokio::process::Command;

/// Runs a scene, however busy the machine is.
async fn play(scene: &str, seed: &str, length: &str, folder: &Path) -> Told {
    let keep = text_of(&folder.join("kept"));
    let mut args = vec!["chaos", scene, "--seed", seed, "--for", length];
    args.extend(["--slack", "20s", "--keep", &keep]);
    run_for_long(leasehold(&args)).await
}

/// A run takes as long as it takes: its own bounds are what ends it.
async fn run_for_long(mut command: Command) -> Told {
    let output = command
        .kill_on_drop(true)
        .output()
        .await
        .expect("the binary starts");
    Told {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The figures of the history that is kept.
async fn figures(folder: &Path) -> Value {
    let kept = text_of(&folder.join("kept"));
    let told = run(leasehold(&["chaos", "check", &kept, "--json"])).await;
    let runs: Value = serde_json::from_str(&told.out).expect("figures are JSON");
    runs[0].clone()
}

fn count(figures: &Value, fault: &str) -> u64 {
    figures["faults"][fault].as_u64().unwrap_or(0)
}

#[tokio::test]
async fn whoever_is_killed_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let told = play("kill", "4", "9s", folder.path()).await.ok();
    assert!(told.contains("all promises were kept"), "{told}");
    assert!(
        told.contains("again: leasehold chaos kill --seed 4 --for 9s"),
        "{told}"
    );
    let figures = figures(folder.path()).await;
    assert_eq!(figures["lost"], 0, "{figures}");
    assert!(
        count(&figures, "kill hub") + count(&figures, "kill node") > 0,
        "{figures}"
    );
    assert!(count(&figures, "poison task") > 0, "{figures}");
    let killed = count(&figures, "node killed by its task");
    assert!(killed > 0, "{figures}");
    let over_a_death = count(&figures, "sent twice over a hub's death");
    assert!(
        count(&figures, "sent twice") + over_a_death > 0,
        "{figures}"
    );
    assert!(figures["acknowledged"].as_u64() > Some(0), "{figures}");
    assert!(
        figures["changes"].as_u64() > Some(0),
        "the hub's log is read: {figures}"
    );
}

#[tokio::test]
async fn whoever_is_frozen_nothing_is_lost_and_late_answers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let told = play("freeze", "1", "9s", folder.path()).await.ok();
    assert!(told.contains("all promises were kept"), "{told}");
    let figures = figures(folder.path()).await;
    assert!(count(&figures, "freeze node") > 0, "{figures}");
    assert!(figures["stale_refused"].as_u64() > Some(0), "{figures}");
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let told = play("load", "1", "15s", folder.path()).await.ok();
    for promise in [
        "what is too much is refused with a clear answer",
        "each is welcomed, or refused in words",
        "a pool whose neighbours are overloaded goes on",
        "the hub's memory stays within bounds",
        "all promises were kept",
    ] {
        assert!(told.contains(promise), "{promise}: {told}");
    }
}

/// Plays briefly, changes a line of a file of the history, and has it judged again.
async fn spoilt(file: &str, spoil: impl FnOnce(&str) -> String) -> String {
    let folder = tempfile::tempdir().expect("there is room");
    play("kill", "4", "3s", folder.path()).await.ok();
    let path = folder.path().join("kept").join(file);
    let text = fs::read_to_string(&path).expect("the history is kept");
    fs::write(&path, spoil(&text)).expect("a history can be written to");
    let kept = text_of(&folder.path().join("kept"));
    let told = run(leasehold(&["chaos", "check", &kept])).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    told.out
}

#[tokio::test]
async fn a_hub_that_runs_already_is_left_alone() {
    let hub = Hub::start().await;
    let at = hub.at();
    let args = ["chaos", "kill", "--seed", "4", "--for", "4s", "--hub", &at];
    let told = run_for_long(leasehold(&args)).await.ok();
    assert!(told.contains("all promises were kept"), "{told}");
    // It is there, and so are the tasks.
    let status = hub.run(&["status", "chaos", "--json"]).await.json();
    assert!(
        status["pools"][0]["completed"].as_u64() > Some(0),
        "{status}"
    );
    let told = run(leasehold(&["chaos", "load", "--hub", &at])).await;
    assert!(
        told.clone()
            .failed(2)
            .contains("only kill and freeze take --hub"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_task_that_is_lost_is_told_with_the_lines_that_show_it() {
    let told = spoilt("stage.jsonl", |text| {
        let is_end = |line: &&str| line.contains("\"what\":\"found\"");
        let first = text.lines().find(is_end).expect("some task was found");
        text.replace(&format!("{first}\n"), "")
    })
    .await;
    assert!(
        told.contains("an acknowledged task was lost: task "),
        "{told}"
    );
    assert!(
        told.contains("producer-"),
        "the acknowledgement is quoted: {told}"
    );
    assert!(told.contains("BROKEN"), "{told}");
}

#[tokio::test]
async fn a_lease_granted_twice_is_told_from_the_hubs_log() {
    let told = spoilt("hub-1.log", |text| {
        let is_grant = |line: &&str| line.contains("\"cause\":\"Claimed\"");
        let grant = text.lines().find(is_grant).expect("something was granted");
        text.replace(grant, &format!("{grant}\n{grant}"))
    })
    .await;
    assert!(
        told.contains("two leases of one task were live at once"),
        "{told}"
    );
    assert!(told.contains("hub-1.log:"), "the line is quoted: {told}");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told() {
    let told = run(leasehold(&["chaos", "all", "0"])).await.failed(2);
    assert!(
        told.contains("more than 0 and at most 1440, not 0"),
        "{told}"
    );
    let told = run(leasehold(&["chaos", "all", "--only", "kil"]))
        .await
        .failed(2);
    assert!(told.contains("there is no scene \"kil\""), "{told}");
    assert!(
        told.contains("kill"),
        "it names those that there are: {told}"
    );
    let empty = tempfile::tempdir().unwrap();
    let told = run(leasehold(&["chaos", "check", &text_of(empty.path())])).await;
    assert!(
        told.clone().failed(1).contains("no history in it"),
        "{told:?}"
    );
    let kept = text_of(empty.path());
    let told = run(leasehold(&[
        "chaos", "kill", "--for", "3s", "--keep", &kept,
    ]))
    .await;
    assert!(
        told.clone().failed(2).contains("is there already"),
        "{told:?}"
    );
}
