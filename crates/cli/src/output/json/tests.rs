use leasehold_node::StateKind;
use serde_json::{Value, json};

use super::*;

fn summary() -> TaskSummary {
    TaskSummary {
        id: TaskId::from_u128(7),
        state: StateKind::Completed,
        priority: 3,
        attempt: 1,
        attempts_max: 5,
        node: None,
        enqueued_at_ms: 1000,
        at_ms: Some(2000),
        reason: String::new(),
        payload_bytes: 5,
    }
}

fn value(result: Option<&'static [u8]>) -> Value {
    let result = result.map(Bytes::from_static);
    let summary = summary();
    serde_json::from_str(&line(&Task::new("mail", &summary, result.as_ref()))).unwrap()
}

#[test]
fn a_task_has_the_keys_that_are_promised() {
    assert_eq!(
        value(Some(b"done")),
        json!({
            "id": "00000000-0000-0000-0000-000000000007", "pool": "mail", "state": "completed",
            "priority": 3, "attempt": 1, "attempts_max": 5, "node": null, "enqueued_at_ms": 1000,
            "at_ms": 2000, "payload_bytes": 5, "reason": null, "result": "done",
        })
    );
}

#[test]
fn a_result_that_is_no_text_is_in_base64() {
    let value = value(Some(b"\xff\x00"));
    assert_eq!(value["result"], Value::Null);
    assert_eq!(value["result_base64"], "/wA=");
}

#[test]
fn no_result_is_null_and_an_empty_one_is_not() {
    assert_eq!(value(None)["result"], Value::Null);
    assert_eq!(value(None).get("result_base64"), None);
    assert_eq!(value(Some(b""))["result"], "");
}
