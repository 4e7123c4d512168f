//! Holds docs/PROTOCOL.md to the code: its tables to the types, its examples to the golden file, its
//! limits to the constants.

mod schema;

use std::collections::{BTreeMap, BTreeSet};

use leasehold_core::limits;
use leasehold_wire::{FRAME_BYTES_CEILING, FRAME_BYTES_MAX_DEFAULT, HANDSHAKE_BYTES_MAX};
use schema::schema;

const DOC: &str = include_str!("../../../docs/PROTOCOL.md");
const GOLDEN: [&str; 3] = [
    include_str!("golden/v1.txt"),
    include_str!("golden/v2.txt"),
    include_str!("golden/v3.txt"),
];

/// The first three cells of each row of a table, without backquotes.
type Rows = Vec<[String; 3]>;

/// Every table under a heading that names a type.
fn tables() -> BTreeMap<&'static str, Rows> {
    let sections = DOC.split("\n### `").skip(1);
    sections
        .map(|section| {
            let (name, text) = section
                .split_once("`\n")
                .expect("a heading ends with its name");
            (name, rows(text.split("\n## ").next().unwrap_or_default()))
        })
        .collect()
}

fn rows(text: &str) -> Rows {
    let lines = text.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(cells).collect()
}

fn cells(line: &str) -> [String; 3] {
    let mut cells = line
        .split('|')
        .skip(1)
        .map(|cell| cell.trim().trim_matches('`').to_owned());
    std::array::from_fn(|_| cells.next().expect("three cells at least"))
}

#[test]
fn every_enum_is_in_the_doc_with_its_numbers_and_fields() {
    let tables = tables();
    for (name, variants) in schema().enums {
        let expected: Rows = variants
            .into_iter()
            .map(|(number, (variant, fields))| [number.to_string(), variant, fields])
            .collect();
        assert_eq!(
            tables.get(name.as_str()),
            Some(&expected),
            "the table of {name}"
        );
    }
}

#[test]
fn every_struct_is_in_the_doc_with_its_fields_in_order() {
    let tables = tables();
    for (name, fields) in schema().structs {
        let written = tables
            .get(name.as_str())
            .unwrap_or_else(|| panic!("no table of {name}"));
        let written: Vec<_> = written
            .iter()
            .map(|[field, kind, _]| (field.clone(), kind.clone()))
            .collect();
        assert_eq!(written, fields, "the table of {name}");
    }
}

#[test]
fn the_doc_has_no_table_of_a_type_that_is_not_there() {
    let schema = schema();
    let known: BTreeSet<&str> = schema
        .enums
        .keys()
        .chain(schema.structs.keys())
        .map(String::as_str)
        .collect();
    assert_eq!(tables().into_keys().collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_plain_name_is_in_the_doc_with_what_it_stands_for() {
    for (name, kind) in schema().newtypes {
        assert!(
            DOC.contains(&format!("\n| `{name}` | `{kind}` | ")),
            "{name} is {kind}"
        );
    }
}

#[test]
fn every_request_names_the_response_to_it() {
    let section = DOC
        .split("\n### `Request`\n")
        .nth(1)
        .expect("the requests have a table");
    let responses = &schema().enums["Response"];
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    for row in rows.iter().take(schema().enums["Request"].len()) {
        let response = row
            .split('|')
            .nth(4)
            .expect("a fourth cell")
            .trim()
            .trim_matches('`');
        assert!(
            responses.values().any(|(variant, _)| variant == response),
            "{row}"
        );
    }
}

#[test]
fn every_example_is_a_frame_of_the_golden_file() {
    let golden: BTreeMap<_, _> = GOLDEN
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.split_once(" = "))
        .collect();
    let blocks: Vec<&str> = DOC.split("```hex\n# ").skip(1).collect();
    assert!(blocks.len() >= 10, "the worked session is gone");
    for block in blocks {
        let (name, text) = block.split_once('\n').expect("a name, then bytes");
        let text = text.split("```").next().unwrap_or_default();
        let message = golden
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not a golden message"));
        let frame = format!("{:08x}{message}", message.len() / 2);
        assert_eq!(bytes_of(text), frame, "the bytes of {name}");
        let count = format!("# {} byte", message.len() / 2);
        assert!(text.contains(&count), "{name} does not say {count}");
    }
}

/// The hex digits of lines of which the rest, from `#`, is comment.
fn bytes_of(text: &str) -> String {
    let digits = text.lines().filter_map(|line| line.split('#').next());
    digits.flat_map(str::split_whitespace).collect()
}

#[test]
fn every_limit_is_the_constant() {
    for (what, value) in limits_of_1().into_iter().chain(limits_of_2()) {
        assert!(
            DOC.contains(&format!("\n| {what} | {value} |\n")),
            "{what} is {value}"
        );
    }
}

fn limits_of_1() -> Vec<(&'static str, u128)> {
    let millis = |duration: std::time::Duration| duration.as_millis();
    vec![
        (
            "bytes of a frame in the handshake",
            u128::from(HANDSHAKE_BYTES_MAX),
        ),
        (
            "bytes of a frame, unless the hub is told otherwise",
            FRAME_BYTES_MAX_DEFAULT.into(),
        ),
        (
            "bytes of a frame, whatever the hub is told",
            FRAME_BYTES_CEILING.into(),
        ),
        (
            "bytes of a payload or a result",
            limits::BLOB_BYTES_MAX as u128,
        ),
        ("items in a list of a request", limits::BATCH_MAX as u128),
        (
            "tasks of one claim, and credit of a session in a pool",
            limits::CLAIM_MAX.into(),
        ),
        (
            "claims with `wait_ms` and awaits that wait, of a session in a pool",
            limits::PARKED_MAX as u128,
        ),
        ("`wait_ms`", millis(limits::WAIT_MAX)),
        ("`lease_ms`, at least", millis(limits::LEASE_MIN)),
        ("`lease_ms`, at most", millis(limits::LEASE_MAX)),
        ("`attempts_max`", limits::ATTEMPTS_MAX.into()),
        ("`delay_ms`", millis(limits::DELAY_MAX)),
        ("bytes kept of a reason", limits::REASON_BYTES_MAX as u128),
        ("attempts in a task's history", limits::HISTORY_MAX as u128),
    ]
}

fn limits_of_2() -> Vec<(&'static str, u128)> {
    let payload = limits::SCHEDULE_PAYLOAD_BYTES_MAX;
    vec![
        ("wish `ExpiresAfter`", limits::EXPIRES_MAX.as_millis()),
        ("wish `MaxRuntime`, at least", limits::LEASE_MIN.as_millis()),
        (
            "wish `MaxRuntime`, at most",
            limits::RUNTIME_MAX.as_millis(),
        ),
        ("bytes of a key or a group", limits::KEY_BYTES_MAX as u128),
        ("tasks of an `After`", limits::AFTER_MAX as u128),
        ("follow-ups of a completion", limits::FOLLOW_UPS_MAX as u128),
        ("bytes of a trace", limits::TRACE_BYTES_MAX as u128),
        ("bytes kept of a note", limits::NOTE_BYTES_MAX as u128),
        ("conditions in a list of `Where`", limits::WHERE_MAX as u128),
        ("schedules of a pool", limits::SCHEDULES_MAX as u128),
        ("bytes of a schedule's payload", payload as u128),
        (
            "changes in a pool's history",
            limits::POLICY_HISTORY_MAX as u128,
        ),
    ]
}
