//! Who may speak, and in which version.

use leasehold_core::{Incarnation, NodeName};
use leasehold_wire::{Hello, MAGIC, RefusalCode, VERSION_MAX, VERSION_MIN, negotiate};

fn hello() -> Hello {
    let node = NodeName::new("worker-1").expect("a good name");
    Hello::new(node, Incarnation(1))
}

fn speaking(version_min: u16, version_max: u16) -> Hello {
    Hello {
        version_min,
        version_max,
        ..hello()
    }
}

#[test]
fn our_own_hello_is_welcome_in_the_newest_version() {
    assert_eq!(negotiate(&hello()), Ok(VERSION_MAX));
}

#[test]
fn the_newest_common_version_is_taken() {
    assert_eq!(negotiate(&speaking(0, u16::MAX)), Ok(VERSION_MAX));
    assert_eq!(
        negotiate(&speaking(VERSION_MIN, VERSION_MIN)),
        Ok(VERSION_MIN)
    );
    assert_eq!(negotiate(&speaking(0, VERSION_MIN)), Ok(VERSION_MIN));
}

/// Nodes are updated after their hub, one at a time.
#[test]
fn a_node_of_each_version_that_was_is_spoken_with_in_its_own() {
    assert_eq!(negotiate(&speaking(1, 1)), Ok(1));
    assert_eq!(negotiate(&speaking(1, 2)), Ok(2));
    assert_eq!(negotiate(&speaking(2, 2)), Ok(2));
}

#[test]
fn without_a_common_version_the_refusal_names_both_ranges() {
    let refusal = negotiate(&speaking(VERSION_MAX + 1, VERSION_MAX + 4)).expect_err("too new");
    assert_eq!(refusal.code, RefusalCode::Version);
    assert_eq!(
        refusal.reason,
        "no common protocol version: the node speaks 4 to 7, the hub 1 to 3"
    );
    let refusal = negotiate(&speaking(0, 0)).expect_err("too old");
    assert_eq!(refusal.code, RefusalCode::Version);
}

#[test]
fn a_range_that_is_none_is_refused() {
    let refusal = negotiate(&speaking(VERSION_MAX + 1, VERSION_MIN)).expect_err("backwards");
    assert_eq!(refusal.code, RefusalCode::Version);
}

#[test]
fn another_magic_is_refused() {
    let stranger = Hello {
        magic: *b"LEASE\x00\xff\"",
        ..hello()
    };
    let refusal = negotiate(&stranger).expect_err("another magic");
    assert_eq!(refusal.code, RefusalCode::Malformed);
    assert!(
        refusal.reason.contains(r#"\x00\xff\""#),
        "{}",
        refusal.reason
    );
    assert!(
        refusal.reason.contains(&MAGIC.escape_ascii().to_string()),
        "{}",
        refusal.reason
    );
}
