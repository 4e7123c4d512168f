//! A node that froze, was given up, and wakes: what others took it has lost, and its answers change
//! nothing.

mod support;

use leasehold_node::{LeaseRef, Rejection, Revocation};
use leasehold_wire::{CompleteItem, FailItem, FromHub, FromNode, Request};
use nix::sys::signal::Signal;
use serde_json::json;
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    raw::{Raw, done},
};

/// Silence is noticed after a second.
const IMPATIENT: &str = "[session]\nheartbeat = \"200ms\"\nsilence_after = \"1s\"\n";

/// Says what it has, and if it is told to end.
const HOLD: &str = "p=$(cat); trap \"echo told $p $LEASEHOLD_NODE > $E2E/ledger; exit 1\" TERM; \
                    echo began $p $LEASEHOLD_NODE $LEASEHOLD_ATTEMPT > $E2E/ledger; \
                    read _ < $E2E/$LEASEHOLD_NODE-$p & wait $!; echo by $LEASEHOLD_NODE";

#[tokio::test]
async fn a_frozen_worker_loses_what_others_took_and_keeps_the_rest() {
    let hub = Hub::with(IMPATIENT).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let _frozen_gate = Gate::new(hub.folder(), "frozen-a");
    let mut frozen_gate = Gate::new(hub.folder(), "frozen-b");
    let mut heir_gate = Gate::new(hub.folder(), "heir-a");
    let ids = hub.enqueue(&["a", "b"]).await;
    let frozen = hub.work("frozen", HOLD, &["--slots", "2", "--json"]);
    assert_eq!(
        ledger.take(2).await,
        ["began a frozen 1", "began b frozen 1"]
    );
    frozen.freeze().await;
    let heir = hub.work("heir", HOLD, &["--json"]);
    // The silence counts as an attempt; the one slot takes one of the two.
    assert_eq!(ledger.next().await, "began a heir 2");
    frozen.signal(Signal::SIGCONT);
    frozen
        .said("back at the hub: 1 leases go on, 1 are lost")
        .await;
    assert_eq!(ledger.next().await, "told a frozen", "the command is ended");
    frozen_gate.open(1).await;
    heir_gate.open(1).await;
    heir.said("\"completed\"").await;
    frozen.said("\"completed\"").await;
    for (id, node, attempt) in [(&ids[0], "heir", 2), (&ids[1], "frozen", 1)] {
        let told = hub
            .run(&["enqueue", "p", "--id", id, "--wait", "--json", "x"])
            .await;
        let task = told.json();
        assert_eq!(task["result"], format!("by {node}\n"), "{task}");
        assert_eq!(
            (&task["node"], &task["attempt"]),
            (&json!(node), &json!(attempt)),
            "{task}"
        );
    }
    assert!(ledger.is_empty().await, "nothing ran once more");
}

#[tokio::test]
async fn what_a_frozen_worker_had_done_by_then_changes_nothing() {
    let hub = Hub::with(IMPATIENT).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut frozen_gate = Gate::new(hub.folder(), "frozen-a");
    let mut heir_gate = Gate::new(hub.folder(), "heir-a");
    let id = hub.enqueue(&["a"]).await.remove(0);
    let frozen = hub.work("frozen", HOLD, &["--json"]);
    assert_eq!(ledger.next().await, "began a frozen 1");
    frozen.freeze().await;
    // The command ends well while nobody looks after it.
    frozen_gate.open(1).await;
    let heir = hub.work("heir", HOLD, &["--json"]);
    assert_eq!(ledger.next().await, "began a heir 2");
    frozen.signal(Signal::SIGCONT);
    let line = frozen.said("\"lost\"").await;
    assert!(line.contains(&id), "{line}");
    assert_eq!(
        hub.task(&id).await["state"],
        "claimed",
        "it is the heir's still"
    );
    heir_gate.open(1).await;
    heir.said("\"completed\"").await;
    assert_eq!(hub.task(&id).await["result"], "by heir\n");
}

#[tokio::test]
async fn whatever_a_stale_holder_answers_it_has_lost_the_lease() {
    let hub = Hub::with(IMPATIENT).await;
    let id = hub.enqueue(&["a"]).await.remove(0);
    let mut stale = Raw::open(hub.address(), "stale", 1).await;
    let held = stale.claim(1).await.remove(0).proof;
    let refusal = stale.refused().await;
    assert!(refusal.reason.contains("nothing was heard"), "{refusal:?}");
    let mut heir = Raw::open(hub.address(), "heir", 2).await;
    let taken = heir.claim(1).await.remove(0);
    assert_eq!((taken.proof.task, taken.attempt), (held.task, 2));
    let before = hub.task(&id).await;
    let mut stale = Raw::open(hub.address(), "stale", 1).await;
    for request in answers(held) {
        let told = done(stale.ask(request.clone()).await);
        assert_eq!(told, Err(Rejection::LeaseLost), "{request:?}");
    }
    assert_eq!(hub.task(&id).await, before, "nothing has changed");
    assert_eq!(heir.complete(taken.proof, "by heir").await, Ok(()));
    for request in answers(held) {
        let told = done(stale.ask(request.clone()).await);
        assert_eq!(told, Err(Rejection::LeaseLost), "{request:?}");
    }
    let task = hub.task(&id).await;
    assert_eq!(
        (&task["result"], &task["node"]),
        (&json!("by heir"), &json!("heir")),
        "{task}"
    );
    assert_eq!(hub.pool().await["lease_lost"], 10);
}

#[tokio::test]
async fn a_node_that_hangs_past_its_lease_is_told_that_it_lost_it() {
    let hub = Hub::with("[pool_defaults]\nlease = \"100ms\"\n").await;
    hub.enqueue(&["a"]).await;
    let mut slow = Raw::open(hub.address(), "slow", 1).await;
    let held = slow.claim(1).await.remove(0).proof;
    let mut heir = Raw::open(hub.address(), "heir", 2).await;
    let taken = heir.claim(1).await.remove(0);
    assert_eq!((taken.proof.task, taken.attempt), (held.task, 2));
    let revoked = loop {
        let said = slow.next().await.expect("the session is open");
        if let FromHub::Revoked { proof, why } = said {
            break (proof, why);
        }
        assert_eq!(said, FromHub::Ping);
    };
    assert_eq!(revoked, (held, Revocation::Lost));
    assert_eq!(slow.complete(held, "late").await, Err(Rejection::LeaseLost));
    slow.send(FromNode::Bye).await;
}

/// All that can be said under a lease.
fn answers(held: LeaseRef) -> [Request; 5] {
    let fail = FailItem {
        proof: held,
        reason: "stale".into(),
    };
    let complete = CompleteItem {
        proof: held,
        result: Some("stale".into()),
    };
    [
        Request::Resume { leases: vec![held] },
        Request::Extend {
            leases: vec![held],
            lease_ms: None,
        },
        Request::Complete {
            items: vec![complete],
        },
        Request::Fail { items: vec![fail] },
        Request::Release { leases: vec![held] },
    ]
}
