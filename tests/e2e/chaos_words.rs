//! What `leasehold chaos` says and leaves when it is interrupted, asked wrongly, or on a machine that
//! does not allow all of it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use nix::sys::signal::Signal;
use support::{
    fifo::Ledger,
    process::{Process, leasehold},
    shell::{run, text_of},
};
use tokio::process::Command;

/// With its temporary files in this folder, which is made.
fn in_folder(args: &[&str], folder: &Path) -> Command {
    fs::create_dir(folder).unwrap();
    let mut command = leasehold(args);
    command.env("TMPDIR", folder);
    command
}

/// A program of that name for all that is found by `PATH`, which runs this.
fn stand_in(command: &mut Command, folder: &Path, name: &str, script: &str) {
    let program = folder.join(name);
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let others = std::env::var("PATH").expect("there is a path");
    command.env("PATH", format!("{}:{others}", folder.display()));
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn a_scene_that_is_asked_to_end_leaves_nothing_behind() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        let mut chaos = Process::start("chaos", in_folder(&["chaos", "kill"], &files));
        chaos.said("1/").await;
        assert!(!is_empty(&files));
        chaos.signal(signal);
        assert_eq!(chaos.ended().await.code(), Some(1), "{signal}");
        chaos
            .said("failed to play to the end: it was interrupted")
            .await;
        assert!(is_empty(&files), "{signal}");
    }
}

#[tokio::test]
async fn all_that_is_asked_to_end_passes_it_on_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let mut compiled = Ledger::new(folder.path(), "compiled");
    let all = ["chaos", "all", "10", "--only", "clock"];
    let mut command = in_folder(&all, &files);
    let pipe = folder.path().join("compiled");
    let script = format!("echo clock > {}", pipe.display());
    stand_in(&mut command, folder.path(), "cc", &script);
    let mut chaos = Process::start("chaos", command);
    // The scene has its folders, and is not the process that is asked.
    assert_eq!(compiled.next().await, "clock");
    chaos.signal(Signal::SIGTERM);
    assert_eq!(chaos.ended().await.code(), Some(1));
    chaos.said("it was interrupted").await;
    assert!(is_empty(&files));
}

#[tokio::test]
async fn a_run_in_which_nothing_would_be_done_is_refused() {
    for (scene, length, enough) in [
        ("kill", "0s", "3s"),
        ("kill", "2s", "3s"),
        ("clock", "1s", "3s"),
        ("upgrade", "1s", "3s"),
        ("load", "10s", "15s"),
    ] {
        let told = run(leasehold(&["chaos", scene, "--for", length])).await;
        assert_eq!(told.out, "", "{scene}");
        let text = format!("--for {length} is too short for {scene}: {enough} is enough");
        assert!(told.clone().failed(2).contains(&text), "{told:?}");
    }
    let told = run(leasehold(&["chaos", "all", "0.1"])).await.failed(2);
    assert!(
        told.contains("MINUTES 0.1 is too short for load: 0.25 is enough"),
        "{told}"
    );
}

/// A machine without a C compiler, and all else: nothing is found by `PATH`.
fn without_programs(command: &mut Command, folder: &Path) {
    let bin = folder.join("bin");
    fs::create_dir(&bin).unwrap();
    command.env("PATH", bin);
}

#[tokio::test]
async fn a_scene_that_the_machine_does_not_allow_is_passed_over_and_said_so() {
    let cc = "no cc (Debian: apt-get install gcc libc6-dev)";
    for (scene, why) in [
        ("clock", cc),
        ("disk", cc),
        ("power-cut", cc),
        ("power-cut-fjall", cc),
        ("upgrade", "no tar (Debian: apt-get install tar)"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = leasehold(&["chaos", scene]);
        without_programs(&mut command, folder.path());
        let told = run(command).await.ok();
        assert_eq!(told, format!("{scene} is passed over: {why}\n"));
    }
}

#[tokio::test]
async fn all_tells_what_was_kept_from_what_was_not_played() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = leasehold(&["chaos", "all", "0.05", "--only", "kill,disk,clock"]);
    without_programs(&mut command, folder.path());
    let output = command.kill_on_drop(true).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let last = "all promises were kept; 2 of 3 scenes were not played: disk (no cc), clock (no cc)";
    assert_eq!(told.lines().last(), Some(last), "{told}");
    for row in ["disk   passed over: no cc (", "clock  passed over: no cc ("] {
        assert!(told.lines().any(|line| line.starts_with(row)), "{told}");
    }
    let (progress, _) = told.split_once("\n\nscene ").expect("there is a table");
    assert!(!progress.contains("\n\n"), "{told}");
}

#[tokio::test]
async fn a_scene_that_fails_is_told_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = leasehold(&["chaos", "all", "0.25", "--only", "clock"]);
    stand_in(
        &mut command,
        folder.path(),
        "cc",
        "echo no such header >&2; exit 1",
    );
    let told = run(command).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    let last = "NOT every scene could be played: clock (failed to compile a clock that can be set: \
                no such header)";
    assert_eq!(told.out.lines().last(), Some(last), "{told:?}");
}

#[tokio::test]
async fn what_cannot_be_is_told_before_anything_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let there = text_of(folder.path());
    for scene in [&["kill"][..], &["all", "1"]] {
        let args = [&["chaos"], scene, &["--keep", &there]].concat();
        let told = run(leasehold(&args)).await;
        assert_eq!(told.out, "");
        let text = format!("--keep {there} is there already: name a folder that is not");
        assert!(told.clone().failed(2).contains(&text), "{told:?}");
    }
    let told = run(leasehold(&["chaos", "kill", "--hub-config", "nofile"])).await;
    assert_eq!(told.out, "");
    let said = told.failed(2);
    assert_eq!(said.matches("leasehold: ").count(), 1, "{said}");
    assert!(said.contains("nofile"), "{said}");
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_asked_for_first_and_not_for_long() {
    // Nobody else gets the port while this holds it, and nobody listens.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = held.local_addr().unwrap().to_string();
    let told = run(leasehold(&["chaos", "kill", "--hub", &at])).await;
    assert_eq!(told.out, "");
    let said = told.failed(69);
    let text = format!("play at the hub at {at}, in its pool chaos: no hub at {at} for 10.");
    let rest = said.split_once(&text).unwrap_or_else(|| panic!("{said}")).1;
    let (tenths, _) = rest.split_once("s: ").unwrap();
    assert_eq!(tenths.len(), 1, "tenths of a second: {said}");
}

#[tokio::test]
async fn what_is_said_can_be_understood() {
    for scene in ["network", "load", "partition", "disk", "clock"] {
        let told = run(leasehold(&["chaos", scene, "--hub", "127.0.0.1:1"])).await;
        let text =
            format!("{scene} is not played at a hub of yours: only kill and freeze take --hub");
        assert!(told.clone().failed(2).contains(&text), "{told:?}");
    }
    let told = run(leasehold(&["chaos", "all", "30s"])).await.failed(2);
    assert!(told.contains("minutes, such as 0.5"), "{told}");
    let told = run(leasehold(&[
        "chaos", "freeze", "--seed", "4", "--for", "3s",
    ]))
    .await
    .ok();
    assert!(told.contains("2 producers; 1 act within 3s"), "{told}");
    assert!(
        told.lines().all(|line| line.chars().count() <= 100),
        "{told}"
    );
}
