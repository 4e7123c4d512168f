//! Strangers' bytes: whatever they are, decoding ends in a message or an error, never in a panic
//! and never in memory taken on a mere claim.

mod examples;

use bytes::{BufMut, BytesMut};
use examples::{Example, examples};
use leasehold_wire::{
    FRAME_BYTES_MAX_DEFAULT, FromHub, FromNode, HubCodec, Message, NodeCodec, WireError,
    decode_message, encode_message,
};
use proptest::prelude::*;
use tokio_util::codec::Decoder;

/// Lengths that no frame has.
const CLAIMS: [u64; 6] = [1 << 60, u64::MAX, 1 << 32, 1 << 28, 1 << 24, 40_000];

/// Whether bytes are a message of one direction.
type Verdict = fn(&[u8]) -> Result<(), WireError>;

/// The bytes of every example, with what decodes them.
fn encoded() -> Vec<(&'static str, Vec<u8>, Verdict)> {
    let one = |(name, example)| match example {
        Example::Node(message) => (name, bytes_of(&message), is_message::<FromNode> as _),
        Example::Hub(message) => (name, bytes_of(&message), is_message::<FromHub> as _),
    };
    examples().into_iter().map(one).collect()
}

fn bytes_of<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode_message(message, FRAME_BYTES_MAX_DEFAULT, &mut bytes).expect("an example that fits");
    bytes.to_vec()
}

fn is_message<M: Message>(bytes: &[u8]) -> Result<(), WireError> {
    decode_message::<M>(bytes).map(drop)
}

/// A length as it stands before a list, a string or bytes.
fn length(claim: u64) -> Vec<u8> {
    let mut bytes = vec![253];
    bytes.extend(claim.to_le_bytes());
    bytes
}

fn reason<M: Message + std::fmt::Debug>(bytes: &[u8]) -> String {
    match decode_message::<M>(bytes) {
        Err(WireError::Malformed { reason }) => reason,
        other => panic!("{bytes:?} became {other:?}"),
    }
}

#[test]
fn what_is_cut_short_anywhere_is_no_message() {
    for (name, bytes, is_message) in encoded() {
        for end in 0..bytes.len() {
            assert!(
                is_message(&bytes[..end]).is_err(),
                "{name} cut to {end} bytes"
            );
        }
    }
}

#[test]
fn what_has_more_bytes_is_no_message() {
    for (name, mut bytes, is_message) in encoded() {
        bytes.push(0);
        let error = is_message(&bytes).expect_err(name).to_string();
        assert!(error.contains("1 bytes are left over"), "{name}: {error}");
    }
}

