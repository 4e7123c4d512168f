//! Tasks that have to do with one another: follow-ups, parents, keys.

mod support;

use leasehold_node::{NewTask, NodeOptions, Outcome, StateKind, Task, Worker};
use serde_json::json;
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    pool, task_id, within,
};

/// Says what it has, and waits at the gate.
const HOLD: &str = "echo $(cat) > $E2E/ledger; read _ < $E2E/gate";

impl Hub {
    /// Enqueues a task with these flags; its id.
    async fn put(&self, payload: &str, flags: &[&str]) -> String {
        let args = [&["enqueue", "p", payload], flags].concat();
        self.run(&args).await.ok().trim().to_owned()
    }

    async fn state(&self, id: &str) -> String {
        let task = self.task(id).await;
        task["state"].as_str().unwrap_or_default().to_owned()
    }

    async fn completes(&self, id: &str) {
        let producer = self.producer();
        let (pool, id) = (pool(), task_id(id));
        let wait = producer.wait(&pool, id, support::PATIENCE);
        let end = within("the end of a task", wait).await;
        let end = end.expect("it is known").summary;
        assert_eq!(end.state, StateKind::Completed, "{end:?}");
    }
}

#[tokio::test]
async fn a_diamond_runs_in_its_order_though_the_hub_is_killed_at_each_step() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let top = hub.put("top", &[]).await;
    let left = hub.put("left", &["--after", &top]).await;
    let right = hub.put("right", &["--after", &top]).await;
    let both = format!("{left},{right}");
    let bottom = hub.put("bottom", &["--after", &both]).await;
    let _worker = hub.work("w", HOLD, &[]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(ledger.next().await);
        hub.kill().await;
        hub.restart().await;
        assert_eq!(
            hub.state(&bottom).await == "claimed",
            seen.len() == 4,
            "{seen:?}"
        );
        gate.open(1).await;
    }
    hub.completes(&bottom).await;
    assert_eq!((&*seen[0], &*seen[3]), ("top", "bottom"), "{seen:?}");
}

#[tokio::test]
async fn a_child_of_a_dead_parent_says_so_and_runs_after_its_revival() {
    let mut hub = Hub::start().await;
    let exec = "test $(cat) = bad && test ! -e $E2E/good && exit 65; true";
    let bad = hub.put("bad", &[]).await;
    let waits = ["--after", &bad, "--expires-after", "1h"];
    let child = hub.put("child", &waits).await;
    let any = hub.put("any", &["--after", &bad, "--after-any-end"]).await;
    let _worker = hub.work("w", exec, &[]);
    hub.completes(&any).await;
    hub.kill().await;
    hub.restart().await;
    let told = hub.run(&["task", &child]).await.ok();
    assert!(
        told.contains(&bad) && told.contains("is dead (hopeless)"),
        "{told}"
    );
    let task = hub.task(&child).await;
    assert_eq!(task["after"]["tasks"], json!([bad]), "{task}");
    assert_eq!(task["expires_at_ms"], json!(null), "its time has not begun");
    hub.file("good", "");
    hub.run(&["revive", "p", &bad]).await.ok();
    hub.completes(&child).await;
}

#[tokio::test]
async fn a_parent_that_is_cancelled_takes_its_children_with_it_and_a_wrong_one_is_refused() {
    let hub = Hub::start().await;
    let top = hub.put("top", &["--delay", "1h"]).await;
    let child = hub.put("child", &["--after", &top]).await;
    let grandchild = hub.put("grandchild", &["--after", &child]).await;
    hub.run(&["cancel", &top]).await.ok();
    for id in [&child, &grandchild] {
        let task = hub.task(id).await;
        assert_eq!(task["state"], "dead", "{task}");
    }
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    let told = hub.run(&["enqueue", "p", "x", "--after", nobody]).await;
    assert!(told.failed(1).contains(nobody));
    let own = ["enqueue", "p", "x", "--id", nobody, "--after", nobody];
    let told = hub.run(&own).await.failed(1);
    assert!(told.contains("itself"), "{told}");
}

#[tokio::test]
async fn one_task_at_a_time_has_a_key_over_the_hubs_death() {
    let mut hub = Hub::start().await;
    let key = ["--key", "invoice-7"];
    let (one, other) = tokio::join!(hub.put("a", &key), hub.put("b", &key));
    assert_eq!(one, other, "two processes make one task");
    hub.kill().await;
    hub.restart().await;
    let again = ["enqueue", "p", "c", "--key", "invoice-7", "--json"];
    let told = hub.run(&again).await.json();
    assert_eq!(told["id"], json!(one), "{told}");
    assert_eq!(told["deduplicated"], json!(true), "{told}");
    assert_eq!(hub.task(&one).await["key"], "invoice-7");
    let _worker = hub.work("w", "true", &[]);
    hub.completes(&one).await;
    let next = hub.put("d", &key).await;
    assert_ne!(next, one, "the key went with the end");
    let window = ["--key", "daily", "--key-window", "1h"];
    let first = hub.put("e", &window).await;
    hub.completes(&first).await;
    assert_eq!(hub.put("f", &window).await, first);
}

#[tokio::test]
async fn what_a_command_wants_to_follow_comes_with_its_end_and_only_with_a_good_one() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let exec = "p=$(cat); echo $p > $E2E/ledger; read _ < $E2E/gate; \
                test $p = leaf && exit 0; echo then leaf > $LEASEHOLD_TELL; \
                test $p = good || exit 65; echo then leaf > $LEASEHOLD_TELL";
    let _worker = hub.work("w", exec, &[]);
    let bad = hub.put("bad", &[]).await;
    assert_eq!(ledger.next().await, "bad");
    gate.open(1).await;
    let good = hub.put("good", &[]).await;
    assert_eq!(ledger.next().await, "good", "nothing follows a failure");
    hub.kill().await;
    hub.restart().await;
    gate.open(1).await;
    assert_eq!(ledger.next().await, "leaf");
    gate.open(1).await;
    assert_eq!(ledger.next().await, "leaf");
    gate.open(1).await;
    hub.completes(&good).await;
    assert_eq!(hub.state(&bad).await, "dead");
    let all = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    assert_eq!(all.len(), 4, "{all:?}");
}

/// A chain of three, in which each enqueues the next with its own completion.
async fn next_of(task: Task) -> Outcome {
    let step: u32 = std::str::from_utf8(&task.payload)
        .unwrap_or_default()
        .parse()
        .unwrap_or(0);
    if step == 0 {
        return Outcome::Complete(None);
    }
    let next = NewTask::new((step - 1).to_string()).id(task.id.child(0));
    Outcome::Then(None, vec![next])
}

#[tokio::test]
async fn each_step_of_a_chain_brings_the_next_in_its_own_commit() {
    let mut hub = Hub::start().await;
    let first = hub.put("3", &[]).await;
    let mut id = task_id(&first);
    let worker = |hub: &Hub| {
        Worker::builder(hub.endpoint(), NodeOptions::default())
            .pool(pool())
            .handler(next_of)
            .start()
    };
    let _worker = worker(&hub);
    for _ in 0..4 {
        hub.completes(&id.to_string()).await;
        hub.kill().await;
        hub.restart().await;
        id = id.child(0);
    }
    let all = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    assert_eq!(all.len(), 4, "{all:?}");
}
