//! The bytes of a journal are for ever, and none of another journal are taken for them.

use std::{fs, path::Path};

use bytes::Bytes;

use super::super::{
    super::engine::Writes,
    format::{
        self, Key, Mark, Nonce, Op, RECORD_HEAD_BYTES, RECORDS_AT, Record, RecordHead, Unsealed,
    },
};

const NONCE: Nonce = Nonce(0x0102_0304_0506_0708);

const HEAD: RecordHead = RecordHead {
    seq: 300,
    covered: 200,
    marked: 100,
};

#[test]
fn segment_bytes_are_for_ever() {
    let segment = format::empty_segment(NONCE, 8192);
    let golden = check_golden("journal-v1-segment.hex", &segment[..20]);
    assert!(segment[20..].iter().all(|byte| *byte == 0));
    let segment = [golden, vec![0; 8192 - 20]].concat();
    assert_eq!(format::segment_nonce(&segment), Ok(NONCE));
}

#[test]
fn record_bytes_are_for_ever() {
    let golden = check_golden("journal-v1-record.hex", record().bytes());
    let records = format::records(NONCE, &in_segment(&golden));
    let [(at, found)] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!((*at, found.head), (RECORDS_AT, HEAD));
    let key = |key: &[u8]| Key::new(key).unwrap();
    let expected = [
        (key(b"one"), Op::Put(Bytes::from_static(b"value"))),
        (key(b"other"), Op::Remove(70_000)),
        (key(b"empty"), Op::Put(Bytes::new())),
    ];
    assert_eq!(found.ops().collect::<Vec<_>>(), expected);
}

/// Found by fuzzing: it was believed for its sum, and its writes were taken apart with a panic.
#[test]
fn a_record_with_a_good_sum_and_no_writes_in_it_is_none() {
    let put = |key_len: u8, len: u32| [&[0, key_len][..], &len.to_le_bytes(), b"key"].concat();
    let bodies = [
        vec![0],
        vec![0; 7],
        [7, 0, 0, 0, 0, 0].to_vec(),
        put(200, 0),
        put(24, 0),
        put(3, 1),
        put(3, u32::MAX),
        [put(3, 0), vec![1, 4, 0, 0, 0, 0]].concat(),
    ];
    for body in bodies {
        let mut bytes = record().bytes()[..RECORD_HEAD_BYTES].to_vec();
        bytes[4..8].copy_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend(&body);
        let sum = [&NONCE.0.to_le_bytes(), &bytes[..36], &body].concat();
        bytes[36..RECORD_HEAD_BYTES].copy_from_slice(&crc32c::crc32c(&sum).to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let found = format::records(NONCE, &in_segment(&bytes));
        assert!(found.is_empty(), "{body:?}");
    }
}

#[test]
fn mark_bytes_are_for_ever() {
    let mark = Mark {
        nonce: NONCE,
        seq: 300,
        newest: 400,
    };
    let golden = check_golden("journal-v1-mark.hex", &mark.to_bytes());
    assert_eq!(golden.len(), format::mark_bytes());
    assert_eq!(Mark::from_bytes(&golden), Some(mark));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let whole = record().bytes().to_vec();
    // What is behind the body fills up to eight, and says nothing.
    let len = format::RECORD_HEAD_BYTES + 3 * 6 + 13 + 5;
    for bit in 0..len * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(
            format::records(NONCE, &in_segment(&flipped)).is_empty(),
            "bit {bit}"
        );
    }
}

#[test]
fn a_record_of_another_journal_is_none() {
    assert!(format::records(Nonce(1), &in_segment(record().bytes())).is_empty());
}

#[test]
fn records_are_found_behind_what_is_none() {
    let (one, other) = (record(), record());
    let torn = &one.bytes()[..one.bytes().len() / 2 / 8 * 8];
    let records = format::records(NONCE, &in_segment(&[torn, other.bytes()].concat()));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].0, RECORDS_AT + torn.len());
}

#[test]
fn what_is_too_long_for_a_record_is_refused() {
    let mut writes = Writes::default();
    writes.remove(&[1; 24], 1);
    assert!(Unsealed::new(&writes).is_none());
}

fn record() -> Record {
    let mut writes = Writes::default();
    writes.put(b"one", b"value".to_vec());
    writes.remove(b"other", 70_000);
    writes.put(b"empty", Vec::new());
    Unsealed::new(&writes).unwrap().seal(NONCE, HEAD)
}

fn in_segment(records: &[u8]) -> Bytes {
    let mut segment = format::empty_segment(NONCE, 8192);
    segment[RECORDS_AT..RECORDS_AT + records.len()].copy_from_slice(records);
    segment.into()
}

/// Holds these bytes against the ones that were written once, and returns those.
fn check_golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden.trim(), hex, "{name}");
    bytes.to_vec()
}
