//! The data folder: whose it is, who has it, and which generation of the store in it is current.
//!
//! ```text
//! LEASEHOLD    says that the folder is ours, in which format, of which engine, and which
//!              generation is current
//! lock         held for as long as the store is open
//! sled-3/      the current generation
//! sled-4/      one that was being written when the hub died: removed at the next open
//! ```
//!
//! Format 1 is sled's and names no engine: it is older than the choice, and than the journal before
//! sled. It is raised at open to format 2, which every engine has from the beginning, so that a hub
//! that would pass over the journal, or over the engine, is told that it is too old. Format 3 may have
//! log records that stand for several, and completed tasks without payloads; format 2 is raised to it
//! in the same way.
//!
//! A generation is written whole and synced before the marker names it, and the marker is replaced
//! by a rename, so that a kill or a power cut at any moment leaves the old one or the new one.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::{LogEngine, engine::ADVICE};
use crate::StoreError;

/// The format of a folder that names no engine: sled's, without a journal. Formats are raised when
/// an older hub must not touch what is in the folder.
const FORMAT_SLED: u64 = 1;

/// The format of a folder that names its engine.
const FORMAT_NAMED: u64 = 2;

/// The format of a folder in which log records are folded, which is the one that is written.
const FORMAT_FOLDED: u64 = 3;

/// What `stat` counts in, whatever the blocks of the disk are.
const BLOCK_BYTES: u64 = 512;

const MARKER: &str = "LEASEHOLD";
const MARKER_NEW: &str = "LEASEHOLD.new";
const LOCK: &str = "lock";

/// What is said while a folder is gone that was there.
const COMES_BACK: &str = "put it back as it was, or mount its disk again: it is taken by itself, without \
                          a restart";

/// There while a store is made of an export or a backup, and until it is one.
const UNFINISHED: &str = "UNFINISHED";

/// What a hub's owner may keep beside the store, before there is one.
const OF_THE_OWNER: [&str; 2] = ["tokens.json", "tokens.json.new"];

const TITLE: &str = "Leasehold data folder: nothing in it is to be changed by hand";

/// A data folder, held.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    engine: LogEngine,
    generation: u64,
    format: u64,
    /// Unlocks when it is closed. None while the folder is gone.
    lock: Option<File>,
}

impl Folder {
    /// Takes the folder, and makes it if there is none, for this engine.
    pub(super) fn open(path: &Path, engine: LogEngine) -> Result<Self, StoreError> {
        let fail = |source| failed("open the data folder", path, source);
        if path.exists() && !path.is_dir() {
            return Err(not_a_store(path, "it is not a folder".to_owned()));
        }
        make(path).map_err(fail)?;
        refuse_foreign(path)?;
        let lock = lock(path)?;
        let (format, generation) = match fs::read(path.join(MARKER)) {
            Ok(bytes) => generation_for(path, &bytes, engine)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (FORMAT_FOLDED, 0),
            Err(error) => return Err(fail(error)),
        };
        let mut folder = Self {
            path: path.to_owned(),
            engine,
            generation,
            format,
            lock: Some(lock),
        };
        if generation == 0 {
            folder.switch(0)?;
        }
        if generation == 0 || folder.generation_path(generation).is_dir() {
            // Not otherwise: what is left may be all there is.
            folder.sweep();
        }
        Ok(folder)
    }

