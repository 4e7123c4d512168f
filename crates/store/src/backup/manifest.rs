//! The page that tells what a backup is, and how each byte of it is checked.
//!
//! It ends in a *seal*, by which a person can check it as well:
//!
//! ```text
//!   "manifest_sha256": "…"
//! }
//! ```
//!
//! That is the SHA-256 of everything before its own 64 digits; behind them comes nothing but what
//! stands here. So no byte of a manifest can change that does not show. Version 1 had no seal: of
//! such a one what stands in the data as well is checked, and nothing else can be. The seal is looked
//! at before the version is: a version that is none because a bit of it flipped is damage, and must
//! not be told as something that a newer program would read. Versions to come keep this form of it.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use leasehold_core::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, Census, PoolCensus};

/// Its name in the folder of a backup.
pub(super) const MANIFEST: &str = "manifest.json";

const FORMAT: &str = "leasehold backup";

/// The version that is written, which has a seal.
const VERSION: u32 = 2;

/// The version that has none.
const VERSION_UNSEALED: u32 = 1;

const HELP: &str = "leasehold verify THIS-FOLDER checks it; leasehold restore THIS-FOLDER --data \
                    NEW-FOLDER makes a data folder of it";

/// What a manifest ends in without a seal.
const END: &str = "\n}";

/// What comes before the digits of a seal.
const SEAL: &str = ",\n  \"manifest_sha256\": \"";

/// What comes behind them.
const SEAL_END: &str = "\"\n}\n";

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// The latest moment that has a name, in milliseconds since 1970.
const NAMED_MS_MAX: u64 = 253_402_300_799_999;

/// A manifest is short; a thousand pools have half a MiB of it.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The page that tells what a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    help: String,
    /// The hub's clock when the last of it was read: all that was committed by then is in it.
    pub taken_at: String,
    /// The same in milliseconds since 1970.
    pub taken_at_ms: u64,
    /// Which version took it.
    pub leasehold: String,
    pub(super) data: DataFile,
    /// Tasks of all pools.
    pub tasks: u64,
    /// What there is of each pool.
    pub pools: Vec<PoolCensus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DataFile {
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl Manifest {
    /// Of a backup with these data, taken at this time or later.
    pub(super) fn new(taken_at: Timestamp, data: DataFile, census: Census) -> Self {
        let taken_at = taken_at.max(census.latest);
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            help: HELP.to_owned(),
            taken_at: moment(taken_at),
            taken_at_ms: taken_at.as_millis(),
            leasehold: env!("CARGO_PKG_VERSION").to_owned(),
            data,
            tasks: census.tasks(),
            pools: census.pools,
        }
    }

    /// Bytes of the data.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.data.bytes
    }

    /// The page, with its seal.
    pub(super) fn to_page(&self) -> io::Result<String> {
        let whole = serde_json::to_string_pretty(self)?;
        let page = whole.strip_suffix(END).unwrap_or(&whole).to_owned() + SEAL;
        let digits = hex(Sha256::new_with_prefix(&page));
        Ok(page + &digits + SEAL_END)
    }

    /// The one in the folder of a backup.
    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let not = |why: String| BackupError::NotABackup {
            path: folder.to_owned(),
            why,
        };
        let path = folder.join(MANIFEST);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(not(format!("there is no {MANIFEST} in it")));
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(not("it is not a folder".to_owned()));
            }
            Err(error) => return Err(BackupError::Read(error)),
        };
        let mut page = Vec::new();
        let read = file.take(BYTES_MAX).read_to_end(&mut page);
        read.map_err(BackupError::Read)?;
        let damaged = |why: String| BackupError::damaged(path.display().to_string(), why);
        let is_sealed = check_seal(&page).map_err(damaged)?;
        let head: Head =
            serde_json::from_slice(&page).map_err(|error| damaged(error.to_string()))?;
        if head.format != FORMAT {
            return Err(not(format!("its {MANIFEST} is of {:?}", head.format)));
        }
        match (head.version, is_sealed) {
            (VERSION, true) | (VERSION_UNSEALED, false) => {}
            (VERSION, false) => return Err(damaged("its own checksum is gone".to_owned())),
            (other, _) => return Err(BackupError::Version(other.to_string())),
        }
        serde_json::from_slice(&page).map_err(|error| damaged(error.to_string()))
    }
}

/// Whether there is a seal, if what it says is so.
fn check_seal(page: &[u8]) -> Result<bool, String> {
    let end = DIGITS + SEAL_END.len();
    let (sealed, seal) = page.split_at(page.len().saturating_sub(end));
    if !sealed.ends_with(SEAL.as_bytes()) {
        return Ok(false);
    }
    let digits = hex(Sha256::new_with_prefix(sealed));
    if seal == format!("{digits}{SEAL_END}").as_bytes() {
        return Ok(true);
    }
    Err("it is not what was written: its own checksum (manifest_sha256) does not match".to_owned())
}

pub(super) fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;

    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // A string takes everything.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A moment in UTC, to the second (RFC 3339).
fn moment(at: Timestamp) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(at.as_millis().min(NAMED_MS_MAX));
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was first written.
    const GOLDEN: &str = include_str!("../../tests/golden/backup-v2.json");

    #[test]
    fn a_page_comes_back_byte_by_byte() {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join(MANIFEST), GOLDEN).unwrap();
        let manifest = Manifest::read(folder.path()).unwrap();
        assert_eq!(manifest.version, 2);
        assert_eq!(manifest.to_page().unwrap(), GOLDEN);
    }

    #[test]
    fn what_is_written_is_of_this_version() {
        let data = DataFile {
            file: "data.leasehold".to_owned(),
            bytes: 467,
            sha256: "14d7681177c260cdf16006c3c10946c626995dd655fdb09433a5d4e7c272048d".to_owned(),
        };
        let census = Census {
            latest: Timestamp::from_millis(1_700_000_005_000),
            ..Census::default()
        };
        let manifest = Manifest::new(Timestamp::from_millis(0), data, census);
        assert_eq!((manifest.version, manifest.format.as_str()), (2, FORMAT));
        assert_eq!(manifest.taken_at, "2023-11-14T22:13:25Z");
        assert_eq!(check_seal(manifest.to_page().unwrap().as_bytes()), Ok(true));
    }
}
