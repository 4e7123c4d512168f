//! A backup's folder: written under another name, and read back.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use leasehold_core::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    BackupError, Census, Manifest, Tell,
    census::Counting,
    frame::FrameReader,
    manifest::{DataFile, MANIFEST, hex},
};

const DATA: &str = "data.leasehold";

/// What the name of a folder begins with that is not whole yet.
const UNFINISHED: &str = ".leasehold-unfinished-";

const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes that are written before they are brought to the disk: hundreds of MiB at once would be in the
/// way of a hub that commits to the same disk.
const UNSYNCED_BYTES: u64 = 8 * 1024 * 1024;

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
    let read = read_data(&path, manifest.bytes(), tell);
    let (census, hash, bytes) = read.map_err(|error| told_of(error, &path, &manifest))?;
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

/// What an error of the data is beside a manifest that reads: there is no other version of them, and
/// a file that has all its bytes was not cut short.
fn told_of(error: BackupError, path: &Path, manifest: &Manifest) -> BackupError {
    let has_all = || fs::metadata(path).is_ok_and(|file| file.len() >= manifest.bytes());
    if let BackupError::Version(_) = error {
        let why = "it does not begin as the data of a backup do";
        return BackupError::damaged(path.display().to_string(), why);
    }
    if let BackupError::CutShort { at, number } = error
        && has_all()
    {
        let what = format!(
            "record {number} of the backup, at byte {at} ({})",
            path.display()
        );
        return BackupError::damaged(what, "it says that it goes on behind the end of the file");
    }
    error
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
        let data = DataFile {
            file: DATA.to_owned(),
            bytes,
            sha256,
        };
        let manifest = Manifest::new(taken_at, data, census);
        self.keep(&manifest)
            .map_err(|source| failed(&self.path, source))?;
        self.is_kept = true;
        Ok(manifest)
    }

    fn keep(&self, manifest: &Manifest) -> io::Result<()> {
        let mut file = File::create_new(self.folder.join(MANIFEST))?;
        file.write_all(manifest.to_page()?.as_bytes())?;
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
