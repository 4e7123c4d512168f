//! All that the journal asks of a file system, and nothing else of it does: so that a test can stand
//! in for the disk and cut its power.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use super::direct::DirectFile;

/// What a name has at its end until the file under it is whole.
const UNFINISHED: &str = ".new";

/// Bytes of a new file that are made durable at once: a commit whose sync comes behind one of these
/// waits for a fraction of a millisecond, and not for the whole file.
const PIECE_BYTES: usize = 256 * 1024;

/// A file that is being made while nobody waits for it.
pub(super) type Making<F> = JoinHandle<io::Result<F>>;

/// A folder of files that do not grow.
pub(super) trait Disk: fmt::Debug + Send {
    /// One of its files.
    type File: DiskFile + 'static;

    /// Where it is, for people.
    fn path(&self) -> &Path;

    /// The files in it, in no order.
    fn names(&self) -> io::Result<Vec<String>>;

    /// All that is in a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Makes a file with these contents. Under its name it is there whole or not at all, and when
    /// this returns it stays. What had that name is gone.
    fn create(&self, name: &str, contents: &[u8]) -> io::Result<Self::File>;

    /// Begins to make a file as [`Disk::create`] does, on a thread of its own. Nothing if there can
    /// be none: then it is made when it is wanted.
    fn begin_to_create(&self, name: &str, contents: Vec<u8>) -> Option<Making<Self::File>>;

    /// Opens a file to write to it.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Removes a file, sooner or later: after a power cut it may be there again.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// A file that does not grow.
pub(super) trait DiskFile: fmt::Debug + Send {
    /// Writes over what stands there. It is not durable before [`DiskFile::sync`].
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Makes durable what was written.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system's.
#[derive(Debug, Clone)]
pub(super) struct FolderDisk(PathBuf);

impl FolderDisk {
    /// The folder at this path, which is made if there is none, durably.
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        if !path.is_dir() {
            fs::create_dir(&path)?;
            File::open(path.parent().unwrap_or(&path))?.sync_all()?;
        }
        Ok(Self(path))
    }
}

impl Disk for FolderDisk {
    type File = DirectFile;

    fn path(&self) -> &Path {
        &self.0
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            names.extend(name.to_str().map(str::to_owned));
        }
        names.retain(|name| !name.ends_with(UNFINISHED));
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(name))
    }

    /// The contents are really written, zeros too: to write to a block that was only reserved is to
    /// change metadata, and then a sync is three times as long.
    fn create(&self, name: &str, contents: &[u8]) -> io::Result<DirectFile> {
        let unfinished = self.0.join(format!("{name}{UNFINISHED}"));
        let made = File::create(&unfinished).and_then(|mut file| {
            for piece in contents.chunks(PIECE_BYTES) {
                file.write_all(piece)?;
                file.sync_data()?;
            }
            file.sync_all()
        });
        if let Err(error) = made {
            // What there is of it would only take the room that was missing.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        fs::rename(&unfinished, self.0.join(name))?;
        File::open(&self.0)?.sync_all()?;
        self.open(name)
    }

    fn begin_to_create(&self, name: &str, contents: Vec<u8>) -> Option<Making<DirectFile>> {
        let (disk, name) = (self.clone(), name.to_owned());
        let thread = thread::Builder::new().name("journal-spare".to_owned());
        let made = move || disk.create(&name, &contents);
        thread.spawn(made).ok()
    }

    fn open(&self, name: &str) -> io::Result<DirectFile> {
        DirectFile::open(&self.0.join(name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }
}
