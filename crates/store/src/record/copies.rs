//! What a backup says in bytes of its own.

use super::{LogDraft, Sealed, Unreadable, seal_blob, take};

/// What there is of a pool when a backup ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolSum {
    /// Its number.
    pub(crate) pool: u32,
    /// Its newest time, in milliseconds since 1970.
    pub(crate) at: u64,
    /// Tasks in it.
    pub(crate) tasks: u64,
    /// Notes of it.
    pub(crate) notes: u32,
}

impl LogDraft {
    /// One in which there is no room for more than the head until something is pushed.
    pub(crate) fn new() -> Self {
        Self::with_capacity(super::ENTRIES_AT)
    }
}

/// The end of a backup, as it is stored under this key: `[pool u32 LE][at u64 LE][tasks u64 LE]
/// [notes u32 LE]` for each pool.
pub(crate) fn seal_sums(key: &[u8], sums: &[PoolSum]) -> Vec<u8> {
    let mut body = Vec::new();
    for sum in sums {
        body.extend_from_slice(&sum.pool.to_le_bytes());
        body.extend_from_slice(&sum.at.to_le_bytes());
        body.extend_from_slice(&sum.tasks.to_le_bytes());
        body.extend_from_slice(&sum.notes.to_le_bytes());
    }
    seal_blob(key, &body)
}

impl Sealed<'_> {
    /// The end of a backup.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn sums(&self) -> Result<Vec<PoolSum>, Unreadable> {
        let mut rest = self.body;
        let mut sums = Vec::new();
        while !rest.is_empty() {
            sums.push(PoolSum {
                pool: u32::from_le_bytes(take(&mut rest)?),
                at: u64::from_le_bytes(take(&mut rest)?),
                tasks: u64::from_le_bytes(take(&mut rest)?),
                notes: u32::from_le_bytes(take(&mut rest)?),
            });
        }
        Ok(sums)
    }
}
