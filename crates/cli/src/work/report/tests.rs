use leasehold_node::{Epoch, LeaseId, PoolId, TaskId};
use serde_json::{Value, json};

use super::*;

fn finished(outcome: &Outcome, accepted: &Result<(), Rejection>) -> Value {
    let report = Report::new(NodeName::new("crane-1").unwrap(), true);
    let lease = LeaseId {
        pool: PoolId(1),
        epoch: Epoch(3),
        number: 42,
    };
    let proof = LeaseRef {
        task: TaskId::from_u128(7),
        lease,
    };
    let of = (PoolName::new("mail").unwrap(), 2);
    let line = report.line(proof, Some(&of), outcome, accepted);
    serde_json::from_str(&json::line(&line)).unwrap()
}

#[test]
fn a_finished_task_is_told_with_all_that_names_it() {
    assert_eq!(
        finished(&Outcome::Fail("no such address".into()), &Ok(())),
        json!({
            "id": "00000000-0000-0000-0000-000000000007", "pool": "mail", "attempt": 2,
            "lease": "1-3-42", "node": "crane-1", "outcome": "failed",
            "reason": "no such address",
        })
    );
}

#[test]
fn each_outcome_has_its_word() {
    let words = [
        Outcome::Complete(None),
        Outcome::Fail(String::new()),
        Outcome::Release,
    ]
    .map(|outcome| finished(&outcome, &Ok(()))["outcome"].clone());
    assert_eq!(words, ["completed", "failed", "released"]);
    let lost = finished(&Outcome::Complete(None), &Err(Rejection::LeaseLost));
    assert_eq!(lost["outcome"], "lost");
    assert_eq!(lost["reason"], Rejection::LeaseLost.to_string());
}
