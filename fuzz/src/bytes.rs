//! Targets of bytes: what comes over the wire, and what is stored.

use std::fmt::Debug;

use bytes::BytesMut;
use leasehold_store::{MemoryStore, fuzzing, transfer as lines};
use leasehold_wire::{
    Codec, FRAME_BYTES_MAX_DEFAULT, FromHub, FromNode, HubCodec, Message, NodeCodec,
    decode_message, encode_message, negotiate,
};
use tokio_util::codec::{Decoder, Encoder};

/// The longest frame that is taken after the handshake, in bytes.
const FRAME_BYTES_MAX: u32 = 1 << 16;

/// Frames of either direction, in pieces. The first byte says of which direction, and whether after
/// the handshake; the second in what pieces; the rest is what is heard.
pub fn frames(bytes: &[u8]) {
    let Some((&[kind, pieces], heard)) = bytes.split_first_chunk() else {
        return;
    };
    let in_handshake = kind & 2 == 0;
    if kind & 1 == 0 {
        hear_twice(|| codec::<FromNode, FromHub>(in_handshake), heard, pieces);
    } else {
        hear_twice(|| codec::<FromHub, FromNode>(in_handshake), heard, pieces);
    }
}

fn codec<In: Message, Out>(in_handshake: bool) -> Codec<In, Out> {
    let mut codec = Codec::new();
    if !in_handshake {
        codec.set_frame_bytes_max(FRAME_BYTES_MAX);
    }
    codec
}

/// Messages do not depend on how their bytes come, and go over the wire as they came.
fn hear_twice<In: Message + PartialEq + Debug, Out: Message>(
    codec: impl Fn() -> Codec<In, Out>,
    heard: &[u8],
    pieces: u8,
) {
    let whole = hear(codec(), [heard].into_iter());
    let parts = hear(codec(), cut(heard, pieces));
    assert_eq!(whole, parts, "in one piece, and in pieces");
    let mut bytes = BytesMut::new();
    let mut speaker = Codec::<Out, In>::new();
    speaker.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
    for message in &whole.0 {
        speaker
            .encode(message, &mut bytes)
            .expect("a message that came fits");
    }
    let mut listener = codec();
    listener.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
    let again = hear(listener, [bytes.as_ref()].into_iter());
    assert_eq!((whole.0, true), again, "as it came, and as it is sent on");
}

/// What was heard, and whether all was well to the end.
fn hear<'a, In: Message, Out>(
    mut codec: Codec<In, Out>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<In>, bool) {
    let mut heard = Vec::new();
    let mut from = BytesMut::new();
    for piece in pieces {
        from.extend_from_slice(piece);
        loop {
            match codec.decode(&mut from) {
                Ok(Some(message)) => heard.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return (heard, false);
                }
            }
        }
    }
    (heard, true)
}

/// Pieces of 1 to 16 bytes, as this number has it.
fn cut(mut bytes: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(seed);
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (1 + (state >> 28) as usize).min(bytes.len());
        let (piece, rest) = bytes.split_at(length);
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// One message of a node.
pub fn from_node(bytes: &[u8]) {
    if let Some(FromNode::Hello(hello)) = again::<FromNode>(bytes) {
        match negotiate(&hello) {
            Ok(version) => assert!((hello.version_min..=hello.version_max).contains(&version)),
            Err(refusal) => assert!(!refusal.reason.is_empty()),
        }
    }
    _ = HubCodec::new().decode(&mut BytesMut::from(bytes));
}

/// One message of a hub.
pub fn from_hub(bytes: &[u8]) {
    again::<FromHub>(bytes);
    _ = NodeCodec::new().decode(&mut BytesMut::from(bytes));
}

/// The message that these bytes are: it goes over the wire as it came, in bytes that do not change
/// any more, whichever of the two writers and readers takes it.
fn again<M: Message + PartialEq + Debug>(bytes: &[u8]) -> Option<M> {
    let message = decode_message::<M>(bytes).ok()?;
    let sent = written(&message);
    assert!(sent.len() <= bytes.len(), "it became longer");
    let same = decode_message::<M>(&sent).expect("our own bytes");
    assert_eq!(same, message);
    assert_eq!(written(&same), sent);
    Some(message)
}

fn written<M: Message>(message: &M) -> BytesMut {
    let mut bytes = BytesMut::new();
    let length = encode_message(message, FRAME_BYTES_MAX_DEFAULT, &mut bytes);
    assert_eq!(
        length.expect("a message that came fits") as usize,
        bytes.len()
    );
    bytes
}

/// Records of a store: header, pools, notes and logs, in all their versions.
pub fn records(bytes: &[u8]) {
    fuzzing::record(bytes);
}

/// The journal before a store: mark, segments, records.
pub fn journal(bytes: &[u8]) {
    fuzzing::journal(bytes);
}

/// An export, in lines of JSON: what was read is written as it was read.
pub fn transfer(bytes: &[u8]) {
    let mut store = MemoryStore::new();
    if lines::import(&mut &*bytes, &mut store, &mut |_| ()).is_err() {
        return;
    }
    let first = exported(&mut store);
    let mut other = MemoryStore::new();
    lines::import(&mut first.as_slice(), &mut other, &mut |_| ()).expect("our own lines");
    let text = |bytes: &[u8]| without_epochs(&String::from_utf8_lossy(bytes));
    assert_eq!(text(&first), text(&exported(&mut other)));
}

fn exported(store: &mut MemoryStore) -> Vec<u8> {
    let mut to = Vec::new();
    lines::export(store, &mut to, &mut |_| ()).expect("a store in memory, to memory");
    to
}

/// Epochs grow with each store that a pool comes to.
fn without_epochs(text: &str) -> String {
    let is_kept = |line: &&str| !line.starts_with(r#"{"pool""#);
    text.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
}
