//! Limits: concurrency, rates, fair shares, room.

mod support;

use leasehold_node::StateKind;
use serde_json::Value;
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    pool,
    shell::run_with_input,
    task_id, within,
};

/// Says that it has begun, and waits to be let through.
const WAITS: &str = "echo $LEASEHOLD_NODE > $E2E/ledger; read _ < $E2E/gate";

/// Says its payload.
const SAYS: &str = "p=$(cat); echo $p > $E2E/ledger";

impl Hub {
    /// Enqueues so many tasks with payloads of this name, and these flags.
    async fn put(&self, name: &str, count: usize, flags: &[&str]) -> Vec<String> {
        let lines: Vec<_> = (0..count)
            .map(|number| format!("{name} {number}"))
            .collect();
        let args = [&["enqueue", "p", "--lines", "-"], flags].concat();
        let told = run_with_input(self.command(&args), lines.join("\n").as_bytes()).await;
        told.ok().lines().map(str::to_owned).collect()
    }

    async fn claimed(&self) -> Value {
        self.pool().await["claimed"].clone()
    }

    async fn completes(&self, id: &str) {
        let (producer, pool, id) = (self.producer(), pool(), task_id(id));
        let wait = producer.wait(&pool, id, support::PATIENCE);
        let end = within("the end of a task", wait)
            .await
            .expect("it is known");
        assert_eq!(end.summary.state, StateKind::Completed, "{end:?}");
    }
}

#[tokio::test]
async fn two_of_eight_slots_are_used_and_a_dead_worker_keeps_no_permit() {
    let mut hub = Hub::with("[pool.p]\nconcurrency_max = 2\n").await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let ids = hub.put("x", 6, &[]).await;
    let mut first = hub.work("first", WAITS, &["--slots", "8"]);
    assert_eq!(ledger.take(2).await, ["first", "first"]);
    let _second = hub.work("second", WAITS, &["--slots", "8"]);
    first.kill().await;
    assert_eq!(ledger.take(2).await, ["second", "second"], "its permits");
    assert_eq!(hub.claimed().await, 2);
    hub.kill().await;
    hub.restart().await;
    // Those who hold them come back; nobody else is granted anything meanwhile.
    let _third = hub.work("third", WAITS, &["--slots", "8"]);
    for _ in 0..4 {
        assert_eq!(hub.claimed().await, 2);
        gate.open(1).await;
        ledger.next().await;
    }
    assert_eq!(hub.claimed().await, 2);
    assert!(ledger.is_empty().await);
    gate.open(2).await;
    for id in &ids {
        hub.completes(id).await;
    }
}

#[tokio::test]
async fn a_group_at_its_limit_lets_others_pass() {
    let hub = Hub::with("[pool.p]\ngroup_concurrency_max = 1\n").await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let _gate = Gate::new(hub.folder(), "gate");
    hub.put("a", 3, &["--group", "a"]).await;
    hub.put("b", 3, &["--group", "b"]).await;
    let exec = "echo $(cat) > $E2E/ledger; read _ < $E2E/gate";
    let _worker = hub.work("w", exec, &["--slots", "8"]);
    assert_eq!(ledger.take(2).await, ["a 0", "b 0"]);
    assert_eq!(hub.claimed().await, 2);
    assert!(ledger.is_empty().await);
}

#[tokio::test]
async fn a_tenant_of_ten_is_served_beside_one_of_a_thousand() {
    let hub = Hub::with("[pool.p]\nfair_share = true\n").await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    hub.put("large", 1000, &["--group", "large"]).await;
    hub.put("small", 10, &["--group", "small"]).await;
    let _worker = hub.work("w", SAYS, &[]);
    let first = ledger.take(20).await;
    let small = first.iter().filter(|line| line.starts_with("small"));
    assert!(small.count() >= 9, "{first:?}");
}

#[tokio::test]
async fn a_rate_holds_back_what_is_too_fast_also_after_a_restart() {
    let mut hub = Hub::with("[pool.p]\nrate = \"1/1h burst 5\"\n").await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let ids = hub.put("x", 3, &[]).await;
    let _worker = hub.work("w", SAYS, &["--slots", "8"]);
    assert_eq!(
        ledger.next().await,
        "x 0",
        "a hub that starts has one permit"
    );
    hub.completes(&ids[0]).await;
    assert_eq!(hub.task(&ids[1]).await["state"], "ready");
    hub.kill().await;
    hub.restart().await;
    assert_eq!(ledger.next().await, "x 1", "and no burst saved up");
    hub.completes(&ids[1]).await;
    assert_eq!(hub.task(&ids[2]).await["state"], "ready");
}

#[tokio::test]
async fn somebody_who_waits_is_granted_when_there_is_a_permit() {
    let hub = Hub::with("[pool.p]\nrate = \"10/1s burst 1\"\n").await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let _worker = hub.work("w", SAYS, &["--slots", "8"]);
    hub.put("x", 5, &[]).await;
    ledger.take(5).await;
}

#[tokio::test]
async fn a_full_pool_refuses_and_says_when_to_come_back() {
    let hub = Hub::with("[pool.p]\ntasks_max = 2\ncompleted_kept_max = 1\n").await;
    hub.put("x", 2, &[]).await;
    let refused = hub.run(&["enqueue", "p", "more"]).await.failed(1);
    let words = "the pool is full: tasks, at most 2; try again in 1s";
    assert!(refused.contains(words), "{refused}");
    let args = [
        "enqueue",
        "p",
        "more",
        "--wait-when-full",
        "--timeout",
        "30s",
    ];
    let waits = tokio::spawn(support::shell::run(hub.command(&args)));
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let _worker = hub.work("w", SAYS, &[]);
    assert_eq!(ledger.take(3).await, ["more", "x 0", "x 1"]);
    let id = within("room", waits).await.expect("it ends").ok();
    hub.completes(&id).await;
}

#[tokio::test]
async fn bytes_of_payload_are_bounded_over_a_restart() {
    let mut hub = Hub::with("[pool.p]\nbytes_max = \"1KiB\"\n").await;
    let thousand = "x".repeat(1000);
    hub.run(&["enqueue", "p", &thousand]).await.ok();
    hub.kill().await;
    hub.restart().await;
    let more = "y".repeat(100);
    let refused = hub.run(&["enqueue", "p", &more]).await.failed(1);
    let words = "the pool is full: bytes of payload, at most 1024; try again in 1s";
    assert!(refused.contains(words), "{refused}");
    hub.run(&["enqueue", "p", "small"]).await.ok();
    let flags = [
        "enqueue",
        "p",
        &thousand,
        "--wait-when-full",
        "--timeout",
        "1500ms",
    ];
    let refused = hub.run(&flags).await.failed(1);
    assert!(refused.contains(words), "patience has an end: {refused}");
}

#[tokio::test]
async fn a_pool_in_partitions_has_no_groups_and_says_so() {
    let hub = Hub::with("[pool.p]\npartitions = 2\n").await;
    let args = ["enqueue", "p", "x", "--group", "a"];
    let refused = hub.run(&args).await.failed(1);
    assert!(
        refused.contains("groups in a pool in partitions"),
        "{refused}"
    );
}
