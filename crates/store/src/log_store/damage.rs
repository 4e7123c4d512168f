//! What to say when something stored cannot be read.

use std::path::Path;

use leasehold_core::PoolName;

use super::engine::ADVICE;
use crate::{
    StoreError,
    record::{READABLE, Unreadable},
};

/// A log record, by name, and where values stand.
pub(super) fn record(values: &Path, pool: &PoolName, seq: u64) -> String {
    format!("record {seq} of pool {pool} in {}", values.display())
}

/// Something is not what was written.
pub(super) fn damaged(what: String, reason: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        what,
        reason: reason.into(),
        advice: ADVICE,
    }
}

/// Something does not read as a record.
pub(super) fn unreadable(what: String, unreadable: &Unreadable) -> StoreError {
    match unreadable {
        Unreadable::Damaged(reason) => damaged(what, *reason),
        Unreadable::Version(found) => StoreError::Incompatible {
            what,
            found: u32::from(*found),
            readable: READABLE,
            advice: "run the version of the hub that wrote it, or a newer one",
        },
    }
}
