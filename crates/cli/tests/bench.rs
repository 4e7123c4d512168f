//! The bench from outside: that each phase comes to an end and says what it measured. How fast
//! anything is, is no matter here.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// How long things are measured where it does not matter, in seconds.
const SHORT: &str = "0.02";

/// Little to do, on a folder of its own.
fn bench(folder: &Path, seconds: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold"));
    command
        .arg("bench")
        .args(args)
        .args([
            "--seconds",
            seconds,
            "--connections",
            "2",
            "--in-flight",
            "4",
        ])
        .args(["--slots", "4", "--threads", "2", "--data"])
        .arg(folder)
        .env_remove("RUST_LOG")
        // Idle sessions are measured for whole heartbeats.
        .env("LEASEHOLD_SESSION_HEARTBEAT", "100ms")
        .stdin(Stdio::null());
    command
}

fn ended(mut command: Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether the figure was measured, and is a number above nothing.
#[track_caller]
fn measured(document: &Value, phase: &str, figure: &str) {
    let figures = document["figures"].as_array().unwrap();
    let of_phase: Vec<_> = figures.iter().filter(|it| it["phase"] == phase).collect();
    let values = of_phase
        .iter()
        .filter(|it| it["figure"] == figure)
        .map(|it| it["median"].as_f64().unwrap());
    let values: Vec<f64> = values.collect();
    assert!(!values.is_empty(), "{phase}: {figure} in {of_phase:#?}");
    // Of several figures one may be of a moment in which the disk stood still for all of so short a run.
    assert!(values.iter().all(|it| *it >= 0.0), "{phase}: {values:?}");
    assert!(values.iter().any(|it| *it > 0.0), "{phase}: {values:?}");
}

#[track_caller]
fn is_empty(folder: &Path) {
    let left: Vec<_> = fs::read_dir(folder).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_phase_of_a_quick_run_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "limits", "enqueue", "claim", "mixed", "single", "latency", "--tasks", "40", "--rates",
        "2000", "--json", "-",
    ];
    let document = document(&ended(bench(folder.path(), SHORT, &args)));
    for (phase, figure) in [
        ("limits", "syncs"),
        ("limits", "frames"),
        ("enqueue", "enqueued"),
        ("enqueue", "of a bare log"),
        ("claim+complete", "completed"),
        ("mixed", "lifecycles"),
        ("single", "enqueued"),
        ("single", "completed"),
        ("single", "enqueued p50 ÷ sync"),
        ("latency", "acknowledged p50"),
        ("latency", "delivered p99"),
        ("latency", "completed p999"),
    ] {
        measured(&document, phase, figure);
    }
    assert_eq!(document["targets"][0]["name"], "leasehold");
    assert_eq!(document["targets"][0]["syncs"], true);
    is_empty(folder.path());
}

#[test]
fn what_stands_what_idles_and_what_restarts_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "store",
        "deep",
        "sessions",
        "cut",
        "restart",
        "--standing",
        "50",
        "--sessions",
        "3",
        "--json",
        "-",
    ];
    let document = document(&ended(bench(folder.path(), SHORT, &args)));
    for (phase, figure) in [
        ("store", "changes"),
        ("store", "of the bare log"),
        ("deep", "disk/task"),
        ("sessions", "opened in"),
        ("cut", "ready again"),
        ("restart", "first claim"),
    ] {
        measured(&document, phase, figure);
    }
    is_empty(folder.path());
}

#[test]
fn people_are_shown_a_table_and_what_an_acknowledgement_means() {
    let folder = tempfile::tempdir().unwrap();
    let output = ended(bench(folder.path(), SHORT, &["enqueue", "--tasks", "20"]));
    let text = String::from_utf8(output.stdout).unwrap();
    for wanted in ["enqueue", "2×4", "leasehold", "cores", "fdatasync"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
}

#[test]
fn what_is_asked_wrongly_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for (args, wanted) in [
        (["enqueue", "--payload", "7"], "at least 8"),
        (["enqueue", "--connections", "0"], "at least 1"),
        (["enqueue", "--against", "x"], "KIND=ADDRESS"),
        (["enqueue", "--repeat", "0"], "at least 1"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold"));
        let command = command.arg("bench").args(args).current_dir(folder.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
    is_empty(folder.path());
}

#[test]
fn a_hub_that_does_not_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["enqueue", "--engine", "paper"];
    let output = bench(folder.path(), SHORT, &args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("failed to start a hub"), "{said}");
    assert!(said.contains("paper"), "{said}");
    is_empty(folder.path());
}

/// What runs with this folder on its command line, the bench itself aside.
fn holders(folder: &Path, bench: &Child) -> Vec<u32> {
    let name = folder.to_str().unwrap();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != bench.id())
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(name)
        })
        .collect()
}

/// A bench that would go on for a minute, once its hub is there; and what it says.
fn long_bench(folder: &Path) -> (Child, BufReader<ChildStderr>) {
    let mut child = bench(folder, "60", &["mixed", "--progress"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    assert!(first.contains("mixed"), "{first}");
    assert!(!holders(folder, &child).is_empty(), "there is no hub");
    (child, said)
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).unwrap();
    kill(Pid::from_raw(pid), signal).unwrap();
}

#[test]
fn ctrl_c_leaves_neither_hub_nor_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, _said) = long_bench(folder.path());
    signal(&child, Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(holders(folder.path(), &child), [0; 0]);
    is_empty(folder.path());
}

#[test]
fn a_bench_that_is_killed_takes_its_hub_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut said) = long_bench(folder.path());
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    // The hub's guard has this end of the pipe, too, and ends after the hub.
    said.read_to_string(&mut String::new()).unwrap();
    assert_eq!(holders(folder.path(), &child), [0; 0]);
}
