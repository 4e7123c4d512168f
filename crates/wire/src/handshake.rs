//! The handshake: who may speak, and in which version.

use leasehold_core::{Incarnation, NodeName};

use crate::{Hello, Refusal, RefusalCode};

/// The first eight bytes of a hello.
pub const MAGIC: [u8; 8] = *b"LEASEHLD";

/// The oldest protocol version that this code speaks.
pub const VERSION_MIN: u16 = 1;

/// The newest protocol version that this code speaks.
pub const VERSION_MAX: u16 = 3;

impl Hello {
    /// The hello of this code, which leaves the heartbeat to the hub.
    #[must_use]
    pub const fn new(node: NodeName, incarnation: Incarnation) -> Self {
        Self {
            magic: MAGIC,
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            node,
            incarnation,
            heartbeat_ms: 0,
        }
    }
}

/// The newest version that both the sender of `hello` and this code speak.
///
/// # Errors
/// The [`Refusal`] to send, after which the connection closes.
pub fn negotiate(hello: &Hello) -> Result<u16, Refusal> {
    if hello.magic != MAGIC {
        return Err(refuse(RefusalCode::Malformed, not_ours(hello.magic)));
    }
    let newest = hello.version_max.min(VERSION_MAX);
    let oldest = hello.version_min.max(VERSION_MIN);
    if hello.version_min > hello.version_max || newest < oldest {
        return Err(refuse(RefusalCode::Version, no_common_version(hello)));
    }
    Ok(newest)
}

const fn refuse(code: RefusalCode, reason: String) -> Refusal {
    Refusal { code, reason }
}

fn not_ours(magic: [u8; 8]) -> String {
    let (said, ours) = (magic.escape_ascii(), MAGIC.escape_ascii());
    format!("not a leasehold handshake: the magic is \"{said}\", and must be \"{ours}\"")
}

fn no_common_version(hello: &Hello) -> String {
    let Hello {
        version_min,
        version_max,
        ..
    } = hello;
    format!(
        "no common protocol version: the node speaks {version_min} to {version_max}, \
         the hub {VERSION_MIN} to {VERSION_MAX}"
    )
}
