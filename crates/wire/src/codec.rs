//! One message, one slice of bytes. The only place that names bincode.

use bincode::{
    config::{self, Config},
    enc::write::Writer,
    error::EncodeError,
};
use bytes::BytesMut;
use leasehold_core::limits::BLOB_BYTES_MAX;
use serde::{Serialize, de::DeserializeOwned};

use crate::{FromHub, FromNode, Lists, WireError, plain};

/// The longest frame during the handshake, in bytes, without the length prefix.
pub const HANDSHAKE_BYTES_MAX: u32 = 4096;

/// The longest frame after the handshake unless the hub is told otherwise, in bytes, without the
/// length prefix.
pub const FRAME_BYTES_MAX_DEFAULT: u32 = 16 * 1024 * 1024;

/// The longest frame that can be allowed at all, in bytes, without the length prefix.
pub const FRAME_BYTES_CEILING: u32 = 2 * FRAME_BYTES_MAX_DEFAULT;

/// Bytes that surround the one payload and the one result of the largest message that has to fit:
/// a look at one task, with its history.
const OVERHEAD_BYTES: usize = 64 * 1024;

const _: () = assert!(FRAME_BYTES_MAX_DEFAULT as usize > 2 * BLOB_BYTES_MAX + OVERHEAD_BYTES);

/// What goes over the wire: [`FromNode`] and [`FromHub`], and nothing else. A type of no size has
/// no place in a message: a list of them takes no bytes, and so knows no bound.
pub trait Message: Serialize + DeserializeOwned {
    /// What messages that were taken apart leave for the next ones.
    type Lists: Default + std::fmt::Debug + Send;

    /// Appends the bytes of a message of which there are many, and returns how many they are; or
    /// does nothing, if it is another or might be longer than this, in bytes.
    fn write_plain(&self, bytes_max: u32, dst: &mut BytesMut) -> Option<u32>;

    /// The message that these bytes are, all of them; nothing if it is not one of many, or none.
    fn read_plain(bytes: &[u8], lists: &mut Self::Lists) -> Option<Self>;
}

impl Message for FromNode {
    type Lists = Lists;

    fn write_plain(&self, bytes_max: u32, dst: &mut BytesMut) -> Option<u32> {
        plain::write_from_node(self, bytes_max, dst)
    }

    fn read_plain(bytes: &[u8], lists: &mut Lists) -> Option<Self> {
        plain::read_from_node(bytes, lists)
    }
}

impl Message for FromHub {
    /// A node takes its time.
    type Lists = ();

    fn write_plain(&self, bytes_max: u32, dst: &mut BytesMut) -> Option<u32> {
        plain::write_from_hub(self, bytes_max, dst)
    }

    fn read_plain(bytes: &[u8], (): &mut ()) -> Option<Self> {
        plain::read_from_hub(bytes)
    }
}

/// Append the bytes of `message`, without a length prefix, and return how many there are.
///
/// # Errors
/// [`WireError::FrameTooLong`] past `bytes_max`; `dst` is then as it was.
pub fn encode_message<M: Message>(
    message: &M,
    bytes_max: u32,
    dst: &mut BytesMut,
) -> Result<u32, WireError> {
    if let Some(length) = message.write_plain(bytes_max, dst) {
        return Ok(length);
    }
    encode_whole(message, bytes_max, dst)
}

/// Apart, for all that it needs room for is not to be set up for a message of which there are many.
#[inline(never)]
pub(crate) fn encode_whole<M: Serialize>(
    message: &M,
    bytes_max: u32,
    dst: &mut BytesMut,
) -> Result<u32, WireError> {
    let before = dst.len();
    let mut out = Bounded {
        dst,
        bytes: 0,
        bytes_max,
    };
    let written = bincode::serde::encode_into_writer(message, &mut out, config::standard());
    let bytes = out.bytes;
    match (written, u32::try_from(bytes)) {
        (Ok(()), Ok(length)) if length <= bytes_max => Ok(length),
        (written, _) => {
            dst.truncate(before);
            written.map_err(|error| WireError::malformed(error.to_string()))?;
            Err(WireError::FrameTooLong { bytes, bytes_max })
        }
    }
}

/// Writes up to a bound and only counts past it.
struct Bounded<'a> {
    dst: &'a mut BytesMut,
    bytes: u64,
    bytes_max: u32,
}

impl Writer for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.bytes += bytes.len() as u64;
        if self.bytes <= u64::from(self.bytes_max) {
            self.dst.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// The message that `bytes` are, all of them.
///
/// # Errors
/// [`WireError::Malformed`] if they are none, or if anything is left over.
pub fn decode_message<M: Message>(bytes: &[u8]) -> Result<M, WireError> {
    decode_into(bytes, &mut M::Lists::default())
}

/// As [`decode_message`], into what earlier messages left.
pub(crate) fn decode_into<M: Message>(bytes: &[u8], lists: &mut M::Lists) -> Result<M, WireError> {
    M::read_plain(bytes, lists).map_or_else(|| decode_limited(bytes), Ok)
}

pub(crate) fn decode_limited<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, WireError> {
    // A limit counts what decoding claims, before it is allocated: so a string of 2^60 in a short
    // frame takes nothing. It is a constant in bincode: hence steps. A number claims at most eight
    // times its bytes on the wire, so the first three refuse no message; what is longer is mostly
    // payload, which claims once.
    match bytes.len() {
        0..=0x1000 => decode_whole(bytes, config::standard().with_limit::<0x8000>()),
        0x1001..=0x2_0000 => decode_whole(bytes, config::standard().with_limit::<0x10_0000>()),
        0x2_0001..=0x40_0000 => decode_whole(bytes, config::standard().with_limit::<0x200_0000>()),
        _ => decode_whole(bytes, config::standard().with_limit::<0x400_0000>()),
    }
}

fn decode_whole<M: DeserializeOwned>(bytes: &[u8], config: impl Config) -> Result<M, WireError> {
    let (message, consumed) = bincode::serde::decode_from_slice(bytes, config)
        .map_err(|error| WireError::malformed(error.to_string()))?;
    if consumed == bytes.len() {
        return Ok(message);
    }
    let left = bytes.len() - consumed;
    Err(WireError::malformed(format!(
        "{left} bytes are left over after the message"
    )))
}
