//! Bytes are for ever: every message that version 1 knows, as bytes, in `golden/v1.txt`, and what
//! later versions added to it in `golden/v2.txt` and `golden/v3.txt`.
//!
//! A difference means that nodes out there no longer understand this hub. If the message is *new*,
//! let `LEASEHOLD_GOLDEN=write cargo test -p leasehold-wire --test golden` add its line; the lines
//! that stand there already are never written again.

mod examples;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::BytesMut;
use examples::{Example, examples, first, second, third};
use leasehold_wire::{FRAME_BYTES_MAX_DEFAULT, decode_message, encode_message};

/// One file for each version, with what it added to the one before.
const GOLDEN: [&str; 3] = [
    include_str!("golden/v1.txt"),
    include_str!("golden/v2.txt"),
    include_str!("golden/v3.txt"),
];

const GOLDEN_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

#[test]
fn every_message_is_encoded_as_ever() {
    if std::env::var_os("LEASEHOLD_GOLDEN").is_some_and(|how| how == "write") {
        return write();
    }
    let golden = golden();
    let changed: Vec<_> = named_bytes(&examples())
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
    let lines = GOLDEN.into_iter().flat_map(str::lines);
    let lines = lines.filter(|line| !line.starts_with('#'));
    assert_eq!(lines.count(), known.len(), "a line stands twice");
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

fn named_bytes(examples: &[(&'static str, Example)]) -> Vec<(&'static str, String)> {
    let named = |(name, example): &(&'static str, Example)| (*name, hex(&encoded(example)));
    examples.iter().map(named).collect()
}

/// Name to hex.
fn golden() -> BTreeMap<&'static str, &'static str> {
    let lines = GOLDEN.into_iter().flat_map(str::lines);
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(" = ").expect("name = hex"))
        .collect()
}

fn write() {
    let golden = golden();
    for (version, examples) in [(1, first()), (2, second()), (3, third())] {
        let mut text =
            format!("# Messages of protocol version {version}. Released lines never change.\n");
        for (name, bytes) in named_bytes(&examples) {
            let bytes = golden.get(name).copied().unwrap_or(&bytes);
            writeln!(text, "{name} = {bytes}").expect("a string takes it");
        }
        let path = format!("{GOLDEN_PATH}/v{version}.txt");
        std::fs::write(path, text).expect("the golden file is writable");
    }
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