    /// What is made in it is no store until it is whole.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        let made = fs::write(self.path.join(UNFINISHED), []);
        made.map_err(|source| failed("write to the data folder", &self.path, source))
    }

    /// It is a store now, or there is nothing of it.
    pub(super) fn end(&self) {
        let removed = fs::remove_file(self.path.join(UNFINISHED));
        if let Err(error) = removed.or_else(|error| {
            if is_nothing(&error) {
                Ok(())
            } else {
                Err(error)
            }
        }) {
            tracing::warn!(folder = %self.path.display(), %error, "a marker could not be removed");
        }
    }

    /// A new store is not made where another one was begun: it would be empty, and who restores
    /// looks for his tasks in it.
    pub(super) fn refuse_unfinished(&self) -> Result<(), StoreError> {
        if self.generation > 0 || !self.path.join(UNFINISHED).exists() {
            return Ok(());
        }
        let reason =
            "a restore or an import into it was cut off: run that again, or delete the folder";
        Err(not_a_store(&self.path, reason.to_owned()))
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose folder it is.
    pub(super) fn engine(&self) -> LogEngine {
        self.engine
    }

    /// The current generation; 0 while there is none yet.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes the folder once more if it was deleted and put back, or if its disk was unmounted and
    /// mounted again. Lets go of what is gone: a disk is not free to be mended while somebody has a
    /// file of it open.
    pub(super) fn hold(&mut self) -> Result<(), StoreError> {
        let is_held = self.is_held();
        if is_held.map_err(|source| failed("lock the data folder", &self.path, source))? {
            return Ok(());
        }
        self.lock = None;
        // Nothing is made where there is nothing: it may come back.
        if !self.path.join(MARKER).exists() {
            return Err(StoreError::Damaged {
                what: format!("the data folder {}", self.path.display()),
                reason: "all of it is gone".to_owned(),
                advice: COMES_BACK,
            });
        }
        self.lock = Some(lock(&self.path)?);
        Ok(())
    }

    fn is_held(&self) -> io::Result<bool> {
        let Some(lock) = &self.lock else {
            return Ok(false);
        };
        let held = lock.metadata()?;
        match fs::metadata(self.path.join(LOCK)) {
            Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
            Err(error) if is_nothing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where a generation is.
    pub(super) fn generation_path(&self, generation: u64) -> PathBuf {
        self.path.join(generation_name(self.engine, generation))
    }

    /// Makes another generation the current one, durably, and removes the others.
    pub(super) fn switch(&mut self, generation: u64) -> Result<(), StoreError> {
        let fail = |source| failed("write to the data folder", &self.path, source);
        write_marker(&self.path, self.engine, generation).map_err(fail)?;
        (self.generation, self.format) = (generation, FORMAT_FOLDED);
        self.sweep();
        Ok(())
    }

    /// Says, durably, that what is in the folder is not for hubs that are older than this one.
    pub(super) fn raise_format(&mut self) -> Result<(), StoreError> {
        if self.format == FORMAT_FOLDED {
            return Ok(());
        }
        self.switch(self.generation)
    }

    /// Removes what may be left of a generation that never became current; returns where it goes.
    pub(super) fn clear(&self, generation: u64) -> Result<PathBuf, StoreError> {
        let path = self.generation_path(generation);
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(failed("clean the data folder", &path, source))
            }
            _ => Ok(path),
        }
    }

    /// Bytes of all files in the current generation.
    pub(super) fn disk_bytes(&self) -> u64 {
        bytes_under(&self.generation_path(self.generation)).unwrap_or(0)
    }

    /// Bytes free on its disk.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        fs4::available_space(&self.path).ok()
    }

    /// Removes the generations that are not current. One that stays takes space and nothing else.
    pub(super) fn sweep(&self) {
        if let Err(error) = self.try_sweep() {
            let folder = self.path.display();
            tracing::warn!(%folder, %error, "an old generation could not be removed");
        }
    }

    fn try_sweep(&self) -> io::Result<()> {
        let current = generation_name(self.engine, self.generation);
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            if is_generation(&name) && name != *current {
                tracing::info!(folder = %entry.path().display(), "removing an old generation");
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Whose store is in the folder.
pub(super) fn engine_of(path: &Path) -> Result<LogEngine, StoreError> {
    let none = || {
        let is_there = path.exists();
        let reason = if is_there {
            "there is no store in it"
        } else {
            "there is no such folder"
        };
        not_a_store(path, reason.to_owned())
    };
    let bytes = match fs::read(path.join(MARKER)) {
        Ok(bytes) => bytes,
        Err(error) if is_nothing(&error) => return Err(none()),
        Err(error) => return Err(failed("open the data folder", path, error)),
    };
    match parse_marker(path, &bytes)? {
        (_, _, 0) => Err(none()),
        (_, engine, _) => Ok(engine),
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Makes the folder and those above it, so that a power cut does not take them away again.
fn make(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path
        .ancestors()
        .take_while(|above| !above.exists())
        .collect();
    // Payloads are for nobody else on this machine.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    for made in missing {
        if let Some(above) = made.parent() {
            // The parent of a bare name is the empty path.
            let above = if above == Path::new("") {
                Path::new(".")
            } else {
                above
            };
            File::open(above)?.sync_all()?;
        }
    }
    Ok(())
}

/// A folder with other things in it is left as it is. A marker says that it is ours; where there is
/// none yet, only what was made before the first marker may be there.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let fail = |source| failed("open the data folder", path, source);
    if path.join(MARKER).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        if ![LOCK, MARKER_NEW, "lost+found"]
            .iter()
            .chain(&OF_THE_OWNER)
            .any(|known| name == *known)
        {
            let reason = format!(
                "there is no {MARKER} in it, but {}",
                Path::new(&name).display()
            );
            return Err(not_a_store(path, reason));
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let fail = |source| failed("lock the data folder", path, source);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK))
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(fail(source)),
    }
}

