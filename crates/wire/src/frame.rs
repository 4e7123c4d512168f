//! Frames: a length, then a message. Made for `tokio_util::codec::Framed`.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::codec::{
    FRAME_BYTES_CEILING, HANDSHAKE_BYTES_MAX, Message, decode_into, encode_message,
};
use crate::{FromHub, FromNode, MAGIC, Request, WireError};

/// The hub's end of a connection.
pub type HubCodec = Codec<FromNode, FromHub>;

/// A node's end of a connection.
pub type NodeCodec = Codec<FromHub, FromNode>;

/// Bytes of the length prefix, an unsigned big-endian number.
const PREFIX_BYTES: usize = 4;

/// A buffer that held a longer frame is given back after it, or a thousand nodes that once sent
/// four megabytes would hold four gigabytes.
const BUFFER_BYTES_KEPT: usize = 256 * 1024;

/// Frames in both directions under one bound. After an error the connection is of no more use.
#[derive(Debug)]
pub struct Codec<In: Message, Out> {
    bytes_max: u32,
    in_handshake: bool,
    lists: In::Lists,
    messages: PhantomData<fn(In) -> Out>,
}

impl<In: Message, Out> Codec<In, Out> {
    /// A codec at the beginning of a connection: no frame is longer than [`HANDSHAKE_BYTES_MAX`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes_max: HANDSHAKE_BYTES_MAX,
            in_handshake: true,
            lists: In::Lists::default(),
            messages: PhantomData,
        }
    }

    /// Ends the handshake: from now on no frame is longer than `bytes_max`, clipped to
    /// [`FRAME_BYTES_CEILING`].
    pub fn set_frame_bytes_max(&mut self, bytes_max: u32) {
        self.bytes_max = bytes_max.min(FRAME_BYTES_CEILING);
        self.in_handshake = false;
    }

    /// The longest frame just now, in bytes, without the length prefix.
    #[must_use]
    pub const fn frame_bytes_max(&self) -> u32 {
        self.bytes_max
    }

    /// What to make of a prefix that claims more than the bound.
    fn refuse_prefix(&self, prefix: [u8; PREFIX_BYTES], src: &[u8]) -> WireError {
        if self.in_handshake && !is_hello(src) {
            return WireError::NotLeasehold { begin: prefix };
        }
        WireError::FrameTooLong {
            bytes: u64::from(u32::from_be_bytes(prefix)),
            bytes_max: self.bytes_max,
        }
    }
}

impl<Out> Codec<FromNode, Out> {
    /// Takes back a request that was taken apart: its list, if it is a short one, serves the next
    /// of its verb, which then asks for no memory.
    pub fn reuse(&mut self, request: Request) {
        self.lists.keep(request);
    }
}

/// Whether the frame that begins here is a hello, as far as one can see: number 0, then the magic.
fn is_hello(src: &[u8]) -> bool {
    let message = src.get(PREFIX_BYTES..).unwrap_or_default();
    message
        .strip_prefix(&[0])
        .is_some_and(|rest| rest.starts_with(&MAGIC))
}

impl<In: Message, Out> Default for Codec<In, Out> {
    fn default() -> Self {
        Self::new()
    }
}

impl<In: Message, Out> Decoder for Codec<In, Out> {
    type Item = In;
    type Error = WireError;

    /// Read in place: a message copies what it keeps, so a frame needs no buffer of its own.
    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<In>, WireError> {
        let Some(&prefix) = src.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let bytes = u32::from_be_bytes(prefix);
        if bytes > self.bytes_max {
            return Err(self.refuse_prefix(prefix, src));
        }
        let end = PREFIX_BYTES + bytes as usize;
        let Some(frame) = src.get(PREFIX_BYTES..end) else {
            src.reserve(end - src.len());
            return Ok(None);
        };
        let message = decode_into(frame, &mut self.lists);
        src.advance(end);
        if end > BUFFER_BYTES_KEPT && src.is_empty() {
            *src = BytesMut::new();
        }
        message.map(Some)
    }
}

impl<In: Message, Out: Message> Encoder<&Out> for Codec<In, Out> {
    type Error = WireError;

    /// Written in place, without the copy that the length encoder would make of each payload.
    fn encode(&mut self, message: &Out, dst: &mut BytesMut) -> Result<(), WireError> {
        let before = dst.len();
        dst.put_u32(0);
        match encode_message(message, self.bytes_max, dst) {
            Ok(bytes) => {
                dst[before..before + PREFIX_BYTES].copy_from_slice(&bytes.to_be_bytes());
                Ok(())
            }
            Err(error) => {
                dst.truncate(before);
                Err(error)
            }
        }
    }
}

impl<In: Message, Out: Message> Encoder<Out> for Codec<In, Out> {
    type Error = WireError;

    fn encode(&mut self, message: Out, dst: &mut BytesMut) -> Result<(), WireError> {
        self.encode(&message, dst)
    }
}
