//! Bytes are for ever: every message that version 1 knows, as bytes, in `golden/v1.txt`.
//!
//! A difference means that nodes out there no longer understand this hub. If the message is *new*,
//! let `LEASEHOLD_GOLDEN=write cargo test -p leasehold-wire --test golden` add its line; the lines
//! that stand there already are never written again.

mod examples;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::BytesMut;
use examples::{Example, examples};
use leasehold_wire::{FRAME_BYTES_MAX_DEFAULT, decode_message, encode_message};

const GOLDEN: &str = include_str!("golden/v1.txt");
const GOLDEN_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1.txt");

#[test]
fn every_message_is_encoded_as_ever() {
    let now: Vec<(&str, String)> = examples()
        .iter()
        .map(|(name, example)| (*name, hex(&encoded(example))))
        .collect();
    if std::env::var_os("LEASEHOLD_GOLDEN").is_some_and(|how| how == "write") {
        return write(&now);
    }
    let golden = golden();
    let changed: Vec<_> = now
        .iter()
        .filter(|(name, bytes)| golden.get(name) != Some(&bytes.as_str()))
        .map(|(name, bytes)| format!("{name}\n  was {:?}\n  is  {bytes}", golden.get(name)))
        .collect();
    assert!(
        changed.is_empty(),
        "the bytes of these changed:\n{}",
        changed.join("\n")
    );
}

#[test]
fn every_golden_line_has_its_example() {
    let known: BTreeSet<&str> = examples().iter().map(|(name, _)| *name).collect();
    let golden: BTreeSet<&str> = golden().into_keys().collect();
    assert_eq!(golden, known);
    assert_eq!(known.len(), examples().len(), "a name stands twice");
}

#[test]
fn every_golden_line_is_decoded_as_ever() {
    let golden = golden();
    for (name, example) in examples() {
        let bytes = unhex(golden[name]);
        let decoded = match &example {
            Example::Node(_) => decode_message(&bytes).map(Example::Node),
            Example::Hub(_) => decode_message(&bytes).map(Example::Hub),
        };
        assert_eq!(decoded.expect(name), example, "{name}");
    }
}

#[test]
fn every_variant_of_every_enum_has_an_example() {
    let examples: BTreeMap<_, _> = examples().into_iter().collect();
    for (name, variants) in &schema::schema().enums {
        for (variant, _) in variants.values() {
            let example = examples.get(format!("{name}.{variant}").as_str());
            let example = example.unwrap_or_else(|| panic!("{name}.{variant} has no example"));
            let shown = format!("{example:?}");
            let mut words = shown.split(|c: char| !c.is_alphanumeric());
            assert!(
                words.any(|word| word == variant),
                "{name}.{variant} is not in {shown}"
            );
        }
    }
}

fn encoded(example: &Example) -> BytesMut {
    let mut bytes = BytesMut::new();
    let written = match example {
        Example::Node(message) => encode_message(message, FRAME_BYTES_MAX_DEFAULT, &mut bytes),
        Example::Hub(message) => encode_message(message, FRAME_BYTES_MAX_DEFAULT, &mut bytes),
    };
    assert_eq!(written.expect("an example that fits") as usize, bytes.len());
    bytes
}

/// Name to hex.
fn golden() -> BTreeMap<&'static str, &'static str> {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_once(" = ").expect("name = hex"))
        .collect()
}

fn write(now: &[(&str, String)]) {
    let mut text = String::from("# Messages of protocol version 1. Released lines never change.\n");
    let golden = golden();
    for (name, bytes) in now {
        let bytes = golden.get(name).copied().unwrap_or(bytes);
        writeln!(text, "{name} = {bytes}").expect("a string takes it");
    }
    std::fs::write(GOLDEN_PATH, text).expect("the golden file is writable");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex"))
        .collect()
}
