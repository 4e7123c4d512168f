//! The beginning of a session, alike for all who have one.

use bytes::BytesMut;
use leasehold_core::{Incarnation, NodeName};
use leasehold_reach::Door;
use leasehold_wire::{FromHub, FromNode, Hello, NodeCodec, Response, Welcome};
use tokio_util::codec::{Decoder, Encoder};

use super::NAME;
use crate::{BenchError, Connection};

/// Says hello, awaits the welcome, and says who this is, if there is anything to be shown.
pub(super) async fn open(
    connection: &mut Connection,
    codec: &mut NodeCodec,
    door: &Door,
) -> Result<Welcome, BenchError> {
    let incarnation = Incarnation(rand::random());
    let name = NodeName::new(&format!("bench-{:x}", incarnation.0))
        .map_err(|error| BenchError::failed("name a node", error))?;
    let hello = Hello::new(name, incarnation);
    put(codec, &FromNode::Hello(hello), &mut connection.output)?;
    connection.send().await?;
    let word = heard(connection, codec).await?;
    let FromHub::Welcome(welcome) = word else {
        return Err(unexpected(&word));
    };
    codec.set_frame_bytes_max(welcome.frame_bytes_max);
    if let Some(introduction) = door.introduction(welcome.version) {
        put(codec, &introduction, &mut connection.output)?;
        connection.send().await?;
        let answer = heard(connection, codec).await?;
        let is_known = matches!(
            answer,
            FromHub::Response {
                body: Response::Authenticated(_),
                ..
            }
        );
        if !is_known {
            return Err(unexpected(&answer));
        }
    }
    Ok(welcome)
}

/// What the hub says next, beside that it is there.
async fn heard(connection: &mut Connection, codec: &mut NodeCodec) -> Result<FromHub, BenchError> {
    loop {
        match next(codec, &mut connection.input)? {
            Some(FromHub::Ping) => {}
            Some(message) => return Ok(message),
            None => connection.receive().await?,
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
    if let FromHub::Refused(refusal) = message {
        return BenchError::unexpected(NAME, &refusal.reason);
    }
    BenchError::unexpected(NAME, format_args!("{message:?}"))
}
