//! What can go wrong between bytes and messages.

/// Failed to read or write a frame. The connection is of no more use after it.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A frame longer than allowed, in either direction; nothing was read or written of it.
    #[error("a frame of {bytes} bytes is longer than the {bytes_max} that are allowed here")]
    FrameTooLong {
        /// Its length, without the length prefix.
        bytes: u64,
        /// The bound in force.
        bytes_max: u32,
    },
    /// The bytes of a frame are not exactly one message.
    #[error("the frame is no message: {reason}")]
    Malformed {
        /// For people: what the decoder stumbled over.
        reason: String,
    },
    /// The first bytes heard are those of some other protocol.
    #[error("this is not a leasehold handshake: it begins with {:?}", .begin.escape_ascii().to_string())]
    NotLeasehold {
        /// Those bytes.
        begin: [u8; 4],
    },
    /// The socket's own failure.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl WireError {
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed {
            reason: reason.into(),
        }
    }
}
