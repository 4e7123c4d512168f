//! Bytes to messages and back.

mod message;

pub use message::*;

/// The first eight bytes of a hello.
pub const MAGIC: [u8; 8] = *b"LEASEHLD";

/// The oldest protocol version that this code speaks.
pub const VERSION_MIN: u16 = 1;

/// The newest protocol version that this code speaks.
pub const VERSION_MAX: u16 = 1;
