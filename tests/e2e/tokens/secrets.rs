//! A secret is in nobody's log, in no error, in no list of processes, and not on the disk.

use std::{fs, path::Path};

use nix::sys::signal::Signal;

use super::{
    DENIED,
    support::{fifo::Ledger, hub::Hub, shell::run},
};

/// Every file under a folder.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("it can be read on").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(fs::read(&path).expect("a file can be read"));
        }
    }
    all
}

fn is_in(secret: &str, bytes: &[u8]) -> bool {
    bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

fn arguments_of(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).expect("it runs")
}

#[tokio::test]
async fn a_secret_is_said_once_and_to_nobody_else() {
    let trace = [("LEASEHOLD_LOG_LEVEL", "trace"), ("RUST_LOG", "trace")];
    let mut hub = Hub::closed(&trace).await;
    hub.make("shop", &["--role", "producer", "--pool", "p"])
        .await;
    hub.make("work", &["--role", "node", "--pool", "p"]).await;
    let wrong = format!("lh1.shop.{}", "B".repeat(43));
    hub.file("wrong.token", &wrong);
    let tokens = ["me", "shop", "work"].map(|name| hub.token(name));
    let secret = |token: &str| {
        token
            .rsplit_once('.')
            .expect("it has a secret")
            .1
            .to_owned()
    };
    let secrets: Vec<String> = tokens
        .iter()
        .chain([&wrong])
        .map(|token| secret(token))
        .collect();

    let mut said = Vec::new();
    for (name, args) in [
        ("shop", &["enqueue", "p", "x"][..]),
        ("shop", &["status", "billing"]),
        ("wrong", &["status"]),
        ("me", &["token", "list", "--json"]),
        ("me", &["token", "list"]),
    ] {
        let mut command = hub.command_as(name, args);
        command.env("RUST_LOG", "trace");
        let told = run(command).await;
        assert!(matches!(told.code, Some(0 | DENIED)), "{told:?}");
        said.extend([told.out, told.err]);
    }
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut worker = hub.work_as("work", "worker", "echo here > $E2E/ledger");
    ledger.next().await;
    for pid in [worker.pid(), hub.process().pid()] {
        for secret in &secrets {
            assert!(
                !is_in(secret, &arguments_of(pid)),
                "in the list of processes"
            );
        }
    }
    worker.signal(Signal::SIGTERM);
    worker.ended().await;
    hub.run_as("me", &["token", "revoke", "shop"]).await.ok();
    hub.end(Signal::SIGTERM).await;

    said.extend(worker.lines());
    let logged = hub.process().lines();
    assert!(logged.iter().any(|line| line.contains("leasehold::audit")));
    assert!(
        logged.iter().any(|line| line.contains("TRACE")),
        "at the level of traces"
    );
    said.extend(logged);
    let kept = files(&hub.data());
    for secret in &secrets {
        let line = said.iter().find(|line| line.contains(secret));
        assert_eq!(line, None, "it was said");
        assert!(
            !kept.iter().any(|bytes| is_in(secret, bytes)),
            "it is on the disk"
        );
    }
}
