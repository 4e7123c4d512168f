//! When a task runs, and how often it is tried: delays, time limits, budgets, priorities.

mod support;

use leasehold_node::{StateKind, TaskDetail};
use nix::sys::signal::Signal;
use serde_json::json;
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    pool, task_id, within,
};

/// Says who it is, and does what its payload says.
const SAYS: &str = "p=$(cat); echo $p > $E2E/ledger; eval \"$p\"";

impl Hub {
    /// Enqueues a task with these flags; its id.
    async fn put(&self, payload: &str, flags: &[&str]) -> String {
        let args = [&["enqueue", "p", payload], flags].concat();
        self.run(&args).await.ok().trim().to_owned()
    }

    /// How a task ended.
    async fn end_of(&self, id: &str) -> TaskDetail {
        let producer = self.producer();
        let (pool, id) = (pool(), task_id(id));
        let wait = producer.wait(&pool, id, support::PATIENCE);
        within("the end of a task", wait)
            .await
            .expect("it is known")
    }

    async fn dies(&self, id: &str, reason: &str) {
        let end = self.end_of(id).await.summary;
        assert_eq!(end.state, StateKind::Dead, "{end:?}");
        assert!(end.reason.contains(reason), "{end:?}");
    }
}

#[tokio::test]
async fn a_delay_and_a_moment_outlive_the_hub() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let moments = ["2001-01-01T00:00:00Z", "2100-01-01T00:00:00Z"];
    let past = hub.put("true past", &["--run-at", moments[0]]).await;
    let far = hub.put("true far", &["--run-at", moments[1]]).await;
    let late = hub.put("true late", &["--delay", "1h"]).await;
    let soon = hub.put("true soon", &["--delay", "1500ms"]).await;
    hub.kill().await;
    hub.restart().await;
    let _worker = hub.work("w", SAYS, &[]);
    assert_eq!(ledger.next().await, "true past");
    assert_eq!(ledger.next().await, "true soon");
    assert_eq!(hub.end_of(&past).await.summary.state, StateKind::Completed);
    assert_eq!(hub.end_of(&soon).await.summary.state, StateKind::Completed);
    for id in [late, far] {
        assert_eq!(hub.task(&id).await["state"], "scheduled");
    }
}

#[tokio::test]
async fn a_task_that_nobody_claims_in_time_is_dead_listed_and_revived() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let flags = ["--expires-after", "2s"];
    let id = hub.put("true once", &flags).await;
    hub.kill().await;
    hub.restart().await;
    hub.dies(&id, "expired").await;
    let dead = hub.run(&["tasks", "p", "--state", "dead", "--json"]).await;
    assert_eq!(dead.json_lines()[0]["id"], json!(id));
    assert_eq!(hub.task(&id).await["attempt"], 0);
    let _worker = hub.work("w", SAYS, &[]);
    hub.run(&["revive", "p", &id]).await.ok();
    assert_eq!(ledger.next().await, "true once");
    assert_eq!(hub.end_of(&id).await.summary.state, StateKind::Completed);
}

#[tokio::test]
async fn a_command_that_hangs_is_ended_when_it_has_run_as_long_as_it_may() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let _worker = hub.work("w", SAYS, &[]);
    let flags = ["--max-runtime", "2s", "--attempts-max", "2"];
    let retry = ["--retry", "base=1ms,cap=1ms"];
    let id = hub.put("sleep 1000", &[&flags[..], &retry].concat()).await;
    assert_eq!(ledger.next().await, "sleep 1000");
    assert_eq!(ledger.next().await, "sleep 1000", "it is tried again");
    hub.dies(&id, "attempts spent").await;
    let task = hub.task(&id).await;
    let history = task["history"].as_array().unwrap();
    assert!(
        history.iter().all(|past| past["ending"] == "overran"),
        "{task}"
    );
    let next = hub.put("true", &[]).await;
    assert_eq!(
        hub.end_of(&next).await.summary.state,
        StateKind::Completed,
        "the slot is free"
    );
}

