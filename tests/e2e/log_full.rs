//! A hub whose log cannot be written, for its disk is full or nobody reads it any more, lives on.

mod support;

use leasehold_node::{Endpoint, NewTask, NodeOptions, Producer};
use support::{
    hub::free_address,
    pool,
    process::{BINARY, Process, unswayed},
    within,
};
use tokio::process::Command;

#[tokio::test]
async fn a_hub_whose_log_is_on_a_full_disk_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address().to_string();
    let mut command = unswayed(Command::new("sh"));
    command
        .args(["-c", r#"exec "$0" "$@" 2>/dev/full"#, BINARY, "hub"])
        .args(["--listen", &address, "--data"])
        .arg(folder.path().join("data"))
        .env("RUST_LOG", "debug");
    let hub = Process::start("the hub", command);
    hub.said("listening on ").await;
    let producer = Producer::new(Endpoint::tcp(address), NodeOptions::default());
    let pool = pool();
    for _ in 0..2 {
        let task = producer.enqueue(&pool, NewTask::new("x"));
        within("an answer", task).await.unwrap();
    }
}
