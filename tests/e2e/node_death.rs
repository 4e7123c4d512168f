//! `kill -9` of a node that holds tasks: another one has them within a second.

mod support;

use std::time::Duration;

use serde_json::json;
use support::{
    fifo::{Gate, Ledger, Lifeline},
    hub::Hub,
    median,
    process::Process,
    proxy::{Proxy, Pull},
    stalls::Stalls,
};
use tokio::time::Instant;

const ROUNDS: usize = 10;

/// Says who has what, and holds it until it is let go.
const HOLD: &str = "echo $LEASEHOLD_NODE $LEASEHOLD_ATTEMPT > $E2E/ledger; read _ < $E2E/gate";

#[tokio::test]
async fn its_tasks_run_elsewhere_within_a_second_after_a_fin() {
    elsewhere_within_a_second(Pull::Fin).await;
}

#[tokio::test]
async fn its_tasks_run_elsewhere_within_a_second_after_a_reset() {
    elsewhere_within_a_second(Pull::Reset).await;
}

/// Two workers, of which the one that gets the task is killed; round by round.
#[expect(
    clippy::print_stdout,
    reason = "the median is for whoever asks with --nocapture"
)]
async fn elsewhere_within_a_second(ending: Pull) {
    let hub = Hub::start().await;
    let proxy = Proxy::to(hub.address(), ending).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let start = |name: &str| {
        (
            name.to_owned(),
            hub.work_at(&proxy.at(), name, HOLD, &["--json"]),
        )
    };
    let mut workers = vec![start("w-0"), start("w-1")];
    let stalls = Stalls::beside(hub.folder());
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let id = hub.enqueue(&["x"]).await.remove(0);
        let holder = ledger.next().await;
        let holder = holder.strip_suffix(" 1").expect("a first attempt");
        let at = workers.iter().position(|(name, _)| name == holder);
        let (_, mut victim) = workers.remove(at.expect("one of the two has it"));
        let heir = workers[0].0.clone();
        stalls.take();
        let killed_at = Instant::now();
        victim.kill().await;
        assert_eq!(
            ledger.next().await,
            format!("{heir} 2"),
            "it counts as an attempt"
        );
        let (took, stood) = (killed_at.elapsed(), stalls.take());
        times.push(took);
        // A second, on a machine that does not stand still itself.
        assert!(
            took < Duration::from_secs(1) + stood,
            "{took:?}, {stood:?} of it stood still"
        );
        gate.open(1).await;
        completed_by_heir(&hub, &id, holder, &heir, &workers[0].1).await;
        workers.push(start(&format!("w-{}", round + 2)));
    }
    println!(
        "{ending:?}: median {:?} of {times:?}",
        median(times.clone())
    );
    assert!(median(times) < Duration::from_millis(750));
}

async fn completed_by_heir(hub: &Hub, id: &str, holder: &str, heir: &str, worker: &Process) {
    worker.said(&format!("\"id\":\"{id}\"")).await;
    let task = hub.task(id).await;
    assert_eq!(
        (&task["state"], &task["node"]),
        (&json!("completed"), &json!(heir)),
        "{task}"
    );
    assert_eq!(task["attempt"], 2, "{task}");
    let history = &task["history"];
    assert_eq!(
        (&history[0]["ending"], &history[0]["node"]),
        (&json!("cut"), &json!(holder))
    );
    assert_eq!(history[1]["ending"], "completed", "{task}");
}

#[tokio::test]
async fn all_of_its_tasks_move_and_its_commands_die_with_it() {
    let hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let lifeline = Lifeline::new(hub.folder(), "lifeline");
    hub.enqueue(&["a", "b", "c"]).await;
    let hold = format!("test $LEASEHOLD_NODE = heir || exec 9> $E2E/lifeline; {HOLD}");
    let mut victim = hub.work("victim", &hold, &["--slots", "3"]);
    assert_eq!(ledger.take(3).await, ["victim 1"; 3]);
    let mut heir = hub.work("heir", &hold, &["--slots", "3", "--until-empty"]);
    victim.kill().await;
    lifeline.ended().await;
    assert_eq!(ledger.take(3).await, ["heir 2"; 3]);
    gate.open(3).await;
    assert_eq!(heir.ended().await.code(), Some(0));
    assert_eq!(hub.pool().await["completed"], 3);
}
