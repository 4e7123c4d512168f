//! Segments and marks, whole or not, and records with a sum that is right and a body that may be
//! anything.

use bytes::Bytes;

use super::format::{Mark, Nonce, RECORD_HEAD_BYTES, RECORDS_AT, records, segment_nonce};

/// Of every journal here.
const NONCE: Nonce = Nonce(0x6c65_6173_6568_6f6c);

/// Takes parts of a journal apart. The first byte says which: the mark, the head of a segment, the
/// records of a segment, or one record with this body.
pub fn journal(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    match kind {
        0 => again_mark(rest),
        1 => _ = segment_nonce(rest),
        2 => look_at(&[[0; RECORDS_AT].as_slice(), rest].concat()),
        _ => look_at(&[[0; RECORDS_AT].as_slice(), around(rest).as_slice()].concat()),
    }
}

fn again_mark(bytes: &[u8]) {
    if let Some(mark) = Mark::from_bytes(bytes) {
        assert_eq!(Mark::from_bytes(&mark.to_bytes()), Some(mark));
    }
}

/// A record of this body, by what the module above says of the layout.
fn around(body: &[u8]) -> Vec<u8> {
    let mut head = [0; RECORD_HEAD_BYTES];
    head[..4].copy_from_slice(b"LJr\x01");
    let len = u32::try_from(body.len()).expect("it is short");
    head[4..8].copy_from_slice(&len.to_le_bytes());
    let sum = crc32c::crc32c(&NONCE.0.to_le_bytes());
    let sum = crc32c::crc32c_append(sum, &head[..36]);
    let sum = crc32c::crc32c_append(sum, body);
    head[36..].copy_from_slice(&sum.to_le_bytes());
    [head.as_slice(), body].concat()
}

fn look_at(segment: &[u8]) {
    let segment = Bytes::copy_from_slice(segment);
    for (at, record) in records(NONCE, &segment) {
        let end = at + record.bytes().len();
        assert!(end <= segment.len(), "a record ends behind its segment");
        let bytes: usize = record.ops().map(|(key, _)| key.as_slice().len()).sum();
        assert!(bytes + RECORD_HEAD_BYTES <= record.bytes().len());
    }
}
