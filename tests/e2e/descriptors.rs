//! Sessions cost descriptors, of which a process is given only so many.

mod support;

use std::{fs, net::SocketAddr, path::Path};

use futures_util::StreamExt;
use leasehold_wire::{FromHub, NodeCodec, RefusalCode};
use support::{
    process::{BINARY, Process, unswayed},
    raw::Raw,
};
use tempfile::tempdir;
use tokio::{net::TcpStream, process::Command};
use tokio_util::codec::Framed;

/// A hub that may open so many files, and as many as the second number once it asks for more.
fn bounded(soft: u64, hard: u64, data: &Path) -> Process {
    let limits = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limits, BINARY, "hub", "--listen", "127.0.0.1:0"]);
    command.arg("--data").arg(data);
    Process::start("the bounded hub", unswayed(command))
}

async fn address(hub: &Process) -> SocketAddr {
    let line = hub.said("listening on ").await;
    let (_, address) = line.rsplit_once(' ').expect("a line of words");
    address.parse().expect("an address")
}

#[tokio::test]
async fn a_hub_takes_all_the_descriptors_that_it_may() {
    let folder = tempdir().unwrap();
    let hub = bounded(200, 12_000, &folder.path().join("data"));
    address(&hub).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", hub.pid())).unwrap();
    let of_files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let of_files: Vec<_> = of_files.unwrap().split_whitespace().skip(3).collect();
    assert_eq!(of_files[..2], ["12000", "12000"]);
    assert!(!hub.lines().iter().any(|line| line.contains("WARN")));
}

#[tokio::test]
async fn sessions_that_do_not_fit_are_refused_and_said_beforehand() {
    let folder = tempdir().unwrap();
    let hub = bounded(130, 130, &folder.path().join("data"));
    let at = address(&hub).await;
    let warning = hub.said("too few open files").await;
    assert!(warning.contains("at most 2 sessions"), "{warning}");
    assert!(warning.contains("to 10128"), "{warning}");
    let _held = [Raw::open(at, "one", 1).await, Raw::open(at, "two", 2).await];
    let third = TcpStream::connect(at).await.unwrap();
    let word = Framed::new(third, NodeCodec::new()).next().await;
    let Some(Ok(FromHub::Refused(refusal))) = word else {
        panic!("a refusal should have come, not {word:?}");
    };
    assert_eq!(refusal.code, RefusalCode::SessionsMax);
}
