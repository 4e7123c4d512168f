//! The beginning of a session, alike for all who have one.

use bytes::BytesMut;
use leasehold_core::{Incarnation, NodeName};
use leasehold_wire::{FromHub, FromNode, Hello, NodeCodec, Welcome};
use tokio_util::codec::{Decoder, Encoder};

use super::NAME;
use crate::{BenchError, Connection};

/// Says hello and awaits the welcome.
pub(super) async fn open(
    connection: &mut Connection,
    codec: &mut NodeCodec,
) -> Result<Welcome, BenchError> {
    let incarnation = Incarnation(rand::random());
    let name = NodeName::new(&format!("bench-{:x}", incarnation.0))
        .map_err(|error| BenchError::failed("name a node", error))?;
    let hello = Hello::new(name, incarnation);
    put(codec, &FromNode::Hello(hello), &mut connection.output)?;
    connection.send().await?;
    loop {
        connection.receive().await?;
        match next(codec, &mut connection.input)? {
            None => {}
            Some(FromHub::Welcome(welcome)) => {
                codec.set_frame_bytes_max(welcome.frame_bytes_max);
                return Ok(welcome);
            }
            Some(other) => return Err(unexpected(&other)),
        }
    }
}

/// The next message that is whole.
pub(super) fn next(
    codec: &mut NodeCodec,
    input: &mut BytesMut,
) -> Result<Option<FromHub>, BenchError> {
    codec
        .decode(input)
        .map_err(|error| BenchError::failed("read what the hub said", error))
}

pub(super) fn put(
    codec: &mut NodeCodec,
    message: &FromNode,
    output: &mut BytesMut,
) -> Result<(), BenchError> {
    codec
        .encode(message, output)
        .map_err(|error| BenchError::failed("say what is to be said to the hub", error))
}

pub(super) fn unexpected(message: &FromHub) -> BenchError {
    BenchError::unexpected(NAME, format_args!("{message:?}"))
}
