//! A backup's folder: written under another name, and read back.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use leasehold_core::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, Census, PoolCensus, Tell, census::Counting, frame::FrameReader};

const MANIFEST: &str = "manifest.json";
const DATA: &str = "data.leasehold";
const FORMAT: &str = "leasehold backup";
const VERSION: u32 = 1;
const HELP: &str = "leasehold verify THIS-FOLDER checks it; leasehold restore THIS-FOLDER --data \
                    NEW-FOLDER makes a data folder of it";

/// What the name of a folder begins with that is not whole yet.
const UNFINISHED: &str = ".leasehold-unfinished-";

/// The latest moment that has a name, in milliseconds since 1970.
const NAMED_MS_MAX: u64 = 253_402_300_799_999;

const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes that are written before they are brought to the disk: hundreds of MiB at once would be in the
/// way of a hub that commits to the same disk.
const UNSYNCED_BYTES: u64 = 8 * 1024 * 1024;

/// A manifest is short; a thousand pools have half a MiB of it.
const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;

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
    data: DataFile,
    /// Tasks of all pools.
    pub tasks: u64,
    /// What there is of each pool.
    pub pools: Vec<PoolCensus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DataFile {
    file: String,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    /// Bytes of the data.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.data.bytes
    }

    fn read(folder: &Path) -> Result<Self, BackupError> {
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
        let mut text = Vec::new();
        let read = file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text);
        read.map_err(BackupError::Read)?;
        let damaged = |why: String| BackupError::damaged(path.display().to_string(), why);
        let head: Head =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if head.format != FORMAT {
            return Err(not(format!("its {MANIFEST} is of {:?}", head.format)));
        }
        if head.version != VERSION {
            return Err(BackupError::Version(head.version.to_string()));
        }
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))
    }
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// Whether somebody means a backup by this folder.
#[must_use]
pub fn is_backup(folder: &Path) -> bool {
    folder.join(MANIFEST).exists() || folder.join(DATA).exists()
}

/// Reads a backup to its end: every checksum, every state, every number. Takes memory in proportion
/// to the number of tasks, some 60 bytes each.
///
/// # Errors
/// At the first thing that is not as it was written, with its name.
pub fn read_back(folder: &Path, tell: Tell<'_>) -> Result<(Manifest, Census), BackupError> {
    let manifest = Manifest::read(folder)?;
    let path = folder.join(DATA);
    let (census, hash, bytes) = read_data(&path, manifest.bytes(), tell)?;
    let what = path.display().to_string();
    if bytes != manifest.bytes() || hash != manifest.data.sha256 {
        let why = format!(
            "it has {bytes} bytes with SHA-256 {hash}, and {MANIFEST} tells of {} with {}",
            manifest.bytes(),
            manifest.data.sha256
        );
        return Err(BackupError::damaged(what, why));
    }
    if census.pools != manifest.pools || census.tasks() != manifest.tasks {
        let what = folder.join(MANIFEST).display().to_string();
        let why = format!("it does not tell of the tasks that are in {DATA}");
        return Err(BackupError::damaged(what, why));
    }
    Ok((manifest, census))
}

/// The data of a backup, from its beginning.
pub(super) fn open(folder: &Path) -> Result<FrameReader<impl Read + use<>>, BackupError> {
    let file = File::open(folder.join(DATA)).map_err(BackupError::Read)?;
    FrameReader::begin(BufReader::with_capacity(BUFFER_BYTES, file))
}

fn read_data(path: &Path, of: u64, tell: Tell<'_>) -> Result<(Census, String, u64), BackupError> {
    let in_file = |error: BackupError| match error {
        BackupError::Damaged { what, why } => {
            BackupError::damaged(format!("{what} ({})", path.display()), why)
        }
        other @ (BackupError::Store(_)
        | BackupError::Read(_)
        | BackupError::Write { .. }
        | BackupError::Taken(_)
        | BackupError::NotABackup { .. }
        | BackupError::CutShort { .. }
        | BackupError::Version(_)
        | BackupError::NoEpoch(_)) => other,
    };
    let file = File::open(path).map_err(|error| {
        BackupError::damaged(
            path.display().to_string(),
            format!("it cannot be read: {error}"),
        )
    })?;
    let mut hashing = Hashing {
        from: BufReader::with_capacity(BUFFER_BYTES, file),
        hash: Sha256::new(),
    };
    let mut frames = FrameReader::begin(&mut hashing).map_err(in_file)?;
    let mut counting = Counting::default();
    while let Some(frame) = frames.next().map_err(in_file)? {
        counting.take(&frame).map_err(in_file)?;
        tell(frames.at(), of);
    }
    let bytes = frames.at();
    let census = counting.finish().map_err(in_file)?;
    Ok((census, hex(hashing.hash), bytes))
}

