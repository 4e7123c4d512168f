//! A disk that is nearly full: no more tasks are taken, and those that were are worked off.

mod support;

use std::fs;

use nix::sys::signal::Signal;
use support::{hub::Hub, process::Process, shell::run_with_input};

/// More than any disk of a test has free.
const RESERVE: &str = "[store]\ndisk_reserve = \"16TiB\"\n";

#[tokio::test]
async fn enqueues_are_refused_while_claims_and_completions_go_on() {
    let mut hub = Hub::start().await;
    let ids = hub.enqueue(&["a", "b", "c"]).await;
    hub.end(Signal::SIGTERM).await;
    fs::write(hub.folder().join("hub.toml"), RESERVE).unwrap();
    hub.restart().await;
    let error = hub.run(&["enqueue", "p", "d"]).await.failed(1);
    assert!(error.contains("the hub's disk is nearly full"), "{error}");
    assert!(
        error.contains("17592186044416 are kept in reserve"),
        "{error}"
    );
    let lines = hub.command(&["enqueue", "p", "--lines", "-"]);
    let told = run_with_input(lines, b"d\ne\n").await;
    assert_eq!(told.out, "");
    let error = told.failed(1);
    assert!(
        error.contains("line 2") && error.contains("2 of 2 lines"),
        "{error}"
    );
    // What is known already takes no room.
    let known = hub.run(&["enqueue", "p", "a", "--id", &ids[0]]).await;
    assert_eq!(known.ok().trim(), ids[0]);
    let mut worker: Process = hub.work("w", "tr a-z A-Z", &["--until-empty"]);
    assert_eq!(worker.ended().await.code(), Some(0));
    for (id, result) in ids.iter().zip(["A", "B", "C"]) {
        assert_eq!(hub.task(id).await["result"], result);
    }
    hub.end(Signal::SIGTERM).await;
    fs::write(hub.folder().join("hub.toml"), "").unwrap();
    hub.restart().await;
    hub.run(&["enqueue", "p", "d"]).await.ok();
    let pool = hub.pool().await;
    assert_eq!(
        (&pool["ready"], &pool["completed"]),
        (&1.into(), &3.into()),
        "{pool}"
    );
}
