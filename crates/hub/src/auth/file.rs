//! Tokens on disk: one file, replaced as a whole.
//!
//! A new file is written beside the old one and synced, then takes its name, then the folder is
//! synced: a kill or a power cut at any moment leaves the old one or the new one. There is no secret in
//! it, only hashes; still nobody but its owner may read it, for it says who may do what.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use leasehold_core::{NodeName, PoolName, Timestamp};
use leasehold_wire::{Role, Secret, TokenSpec, TokenView};
use serde::{Deserialize, Serialize};

use super::{
    book::{Book, Kept, Refused},
    secret::Hash,
};
use crate::clock::Clock;

/// The format that is written, and the newest that is read.
const FORMAT: u32 = 1;

/// What the file is called in a data folder.
const IN_DATA: &str = "tokens.json";

/// What a store locks in a data folder for as long as it is open.
const LOCK_IN_DATA: &str = "lock";

/// A file of more bytes is none of ours: a thousand tokens take a few megabytes at the most.
const BYTES_MAX: u64 = 32 << 20;

/// Why tokens could not be read, made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file, or its folder, cannot be read or written.
    #[error("failed to {what} {}: {source}", .path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is damaged, or was written by a newer version.
    #[error(
        "failed to read the tokens in {}: {why}; put a copy in its place, or remove it, and every \
         token is gone", .path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where, and what is wrong there.
        why: String,
    },
    /// A hub that runs has it.
    #[error(
        "failed to open the tokens of {}: a hub runs on it; ask that hub instead, without --data and --file", .0.display()
    )]
    InUse(PathBuf),
    /// It is not what a token may be, or there is one, or none.
    #[error("{0}")]
    Refused(String),
}

impl From<Refused> for TokenError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.to_string())
    }
}

/// The tokens of a hub that does not run, to make the first one of, or to revoke the last.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    book: Book,
    /// Unlocks when it is closed.
    _lock: File,
}

impl TokenFile {
    /// Those in a data folder, which is made if it is not there.
    ///
    /// # Errors
    /// When a hub runs on the folder, or the file in it cannot be read.
    pub fn in_data(data: &Path) -> Result<Self, TokenError> {
        let mut folder = fs::DirBuilder::new();
        let made = folder.recursive(true).mode(0o700).create(data);
        made.map_err(|source| failed("make the folder", data, source))?;
        Self::locked(default_path(data), &data.join(LOCK_IN_DATA), data)
    }

    /// Those in the file that a hub's configuration names as `auth.file`.
    ///
    /// # Errors
    /// When a hub that runs has it, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, TokenError> {
        Self::locked(path.to_owned(), &beside(path, ".lock"), path)
    }

    fn locked(path: PathBuf, lock: &Path, of: &Path) -> Result<Self, TokenError> {
        let lock = lock_file(lock, of)?;
        Ok(Self {
            book: read(&path)?,
            path,
            _lock: lock,
        })
    }

    /// All of them, without secrets.
    #[must_use]
    pub fn list(&self) -> Vec<TokenView> {
        self.book.all().map(|kept| kept.view(0)).collect()
    }

    /// Makes one. What is returned first is shown this once, and is in no file.
    ///
    /// # Errors
    /// When there is one of that name, it is out of bounds, or it cannot be written.
    pub fn create(
        &mut self,
        spec: TokenSpec,
        made_by: &str,
    ) -> Result<(Secret, TokenView), TokenError> {
        let now = Clock::starting_no_earlier_than(Timestamp::default()).now();
        let (token, kept) = self.book.make(spec, made_by.to_owned(), now)?;
        write(&self.path, &self.book)?;
        Ok((token, kept.view(0)))
    }

    /// Makes one worthless.
    ///
    /// # Errors
    /// When there is none of that name, or the rest cannot be written.
    pub fn revoke(&mut self, name: &str) -> Result<(), TokenError> {
        self.book.remove(name)?;
        write(&self.path, &self.book)
    }
}

/// Where the tokens of a data folder are.
pub(super) fn default_path(data: &Path) -> PathBuf {
    data.join(IN_DATA)
}

