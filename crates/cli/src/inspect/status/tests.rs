use leasehold_node::{HubStatus, NodeName, PoolName, StoreStatus};
use serde_json::{Value, json};

use super::*;
use crate::output::json;

fn session(session: u64, node: &str, claimed: u64) -> SessionStatus {
    SessionStatus {
        session,
        node: NodeName::new(node).unwrap(),
        address: "127.0.0.1:50000".into(),
        open_for_ms: 192_000,
        claimed,
    }
}

fn status() -> Status {
    Status {
        pools: vec![PoolStatus {
            name: PoolName::new("mail").unwrap(),
            ready: 1,
            scheduled: 0,
            claimed: 5,
            completed: 12,
            cancelled: 0,
            dead: 0,
            waiting: 2,
            oldest_ready_ms: Some(65_000),
            lease_lost: 0,
            epoch: 3,
        }],
        sessions: vec![
            session(1, "crane-1", 2),
            session(2, "crane-2", 0),
            session(3, "crane-1", 3),
        ],
        sessions_open: 4,
        store: StoreStatus {
            engine: "sled".into(),
            disk_bytes: 1536,
            live_bytes: 512,
            free_bytes: None,
            commits: 1,
            changes: 2,
        },
        hub: HubStatus {
            version: "0.1.0".into(),
            up_for_ms: 3_600_000,
            draining: false,
        },
    }
}

fn document(status: &Status) -> Value {
    serde_json::from_str(&json::line(&document::Document::new(status))).unwrap()
}

#[test]
fn people_see_tables_that_line_up() {
    let text = text(&status());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].find("OLDEST"), lines[1].find("1m 5s"));
    assert_eq!(lines[3].find("OPEN FOR"), lines[4].find("3m 12s"));
    assert_eq!(lines[7], "and 1 session more");
    assert_eq!(
        lines[9],
        "store  sled: 1.5 KiB on disk, 512 B live; 1 commit with 2 changes"
    );
    assert_eq!(lines[10], "hub    0.1.0, up for 1h 0m");
}

#[test]
fn people_are_told_that_there_is_nothing() {
    let empty = Status {
        pools: Vec::new(),
        sessions: Vec::new(),
        sessions_open: 0,
        ..status()
    };
    let text = text(&empty);
    assert!(
        text.starts_with("no pool has been used yet\n\nno session is open\n"),
        "{text}"
    );
}

#[test]
fn programs_see_the_words_of_the_design() {
    let document = document(&status());
    assert_eq!(
        document["pools"],
        json!([{
            "name": "mail", "ready": 1, "scheduled": 0, "claimed": 5, "completed": 12,
            "cancelled": 0, "dead": 0, "waiting": 2, "oldest_ready_ms": 65_000, "lease_lost": 0,
            "epoch": 3,
        }])
    );
    assert_eq!(document["store"]["free_bytes"], Value::Null);
    assert_eq!(
        document["hub"],
        json!({"version": "0.1.0", "up_for_ms": 3_600_000, "draining": false})
    );
    assert_eq!(document["sessions"][1]["node"], "crane-2");
    assert_eq!(document["sessions_open"], 4);
}

#[test]
fn sessions_of_one_name_are_one_node() {
    assert_eq!(
        document(&status())["nodes"],
        json!([
            {"name": "crane-1", "sessions": 2, "claimed": 5},
            {"name": "crane-2", "sessions": 1, "claimed": 0},
        ])
    );
}
