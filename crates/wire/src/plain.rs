//! The messages of which there are many, written and read by hand: enqueue, claim, credit, complete
//! and what answers them when all went well. The bytes are those of the codec, which has all other
//! messages, and all that is wrong with any: it goes through serde field by field, with sixteen calls
//! for an id, and took ten times as long.
//!
//! Numbers are as in `docs/PROTOCOL.md`. What stands here knows no message that the codec does not:
//! the tests hold one to the other.

mod read;
mod write;

#[cfg(test)]
mod tests;

use bytes::BytesMut;

use crate::{FromHub, FromNode, Lists};

/// The longest number of one byte; what stands before longer ones says how long they are.
const SINGLE: u8 = 250;
const TWO: u8 = 251;
const FOUR: u8 = 252;
const EIGHT: u8 = 253;

/// The numbers of variants, as in `tests/golden`.
const OK: u8 = 0;
const NODE_REQUEST: u8 = 1;
const NODE_PING: u8 = 2;
const REQUEST_ENQUEUE: u8 = 0;
const REQUEST_CLAIM: u8 = 1;
const REQUEST_CREDIT: u8 = 2;
const REQUEST_COMPLETE: u8 = 4;
const HUB_RESPONSE: u8 = 2;
const HUB_DELIVER: u8 = 3;
const HUB_PING: u8 = 5;
const RESPONSE_ENQUEUED: u8 = 0;
const RESPONSE_CLAIMED: u8 = 1;
const RESPONSE_CREDITED: u8 = 2;
const RESPONSE_DONE: u8 = 4;

pub(crate) fn write_from_node(
    message: &FromNode,
    bytes_max: u32,
    to: &mut BytesMut,
) -> Option<u32> {
    let bytes = write::from_node_bytes(message)?;
    write::within(bytes_max, to, bytes, |to| write::from_node(message, to))
}

pub(crate) fn write_from_hub(message: &FromHub, bytes_max: u32, to: &mut BytesMut) -> Option<u32> {
    let bytes = write::from_hub_bytes(message)?;
    write::within(bytes_max, to, bytes, |to| write::from_hub(message, to))
}

pub(crate) fn read_from_node(bytes: &[u8], lists: &mut Lists) -> Option<FromNode> {
    read::whole(bytes, |rest| read::from_node(rest, lists))
}

pub(crate) fn read_from_hub(bytes: &[u8]) -> Option<FromHub> {
    read::whole(bytes, read::from_hub)
}
