//! The files of a folder, and the tasks that are made of them.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::{self, DirEntry, File, Metadata},
    io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::output::words::count;

/// More files are not looked at: what there is to see is seen by then.
const FILES_MAX: usize = 1000;

/// With fewer tasks the story would outlast the work.
const TASKS_MIN: usize = 320;

/// Of a longer file only the beginning is hashed.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How long the work is to last, and how long a task may rest for that.
const WORK_FOR: Duration = Duration::from_secs(7);
const REST_MIN: Duration = Duration::from_millis(80);
const REST_MAX: Duration = Duration::from_millis(180);

/// Folders whose files are nobody's work.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// Bytes of a file; what a payload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// One task's part of the input.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) range: Range,
    /// How its file was when it was first seen.
    seen: Seen,
}

/// By these a file that changed is told from one that did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
}

/// All there is to do.
#[derive(Debug)]
pub(super) struct Input {
    folder: PathBuf,
    files: usize,
    has_more: bool,
    has_long: bool,
    unreadable: usize,
    parts: usize,
    pub(super) pieces: Vec<Piece>,
}

impl Input {
    /// Looks through the folder, nearest files first.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        let mut walk = Walk::default();
        walk.all(&folder)?;
        if walk.found.is_empty() {
            return Err(io::Error::other(
                "there are no files in it that can be read",
            ));
        }
        let parts = TASKS_MIN.div_ceil(walk.found.len());
        Ok(Self {
            folder,
            files: walk.found.len(),
            has_more: walk.has_more,
            has_long: walk
                .found
                .iter()
                .any(|(_, seen)| seen.bytes > FILE_BYTES_MAX),
            unreadable: walk.unreadable,
            parts,
            pieces: walk
                .found
                .iter()
                .flat_map(|(path, seen)| pieces(path, *seen, parts))
                .collect(),
        })
    }

    /// How long each task rests, so that the work lasts as long as the story on so many slots.
    pub(super) fn rest(&self, slots: usize) -> Duration {
        let tasks = u32::try_from(self.pieces.len().div_ceil(slots)).unwrap_or(u32::MAX);
        (WORK_FOR / tasks.max(1)).clamp(REST_MIN, REST_MAX)
    }

    /// What is to be done, and what is left out.
    pub(super) fn described(&self) -> Vec<String> {
        let parts = self.parts;
        let files = count(self.files as u64, "file");
        let tasks = self.pieces.len();
        let folder = self.folder.display();
        let first = if parts == 1 {
            format!("{files} of {folder}: {tasks} tasks, one for each, to hash it")
        } else {
            format!(
                "{files} of {folder}: too few for the story, so each is hashed in {parts} \
                 parts: {tasks} tasks"
            )
        };
        let asides = [
            (
                self.has_more,
                format!("there are more files; these are the first {FILES_MAX}"),
            ),
            (
                self.has_long,
                "of files over 1 MiB only the first MiB is hashed".into(),
            ),
            (
                self.unreadable > 0,
                format!("{} could not be read and are left out", self.unreadable),
            ),
        ];
        let said = asides
            .into_iter()
            .filter_map(|(holds, text)| holds.then_some(text));
        std::iter::once(first).chain(said).collect()
    }
}

impl Piece {
    /// Whether the file is no longer what it was.
    pub(super) fn has_changed(&self) -> bool {
        fs::metadata(&self.range.path).map_or(true, |now| Seen::of(&now) != self.seen)
    }
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

fn pieces(path: &Path, seen: Seen, parts: usize) -> impl Iterator<Item = Piece> {
    let (bytes, parts) = (seen.bytes.min(FILE_BYTES_MAX), parts as u64);
    (0..parts).map(move |part| {
        let (offset, end) = (bytes * part / parts, bytes * (part + 1) / parts);
        let range = Range {
            path: path.into(),
            offset,
            bytes: end - offset,
        };
        Piece { range, seen }
    })
}

impl Range {
    /// `OFFSET BYTES PATH`
    pub(super) fn to_payload(&self) -> Vec<u8> {
        let mut payload = format!("{} {} ", self.offset, self.bytes).into_bytes();
        payload.extend_from_slice(self.path.as_os_str().as_bytes());
        payload
    }

    /// The range of which this is the payload.
    pub(super) fn from_payload(payload: &[u8]) -> Option<Self> {
        let mut words = payload.splitn(3, |byte| *byte == b' ');
        let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
        let (offset, bytes) = (number()?, number()?);
        let path = std::ffi::OsString::from_vec(words.next()?.to_vec()).into();
        Some(Self {
            path,
            offset,
            bytes,
        })
    }
}

#[derive(Default)]
struct Walk {
    folders: VecDeque<PathBuf>,
    found: Vec<(PathBuf, Seen)>,
    has_more: bool,
    unreadable: usize,
}

impl Walk {
    fn all(&mut self, folder: &Path) -> io::Result<()> {
        self.one(fs::read_dir(folder)?);
        while let Some(folder) = self.folders.pop_front() {
            match fs::read_dir(folder) {
                _ if self.has_more => return Ok(()),
                Ok(entries) => self.one(entries),
                Err(_) => self.unreadable += 1,
            }
        }
        Ok(())
    }

    fn one(&mut self, entries: fs::ReadDir) {
        for entry in entries {
            if self.has_more {
                return;
            }
            match entry.and_then(|entry| self.take(&entry)) {
                Ok(()) => {}
                Err(_) => self.unreadable += 1,
            }
        }
    }

    /// Symbolic links are not followed: they may lead anywhere, and round in circles.
    fn take(&mut self, entry: &DirEntry) -> io::Result<()> {
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir()
            && !SKIPPED
                .map(OsStr::new)
                .contains(&entry.file_name().as_os_str())
        {
            self.folders.push_back(path);
        } else if kind.is_file() {
            let seen = Seen::of(&File::open(&path)?.metadata()?);
            self.has_more = self.found.len() == FILES_MAX;
            if !self.has_more {
                self.found.push((path, seen));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
