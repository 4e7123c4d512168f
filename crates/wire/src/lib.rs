//! Bytes to messages and back: frames, versions, the handshake. `docs/PROTOCOL.md` says the same
//! for strangers.
//!
//! Deliberately absent: sockets, clocks and sessions (those are the hub's and the node's), and any
//! second encoding.

mod codec;
mod error;
mod frame;
mod guarded;
mod handshake;
mod later;
mod lists;
mod message;
mod plain;
mod request;
mod response;
mod status;

pub use codec::{
    FRAME_BYTES_CEILING, FRAME_BYTES_MAX_DEFAULT, HANDSHAKE_BYTES_MAX, Message, decode_message,
    encode_message,
};
pub use error::WireError;
pub use frame::{Codec, HubCodec, NodeCodec};
pub use guarded::*;
pub use handshake::{MAGIC, VERSION_MAX, VERSION_MIN, negotiate};
pub use later::*;
pub use lists::Lists;
pub use message::*;
pub use request::*;
pub use response::*;
pub use status::*;