/// Takes a file that is in no data folder.
pub(super) fn take(path: &Path) -> Result<File, TokenError> {
    lock_file(&beside(path, ".lock"), path)
}

fn lock_file(lock: &Path, of: &Path) -> Result<File, TokenError> {
    let fail = |source| failed("lock", lock, source);
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(lock).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(TokenError::InUse(of.to_owned())),
        Err(TryLockError::Error(source)) => Err(fail(source)),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    format: u32,
    tokens: Vec<Line>,
}

/// What tells a page of another format.
#[derive(Deserialize)]
struct Heading {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    sha256: String,
    roles: Vec<Word>,
    pools: Vec<PoolName>,
    node: Option<NodeName>,
    labels: Vec<String>,
    good_for_ms: Option<u64>,
    made_at_ms: u64,
    made_by: String,
    ends_at_ms: Option<u64>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Producer,
    Node,
    Admin,
}

/// What is in the file; nothing if there is none.
pub(super) fn read(path: &Path) -> Result<Book, TokenError> {
    let damaged = |why: String| TokenError::Damaged {
        path: path.to_owned(),
        why,
    };
    let bytes = match fs::metadata(path) {
        Ok(about) => about.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
        Err(source) => return Err(failed("read", path, source)),
    };
    if bytes > BYTES_MAX {
        return Err(damaged(format!(
            "it has {bytes} bytes, and at most {BYTES_MAX}"
        )));
    }
    let text = fs::read(path).map_err(|source| failed("read", path, source))?;
    let heading: Heading =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if heading.format != FORMAT {
        let format = heading.format;
        return Err(damaged(format!(
            "it has format {format}, and this version knows {FORMAT}"
        )));
    }
    let page: Page = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    let mut book = Book::default();
    for (at, line) in (1..).zip(page.tokens) {
        let put = kept(line).map_or_else(
            || Err("its sha256 is not 43 characters of base64url".to_owned()),
            |kept| book.put(kept).map_err(|refused| refused.to_string()),
        );
        put.map_err(|why| damaged(format!("token {at} of the list: {why}")))?;
    }
    Ok(book)
}

/// Replaces the file; when this returns well, the tokens are on disk.
pub(super) fn write(path: &Path, book: &Book) -> Result<(), TokenError> {
    let page = Page {
        format: FORMAT,
        tokens: book.all().map(line).collect(),
    };
    let mut text = serde_json::to_vec_pretty(&page).expect("names and numbers make JSON");
    text.push(b'\n');
    replace(path, &text).map_err(|source| failed("write", path, source))
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let folder = path.parent().filter(|above| *above != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> TokenError {
    TokenError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

fn line(kept: &Kept) -> Line {
    let word = |role: &Role| match role {
        Role::Producer => Word::Producer,
        Role::Node => Word::Node,
        Role::Admin => Word::Admin,
    };
    let spec = kept.spec.clone();
    Line {
        roles: spec.roles.iter().map(word).collect(),
        name: spec.name,
        sha256: kept.hash.to_text(),
        pools: spec.pools,
        node: spec.node,
        labels: spec.labels,
        good_for_ms: spec.good_for_ms,
        made_at_ms: kept.made_at.as_millis(),
        made_by: kept.made_by.clone(),
        ends_at_ms: kept.ends_at.map(Timestamp::as_millis),
    }
}

fn kept(line: Line) -> Option<Kept> {
    let role = |word: &Word| match word {
        Word::Producer => Role::Producer,
        Word::Node => Role::Node,
        Word::Admin => Role::Admin,
    };
    let spec = TokenSpec {
        name: line.name,
        roles: line.roles.iter().map(role).collect(),
        pools: line.pools,
        node: line.node,
        labels: line.labels,
        good_for_ms: line.good_for_ms,
    };
    Some(Kept {
        spec,
        hash: Hash::from_text(&line.sha256)?,
        made_at: Timestamp::from_millis(line.made_at_ms),
        made_by: line.made_by,
        ends_at: line.ends_at_ms.map(Timestamp::from_millis),
    })
}

#[cfg(test)]
mod tests;
