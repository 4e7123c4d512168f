//! Pools, and what is kept of them beside their tasks.

use leasehold_core::{Epoch, Note, PoolName};
use serde::{Deserialize, Serialize};

use super::{EXTRAS, PLAIN, SEAL_BYTES, Sealed, Unreadable, close, decode, decode_within, encode};

/// The longest note that is written, in bytes: twice the longest payload of a schedule.
const NOTE_BYTES_MAX: usize = 64 * 1024;

/// A pool, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolRecord {
    /// What it is called.
    #[serde(deserialize_with = "PoolName::deserialize_stored")]
    pub(crate) name: PoolName,
    /// Its newest owner's epoch.
    pub(crate) epoch: Epoch,
}

impl Sealed<'_> {
    /// A pool, and how many notes it has, if it ever had any.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn pool(&self) -> Result<(PoolRecord, Option<u32>), Unreadable> {
        if self.version < EXTRAS {
            return Ok((decode(self.body)?, None));
        }
        let (body, notes) =
            (self.body.split_last_chunk()).ok_or(Unreadable::Damaged("it ends too soon"))?;
        Ok((decode(body)?, Some(u32::from_le_bytes(*notes))))
    }

    /// A note.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn note(&self) -> Result<Note, Unreadable> {
        match decode_within::<Note, { 4 * NOTE_BYTES_MAX }>(self.body)? {
            (note, []) => Ok(note),
            (_, _) => Err(Unreadable::Damaged("it is longer than what it says")),
        }
    }
}

/// A pool with so many notes, as it is stored under this key. One that ever had any says so for
/// ever, so that its record never becomes shorter.
#[must_use]
pub(crate) fn seal_pool(key: &[u8], pool: &PoolRecord, notes: Option<u32>) -> Vec<u8> {
    let mut value = vec![0; SEAL_BYTES];
    encode(pool, &mut value);
    let Some(notes) = notes else {
        return close(key, PLAIN, value);
    };
    value.extend_from_slice(&notes.to_le_bytes());
    close(key, EXTRAS, value)
}

/// A note, as it is stored under this key, or nothing, if it is longer than any may be.
#[must_use]
pub(crate) fn seal_note(key: &[u8], note: &Note) -> Option<Vec<u8>> {
    let mut value = vec![0; SEAL_BYTES];
    encode(note, &mut value);
    (value.len() <= SEAL_BYTES + NOTE_BYTES_MAX).then(|| close(key, EXTRAS, value))
}
