//! What a process did to its files, in the order in which it happened.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Bytes of a deed before its text or contents.
const HEAD_BYTES: usize = 40;

/// One thing that was done, or that somebody noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed<'a> {
    /// A file or folder was opened.
    Open {
        /// Under this descriptor.
        fd: i32,
        /// Where it is.
        path: &'a str,
        /// How.
        flags: u64,
        /// Whether it was not there before.
        made: bool,
    },
    /// A descriptor was closed.
    Close(i32),
    /// A descriptor was copied to another.
    Copy(i32, i32),
    /// Bytes were written, or are being.
    Write {
        /// To what.
        fd: i32,
        /// Where.
        at: u64,
        /// What [`Deed::Written`] says; the number of this write.
        number: u64,
        /// What.
        bytes: &'a [u8],
        /// Whether it is durable when it has ended, which is another deed.
        durable: bool,
    },
    /// A durable write has ended, and this is what it returned.
    Written {
        /// Which.
        number: u64,
        /// Bytes, or an error if that is negative.
        outcome: i64,
    },
    /// A file got another length.
    Truncate(i32, u64),
    /// Room was reserved in a file, which is longer then.
    Allocate(i32, u64),
    /// A sync began.
    SyncBegins(i32, u64),
    /// A sync that began under this number has ended well.
    Synced(u64),
    /// A name was changed.
    Rename(&'a str, &'a str),
    /// A name was removed.
    Unlink(&'a str),
    /// A folder was made.
    MakeFolder(&'a str),
    /// Something was said by somebody else: what must be true of any later image, for instance.
    Note(&'a str),
}

/// A recording.
#[derive(Debug)]
pub struct Recording {
    bytes: Vec<u8>,
    /// Where each deed begins.
    places: Vec<usize>,
}

impl Recording {
    /// Reads a log. A deed at its end that was cut off with the process is left out.
    ///
    /// # Errors
    /// When it cannot be read, or was not written by the shim.
    pub fn read(log: &Path) -> io::Result<Self> {
        let bytes = fs::read(log)?;
        let mut places = Vec::new();
        let mut at = 0;
        while let Some(head) = bytes.get(at..at + HEAD_BYTES) {
            let len = u32::from_le_bytes([head[24], head[25], head[26], head[27]]);
            let end = at + HEAD_BYTES + len as usize;
            if end > bytes.len() {
                break;
            }
            if read(&bytes[at..end]).is_none() {
                let said = format!("{}: no deed at byte {at}", log.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, said));
            }
            places.push(at);
            at = end;
        }
        Ok(Self { bytes, places })
    }

    /// How many deeds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A deed by its number, from 0.
    #[must_use]
    pub fn deed(&self, number: usize) -> Option<Deed<'_>> {
        read(self.bytes.get(*self.places.get(number)?..)?)
    }

    /// When it was done, or had been: microseconds of the machine's monotonic clock. Notes have none.
    #[must_use]
    pub fn at_us(&self, number: usize) -> Option<u64> {
        let at = self.places.get(number)? + 32;
        let bytes = self.bytes.get(at..at + 8)?;
        let at_us = u64::from_le_bytes(bytes.try_into().ok()?);
        (at_us > 0).then_some(at_us)
    }

    /// All of them.
    pub fn deeds(&self) -> impl Iterator<Item = Deed<'_>> {
        (0..self.len()).filter_map(|number| self.deed(number))
    }
}

fn read(bytes: &[u8]) -> Option<Deed<'_>> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let fd = i32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    let len = u32::from_le_bytes(bytes.get(24..28)?.try_into().ok()?);
    let body = bytes.get(HEAD_BYTES..HEAD_BYTES + len as usize)?;
    let text = || std::str::from_utf8(body).ok();
    let (flag, a, b) = (*bytes.get(1)?, number(8)?, number(16)?);
    Some(match bytes.first()? {
        b'O' => Deed::Open {
            fd,
            path: text()?,
            flags: a,
            made: flag == 1,
        },
        b'C' => Deed::Close(fd),
        b'D' => Deed::Copy(fd, i32::try_from(a).ok()?),
        b'W' => Deed::Write {
            fd,
            at: a,
            number: b,
            bytes: body,
            durable: flag == 1,
        },
        b'E' => Deed::Written {
            number: a,
            outcome: b.cast_signed(),
        },
        b'T' => Deed::Truncate(fd, a),
        // Of what keeps its length nothing can be seen.
        b'F' if flag == 0 => Deed::Allocate(fd, a + b),
        b'F' => Deed::Allocate(fd, 0),
        b'B' => Deed::SyncBegins(fd, a),
        b'S' => Deed::Synced(a),
        b'R' => {
            let (from, to) = text()?.split_once('\0')?;
            Deed::Rename(from, to)
        }
        b'U' => Deed::Unlink(text()?),
        b'M' => Deed::MakeFolder(text()?),
        b'N' => Deed::Note(text()?),
        _ => return None,
    })
}

/// Adds notes to a log while it is being written: they stand among the deeds where they were made.
#[derive(Debug)]
pub struct Notes {
    file: File,
}

impl Notes {
    /// Opens the log, or makes it.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn open(log: &Path) -> io::Result<Self> {
        let file = File::options().append(true).create(true).open(log)?;
        Ok(Self { file })
    }

    /// Where a process that was started with the shim finds the log that it is written to.
    #[must_use]
    pub fn log_of_this_process() -> Option<PathBuf> {
        std::env::var_os("LEASEHOLD_DISK_LOG").map(PathBuf::from)
    }

    /// Adds a note.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, text: &str) -> io::Result<()> {
        let mut deed = vec![0; HEAD_BYTES];
        deed[0] = b'N';
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        deed[24..28].copy_from_slice(&len.to_le_bytes());
        deed.extend_from_slice(text.as_bytes());
        (&self.file).write_all(&deed)
    }
}