struct Hashing<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.hash.update(&bytes[..read]);
        Ok(read)
    }
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;

    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // A string takes everything.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A backup on its way into its folder. Dropped before [`Unfinished::finish`], nothing of it stays.
#[derive(Debug)]
pub struct Unfinished {
    /// Where it will be.
    path: PathBuf,
    /// Where it is.
    folder: PathBuf,
    data: File,
    bytes: u64,
    is_kept: bool,
    /// The folder, locked while somebody writes to it.
    _lock: File,
}

impl Unfinished {
    /// Begins one beside where it will be, and removes those there that nobody writes to any more.
    ///
    /// # Errors
    /// [`BackupError::Taken`] when there is something already.
    pub fn begin(path: &Path) -> Result<Self, BackupError> {
        let path = std::path::absolute(path).map_err(|source| failed(path, source))?;
        if !is_free(&path).map_err(|source| failed(&path, source))? {
            return Err(BackupError::Taken(path));
        }
        let above = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = above.join(format!("{UNFINISHED}{name}"));
        let fail = |source| failed(&folder, source);
        fs::create_dir_all(above).map_err(fail)?;
        sweep(above, UNFINISHED);
        // For nobody else on this machine.
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Taken(folder));
            }
            made => made.map_err(fail)?,
        }
        let lock = File::open(&folder).map_err(fail)?;
        lock.lock().map_err(fail)?;
        let data = File::create_new(folder.join(DATA)).map_err(fail)?;
        Ok(Self {
            path,
            folder,
            data,
            bytes: 0,
            is_kept: false,
            _lock: lock,
        })
    }

    /// Adds the next bytes of the data.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let before = self.bytes / UNSYNCED_BYTES;
        self.bytes += bytes.len() as u64;
        let mut written = self.data.write_all(bytes);
        if self.bytes / UNSYNCED_BYTES > before {
            written = written.and_then(|()| self.data.sync_data());
        }
        written.map_err(|source| failed(&self.folder.join(DATA), source))
    }

    /// How many there are.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads all of it back, writes the manifest, and gives it its name, durably.
    ///
    /// # Errors
    /// When it is not whole, or cannot be written.
    pub fn finish(mut self, taken_at: Timestamp, tell: Tell<'_>) -> Result<Manifest, BackupError> {
        let data = self.folder.join(DATA);
        self.data
            .sync_all()
            .map_err(|source| failed(&data, source))?;
        let (census, sha256, bytes) = read_data(&data, self.bytes, tell)?;
        let taken_at = taken_at.max(census.latest);
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            help: HELP.to_owned(),
            taken_at: moment(taken_at),
            taken_at_ms: taken_at.as_millis(),
            leasehold: env!("CARGO_PKG_VERSION").to_owned(),
            data: DataFile {
                file: DATA.to_owned(),
                bytes,
                sha256,
            },
            tasks: census.tasks(),
            pools: census.pools,
        };
        self.keep(&manifest)
            .map_err(|source| failed(&self.path, source))?;
        self.is_kept = true;
        Ok(manifest)
    }

    fn keep(&self, manifest: &Manifest) -> io::Result<()> {
        let mut file = File::create_new(self.folder.join(MANIFEST))?;
        serde_json::to_writer_pretty(&mut file, manifest)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        fs::rename(&self.folder, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new("/")))?.sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_kept {
            // What stays is removed by the next one.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Whether nothing is there, or an empty folder.
fn is_free(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes folders of such names that were left by those who were killed: nobody has them locked.
pub(crate) fn sweep(above: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(above) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(prefix);
        let is_abandoned =
            || File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
        if is_ours && is_abandoned() {
            tracing::info!(folder = %entry.path().display(), "removing what was left unfinished");
            // What stays takes space and nothing else.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    let path = path.to_owned();
    BackupError::Write { path, source }
}

/// A moment in UTC, to the second (RFC 3339).
fn moment(at: Timestamp) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(at.as_millis().min(NAMED_MS_MAX));
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::{super::frame::TITLE, *};

    #[test]
    fn the_title_says_the_version() {
        assert_eq!(TITLE, format!("{FORMAT} {VERSION}\n").as_bytes());
    }
}