#[test]
fn a_flipped_bit_ends_in_a_message_or_an_error() {
    for (_, mut bytes, is_message) in encoded() {
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            _ = is_message(&bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_claimed_length_anywhere_ends_in_a_message_or_an_error() {
    for (_, bytes, is_message) in encoded() {
        for (at, claim) in (0..bytes.len()).flat_map(|at| CLAIMS.map(|claim| (at, claim))) {
            let hostile = [&bytes[..at], &length(claim), &bytes[at + 1..]].concat();
            _ = is_message(&hostile);
        }
    }
}

#[test]
fn a_claimed_string_takes_nothing() {
    for claim in CLAIMS {
        let bye = [&[6][..], &length(claim)].concat();
        assert!(reason::<FromHub>(&bye).contains("LimitExceeded"), "{claim}");
        let status = [&[1, 1, 11, 1][..], &length(claim)].concat();
        assert!(
            reason::<FromNode>(&status).contains("LimitExceeded"),
            "{claim}"
        );
    }
}

#[test]
fn a_claimed_list_takes_nothing() {
    for claim in CLAIMS {
        let cancel = [&[1, 1, 8][..], &length(claim)].concat();
        assert!(
            reason::<FromNode>(&cancel).contains("UnexpectedEnd"),
            "{claim}"
        );
    }
}

#[test]
fn a_number_past_the_last_variant_is_no_message() {
    for number in [7, 250, 255] {
        assert!(!reason::<FromHub>(&[number]).is_empty());
        assert!(!reason::<FromNode>(&[1, 1, number.max(14)]).is_empty());
    }
}

#[test]
fn what_is_neither_true_nor_false_is_no_message() {
    let wrong_option = [1, 1, 11, 2];
    assert!(!reason::<FromNode>(&wrong_option).is_empty());
}

#[test]
fn a_name_that_is_none_is_no_message() {
    let status_of = |name: &[u8]| {
        let head = [1, 1, 11, 1, u8::try_from(name.len()).expect("a short name")];
        [&head[..], name].concat()
    };
    for name in [
        &b""[..],
        b"a b",
        b".a",
        "ä".as_bytes(),
        b"\xff\xfe",
        &[b'a'; 65],
    ] {
        assert!(!reason::<FromNode>(&status_of(name)).is_empty());
    }
    assert!(is_message::<FromNode>(&status_of(&[b'a'; 64])).is_ok());
}

#[test]
fn a_duration_that_overflows_is_no_message() {
    let mut unavailable = vec![2, 1, 9, 9, 0];
    unavailable.extend(length(u64::MAX));
    unavailable.extend([252, 255, 255, 255, 255]);
    assert!(!reason::<FromHub>(&unavailable).is_empty());
}

/// Hears `bytes` in pieces, as long as they are good.
fn hear<In: Message, Out>(
    mut codec: leasehold_wire::Codec<In, Out>,
    bytes: &[u8],
    piece_bytes: usize,
) {
    codec.set_frame_bytes_max(1 << 16);
    let mut src = BytesMut::new();
    for piece in bytes.chunks(piece_bytes) {
        src.extend_from_slice(piece);
        loop {
            match codec.decode(&mut src) {
                Ok(Some(_)) => (),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

/// Frames with a true length and anything inside.
fn framed(inside: &[Vec<u8>]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for frame in inside {
        bytes.put_u32(frame.len().try_into().expect("a short frame"));
        bytes.put_slice(frame);
    }
    bytes
}

/// Bytes that look like a message at their beginning more often than chance would have it.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let golden: Vec<Vec<u8>> = encoded().into_iter().map(|(_, bytes, _)| bytes).collect();
    let beginning = (
        proptest::sample::select(golden),
        any::<proptest::sample::Index>(),
    );
    (beginning, proptest::collection::vec(any::<u8>(), 0..64)).prop_map(|((golden, end), tail)| {
        let end = end.index(golden.len() + 1);
        [&golden[..end], &tail].concat()
    })
}

proptest! {
    #[test]
    fn any_bytes_end_in_messages_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..512),
        piece_bytes in 1..64_usize,
    ) {
        _ = is_message::<FromNode>(&bytes);
        _ = is_message::<FromHub>(&bytes);
        hear(HubCodec::new(), &bytes, piece_bytes);
        hear(NodeCodec::new(), &bytes, piece_bytes);
    }

    #[test]
    fn near_misses_end_in_messages_or_an_error(
        inside in proptest::collection::vec(nearly_a_message(), 1..4),
        piece_bytes in 1..64_usize,
    ) {
        let bytes = framed(&inside);
        hear(HubCodec::new(), &bytes, piece_bytes);
        hear(NodeCodec::new(), &bytes, piece_bytes);
    }

    #[test]
    fn what_decodes_encodes_and_decodes_again_to_the_same(bytes in nearly_a_message()) {
        if let Ok(message) = decode_message::<FromNode>(&bytes) {
            let again = decode_message::<FromNode>(&bytes_of(&message));
            prop_assert_eq!(again.expect("our own bytes"), message);
        }
        if let Ok(message) = decode_message::<FromHub>(&bytes) {
            let again = decode_message::<FromHub>(&bytes_of(&message));
            prop_assert_eq!(again.expect("our own bytes"), message);
        }
    }
}
