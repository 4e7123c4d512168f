//! Backups: a copy of all that a hub keeps at one moment, in a folder that a person understands, and
//! back into a new data folder of any engine.
//!
//! ```text
//! manifest.json    when it was taken, what is in it by pool, the checksum of the data, and its own
//! data.leasehold   the data: see below
//! ```
//!
//! The data comes from [`Store::begin_backup`](crate::Store::begin_backup) while the store goes on.
//! It is a row of records, each with a checksum and a number, of a form that says nothing of engines.
//! A folder has its name only when it is whole, was read back and is on the disk. Every byte in it is
//! under a checksum (format 2; in format 1 the manifest has none of its own).
//!
//! # Leases after a restore
//!
//! Leases go with their tasks, and a node that still holds one resumes it, as after a restart of the
//! hub. But the hub that was backed up may have gone on: it may have granted leases that the backup
//! knows nothing of, at the same epoch or, after restarts, at later ones. None of those may ever be
//! taken for one that the restored hub grants. So [`epoch_after_restore`] makes epochs
//!
//! - at least [`EPOCHS_LEFT_OUT`] more than at the backup: the old hub would have to load a pool as
//!   often as that to come there;
//! - and at least the number of seconds since 2020 at the restore: whoever restores the same backup a
//!   second time, after what came of the first was lost, too, has epochs past all of that one's, as
//!   long as it loaded its pools less than once a second.
//!
//! Both together leave room for a hundred years. What is still not allowed is to let two hubs run of
//! one backup at once: then each hands out the same tasks.

mod census;
mod folder;
pub(crate) mod frame;
mod manifest;

use std::{
    io,
    path::{Path, PathBuf},
};

use leasehold_core::{Epoch, PoolName, Timestamp};

pub(crate) use census::Tasks;
pub use census::{Census, PoolCensus};
pub(crate) use folder::sweep;
pub use folder::{Unfinished, is_backup, read_back};
pub use manifest::Manifest;

use crate::{LogEngine, LogOptions, LogStore, StoreError};

/// How many epochs are left out by a restore at least.
pub const EPOCHS_LEFT_OUT: u32 = 65_536;

/// The beginning of 2020, in seconds since 1970.
const EPOCHS_BEGAN_AT: u64 = 1_577_836_800;

/// Told how many bytes are done, and of how many.
pub type Tell<'a> = &'a mut dyn FnMut(u64, u64);

/// Takes a backup of a store that no hub has open, of whatever engine, into a new folder.
///
/// # Errors
/// When there is no store, it is in use or cannot be read, and when the backup cannot be written.
pub fn back_up_folder(
    data: &Path,
    to: &Path,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    use crate::Store as _;

    const SLICE_BYTES: usize = 1024 * 1024;
    let mut store = LogStore::open_existing(data)?;
    let mut unfinished = Unfinished::begin(to)?;
    let all = store.begin_backup()?;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let is_whole = store.next_of_backup(SLICE_BYTES, &mut bytes)?;
        unfinished.write(&bytes)?;
        tell(unfinished.bytes(), all.max(unfinished.bytes()));
        if is_whole {
            return unfinished.finish(now.max(store.latest()), tell);
        }
    }
}

/// Makes a data folder of a backup, for this engine. The backup is read to its end first. Whatever
/// goes wrong, be it a kill, the store is there whole or not at all.
///
/// # Errors
/// When the backup is damaged, when there is a store in the folder already, and when that cannot be
/// written.
pub fn restore(
    backup: &Path,
    data: &Path,
    engine: LogEngine,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    let options = LogOptions {
        engine,
        ..LogOptions::default()
    };
    let (manifest, _) = read_back(backup, tell)?;
    let mut frames = folder::open(backup)?;
    let bytes = manifest.bytes();
    let mut tell = |at| tell(at, bytes);
    let fence = |epoch| epoch_after_restore(epoch, now);
    LogStore::restore(data, options, &mut frames, &fence, &mut tell)?;
    Ok(manifest)
}

/// The epoch of a pool that had this one when it was backed up; see [the module](self). None if there
/// is none left.
#[must_use]
pub fn epoch_after_restore(epoch: Epoch, now: Timestamp) -> Option<Epoch> {
    let seconds = (now.as_millis() / 1000).saturating_sub(EPOCHS_BEGAN_AT);
    let by_clock = u32::try_from(seconds).unwrap_or(0);
    let past = epoch.0.checked_add(EPOCHS_LEFT_OUT)?;
    Some(Epoch(past.max(by_clock)))
}

/// Why a backup, or a restore, came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup could not be read.
    #[error("the backup could not be read: {0}")]
    Read(#[source] io::Error),
    /// The backup could not be written.
    #[error("{} could not be written: {source}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
    /// There is something where the backup should go.
    #[error("{} is there already: a backup gets a folder of its own", .0.display())]
    Taken(PathBuf),
    /// It is something else.
    #[error("{} is not a backup: {why}", path.display())]
    NotABackup {
        /// The folder.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It is not what was written.
    #[error("{what} is damaged: {why}. Use another backup")]
    Damaged {
        /// Which part of it.
        what: String,
        /// How that showed.
        why: String,
    },
    /// The end is missing.
    #[error(
        "the data of the backup (data.leasehold) ends at byte {at}, where its record {number} should be whole: it was \
         cut short. Use another backup"
    )]
    CutShort {
        /// Where that record begins.
        at: u64,
        /// Its number, from 0.
        number: u64,
    },
    /// It was taken by a later version.
    #[error(
        "the backup has format {0}, and this version reads formats 1 and 2: use the version that took it, \
         or a newer one"
    )]
    Version(String),
    /// It cannot be fenced.
    #[error("pool {0} has had all epochs that there are: export its tasks, and import them")]
    NoEpoch(PoolName),
}

impl BackupError {
    pub(crate) fn damaged(what: impl Into<String>, why: impl Into<String>) -> Self {
        let (what, why) = (what.into(), why.into());
        Self::Damaged { what, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn a_restore_goes_past_what_the_old_hub_and_an_earlier_restore_could_have_given_out() {
        let first = epoch_after_restore(Epoch(7), NOW).unwrap();
        assert!(first.0 >= 7 + EPOCHS_LEFT_OUT);
        // The same backup a minute later, after as many starts as there were seconds.
        let minute = Timestamp::from_millis(NOW.as_millis() + 60_000);
        let second = epoch_after_restore(Epoch(7), minute).unwrap();
        assert!(second.0 >= first.0 + 60);
        // A clock that was set back to where there was no Leasehold.
        let back = epoch_after_restore(Epoch(7), Timestamp::from_millis(0)).unwrap();
        assert_eq!(back, Epoch(7 + EPOCHS_LEFT_OUT));
        assert_eq!(epoch_after_restore(Epoch(u32::MAX - 1), NOW), None);
    }
}
