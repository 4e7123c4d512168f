//! A task that kills its worker each time: it is dead after its bound, and its neighbours live.

mod support;

use leasehold_node::StateKind;
use support::{fifo::Ledger, hub::Hub, pool, process::Process, task_id, within};

const POISON: &str = "if test \"$(cat)\" = poison; then \
                      echo poison $LEASEHOLD_ATTEMPT > $E2E/ledger; \
                      kill -9 $(ps -o ppid= -p $PPID); sleep 1000; fi; echo fine";

#[tokio::test]
async fn a_poison_task_dies_after_its_bound_and_its_neighbours_do_not() {
    let hub = Hub::with("[pool_defaults]\nback_off_base = \"50ms\"\n").await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let poison = hub.enqueue(&["poison"]).await.remove(0);
    let mut neighbours = Vec::new();
    let mut workers = [start(&hub, 0), start(&hub, 1)];
    for attempt in 1..=5 {
        assert_eq!(ledger.next().await, format!("poison {attempt}"));
        let dead = victim(&mut workers).await;
        workers[dead] = start(&hub, attempt + 1);
        neighbours.extend(hub.enqueue(&["x"; 20]).await);
        for id in &neighbours {
            assert_eq!(
                end(&hub, id).await,
                StateKind::Completed,
                "attempt {attempt}"
            );
        }
    }
    assert_eq!(end(&hub, &poison).await, StateKind::Dead);
    let task = hub.task(&poison).await;
    let reason = task["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("lost with its node too often"), "{task}");
    assert_eq!(
        (&task["attempt"], &task["losses_in_a_row"]),
        (&5.into(), &5.into()),
        "{task}"
    );
    let history = task["history"].as_array().unwrap();
    assert!(
        history.iter().all(|attempt| attempt["ending"] == "cut"),
        "{task}"
    );
    let pool = hub.pool().await;
    assert_eq!(
        (&pool["dead"], &pool["completed"]),
        (&1.into(), &100.into()),
        "{pool}"
    );
    hub.run(&["revive", "p", &poison]).await.ok();
    assert_eq!(
        ledger.next().await,
        "poison 1",
        "who insists may see it again"
    );
}

fn start(hub: &Hub, number: usize) -> Process {
    hub.work(&format!("w-{number}"), POISON, &["--slots", "2"])
}

/// Which of the two was killed.
async fn victim(workers: &mut [Process; 2]) -> usize {
    let [a, b] = workers;
    tokio::select! {
        _ = a.ended() => 0,
        _ = b.ended() => 1,
    }
}

/// How a task ended.
async fn end(hub: &Hub, id: &str) -> StateKind {
    let producer = hub.producer();
    let (pool, id) = (pool(), task_id(id));
    let wait = producer.wait(&pool, id, support::PATIENCE);
    let task = within("the end of a task", wait).await;
    task.expect("the hub knows it").summary.state
}