/// The format of a marker and the generation that it names, if the folder is this engine's. While
/// there is no generation yet it is anyone's.
fn generation_for(path: &Path, bytes: &[u8], engine: LogEngine) -> Result<(u64, u64), StoreError> {
    let (format, found, generation) = parse_marker(path, bytes)?;
    if found == engine || generation == 0 {
        return Ok((format, generation));
    }
    Err(StoreError::OtherEngine {
        path: path.to_owned(),
        found: found.name(),
        wanted: engine.name(),
    })
}

fn parse_marker(path: &Path, bytes: &[u8]) -> Result<(u64, LogEngine, u64), StoreError> {
    let damaged = || StoreError::Damaged {
        what: path.join(MARKER).display().to_string(),
        reason: "it is not what was written".to_owned(),
        advice: ADVICE,
    };
    let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(damaged());
    }
    let mut field = |name| Some(lines.next()?.strip_prefix(name)?.trim_start());
    let format = field("format").and_then(|format| format.parse().ok());
    let format = format.ok_or_else(damaged)?;
    let engine = match format {
        FORMAT_SLED => LogEngine::Sled,
        FORMAT_NAMED | FORMAT_FOLDED => field("engine")
            .and_then(LogEngine::named)
            .ok_or_else(damaged)?,
        format => return Err(too_new(path, format)),
    };
    let generation = field("generation").and_then(|number| number.parse().ok());
    Ok((format, engine, generation.ok_or_else(damaged)?))
}

fn too_new(path: &Path, format: u64) -> StoreError {
    StoreError::Incompatible {
        what: format!("the data folder {}", path.display()),
        found: u32::try_from(format).unwrap_or(u32::MAX),
        readable: "1 to 3",
        advice: "run the version of the hub that wrote it, or a newer one",
    }
}

fn write_marker(path: &Path, engine: LogEngine, generation: u64) -> io::Result<()> {
    let new = path.join(MARKER_NEW);
    let mut file = File::create(&new)?;
    let engine = engine.name();
    writeln!(
        file,
        "{TITLE}\nformat {FORMAT_FOLDED}\nengine {engine}\ngeneration {generation}"
    )?;
    file.sync_all()?;
    // The generation that it names stands there before the name does.
    File::open(path)?.sync_all()?;
    fs::rename(&new, path.join(MARKER))?;
    File::open(path)?.sync_all()
}

fn generation_name(engine: LogEngine, generation: u64) -> String {
    format!("{}-{generation}", engine.name())
}

fn is_generation(name: &OsStr) -> bool {
    let parts = name.to_str().and_then(|name| name.rsplit_once('-'));
    parts.is_some_and(|(engine, number)| {
        LogEngine::named(engine).is_some() && number.parse::<u64>().is_ok()
    })
}

/// What files take on disk, not how long they say that they are: fjall lays its journals out ahead.
fn bytes_under(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(data) if data.is_dir() => bytes_under(&entry.path())?,
            Ok(data) => data.blocks() * BLOCK_BYTES,
            // Engines delete files while they are looked at.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(bytes)
}

fn not_a_store(path: &Path, reason: String) -> StoreError {
    StoreError::NotAStore {
        path: path.to_owned(),
        reason,
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    let source = io::Error::new(source.kind(), format!("{}: {source}", path.display()));
    StoreError::Io { action, source }
}