#[tokio::test]
async fn a_command_may_say_that_its_task_is_hopeless() {
    let mut hub = Hub::start().await;
    let _worker = hub.work("w", "echo no such address >&2; exit 65", &[]);
    let id = hub.put("x", &[]).await;
    hub.dies(&id, "no such address").await;
    assert_eq!(hub.task(&id).await["attempt"], 1);
    hub.kill().await;
    hub.restart().await;
    hub.dies(&id, "hopeless").await;
}

#[tokio::test]
async fn a_failure_a_loss_and_an_interruption_are_told_apart() {
    let config = "[pool_defaults]\nback_off_base = \"1ms\"\nback_off_cap = \"1ms\"\n";
    let hub = Hub::with(config).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let exec = "echo $LEASEHOLD_NODE $LEASEHOLD_ATTEMPT > $E2E/ledger; \
                test $LEASEHOLD_ATTEMPT = 1 && exit 1; exec sleep 1000";
    let flags = ["--attempts-max", "2", "--losses-max", "2"];
    let id = hub.put("x", &flags).await;
    let mut first = hub.work("first", exec, &[]);
    assert_eq!(ledger.next().await, "first 1", "it fails");
    assert_eq!(ledger.next().await, "first 2");
    first.kill().await;
    let mut second = hub.work("second", exec, &[]);
    assert_eq!(ledger.next().await, "second 3", "a loss spends no attempt");
    second.signal(Signal::SIGTERM);
    second.signal(Signal::SIGINT);
    second.ended().await;
    let mut third = hub.work("third", exec, &[]);
    assert_eq!(ledger.next().await, "third 3", "nor does an interruption");
    let task = hub.task(&id).await;
    let endings: Vec<_> = task["history"].as_array().unwrap().iter().collect();
    let endings: Vec<_> = endings.iter().map(|past| &past["ending"]).collect();
    assert_eq!(endings, ["failed", "cut", "released"], "{task}");
    let counts = (&task["interruptions"], &task["losses_in_a_row"]);
    assert_eq!(counts, (&json!(1), &json!(1)), "{task}");
    let of = |name: &str| [&task[name], &task[&format!("{name}_max")]];
    assert_eq!(of("failures"), [&json!(1), &json!(2)], "{task}");
    assert_eq!(of("losses"), [&json!(1), &json!(2)], "{task}");
    assert_eq!(of("interruptions"), [&json!(1), &json!(100)], "{task}");
    let text = hub.run(&["task", &id]).await.ok();
    for budget in ["failures", "losses", "interruptions"] {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{budget}  ")));
        assert!(line.is_some_and(|line| line.contains("1 of ")), "{text}");
    }
    third.kill().await;
    hub.dies(&id, "lost with its node too often").await;
}

#[tokio::test]
async fn names_of_priorities_stand_for_an_order() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    for priority in ["bulk", "low", "high", "critical"] {
        hub.put(&format!("true {priority}"), &["--priority", priority])
            .await;
    }
    hub.put("true normal", &[]).await;
    let mut worker = hub.work("w", SAYS, &["--until-empty"]);
    for priority in ["critical", "high", "normal", "low", "bulk"] {
        assert_eq!(ledger.next().await, format!("true {priority}"));
    }
    assert_eq!(worker.ended().await.code(), Some(0));
}

/// A stream of the most urgent that never ends: whoever runs puts the next one in.
#[tokio::test]
async fn the_least_urgent_is_overtaken_for_its_time_and_no_longer() {
    let hub = Hub::with("[pool.p]\naging_step = \"10ms\"\n").await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let bulk = hub.put("bulk", &["--priority", "bulk"]).await;
    let urgent = ["--priority", "critical"];
    for _ in 0..2 {
        hub.put("urgent", &urgent).await;
    }
    let exec = "echo $LEASEHOLD_TASK_ID > $E2E/ledger; read -r go < $E2E/gate";
    let _worker = hub.work("w", exec, &[]);
    let mut before = Vec::new();
    loop {
        let id = ledger.next().await;
        if id == bulk {
            break;
        }
        before.push(id);
        hub.put("urgent", &urgent).await;
        gate.open(1).await;
    }
    let ready_at = async |id: &str| hub.task(id).await["ready_at_ms"].as_u64();
    let until = ready_at(&bulk).await.map(|at| at + 16 * 10);
    for id in before {
        assert!(
            ready_at(&id).await < until,
            "{id} came too late to go first"
        );
    }
}
