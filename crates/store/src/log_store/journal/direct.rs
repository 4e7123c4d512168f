//! A file that is written to past the page cache, where the file system can.
//!
//! A sync of what is in the page cache finds the pages, writes them whole and waits; to write blocks
//! to the disk at once is the same work for the disk and about a fifth less for everybody else. The
//! last block of a write is written again with the next one, as its page would be: what stood in it
//! stands in it again, with the same bytes.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::io::Errno;

use super::{super::engine, disk::DiskFile};

/// What a write has to begin and end at: the largest block of any disk that is sold.
pub(super) const BLOCK: usize = 4096;

/// The most room that is kept between writes.
const ROOM_KEPT: usize = 256 * 1024;

/// An open file of a length that is a multiple of [`BLOCK`].
#[derive(Debug)]
pub(super) struct DirectFile {
    /// For people.
    path: PathBuf,
    /// None where the file system has no such thing.
    direct: Option<File>,
    plain: File,
    /// Where the last write ended.
    end: u64,
    /// What stands in the block in which it ended, up to there.
    tail: Vec<u8>,
    /// In which blocks are put together.
    room: Vec<u8>,
    /// Nothing is in the page cache that is not on disk.
    is_durable: bool,
}

impl DirectFile {
    /// Opens a file that is there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            plain: OpenOptions::new().write(true).open(path)?,
            direct: open_direct(path),
            end: 0,
            tail: Vec::new(),
            room: Vec::new(),
            is_durable: true,
        })
    }

    /// Durable when it returns; no if it cannot be done so.
    fn write_direct(&mut self, bytes: &[u8], at: u64) -> io::Result<bool> {
        let Some(file) = &self.direct else {
            return Ok(false);
        };
        if at != self.end {
            if !at.is_multiple_of(BLOCK as u64) {
                return Ok(false);
            }
            self.tail.clear();
        }
        let begin = at - self.tail.len() as u64;
        let len = self.tail.len() + bytes.len();
        let blocks = len.next_multiple_of(BLOCK);
        self.room.resize(self.room.len().max(blocks + BLOCK), 0);
        let skipped = self.room.as_ptr().align_offset(BLOCK);
        let Some(room) = self.room.get_mut(skipped..skipped.saturating_add(blocks)) else {
            return Ok(false);
        };
        room[..self.tail.len()].copy_from_slice(&self.tail);
        room[self.tail.len()..len].copy_from_slice(bytes);
        room[len..].fill(0);
        match file.write_all_at(room, begin) {
            Ok(()) => {}
            Err(error) if is_refused(&error) => {
                let file = self.path.display();
                tracing::warn!(
                    %file, %error,
                    "the file system refuses writes past the page cache: each commit goes through it"
                );
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        self.tail.clear();
        self.tail.extend_from_slice(&room[len / BLOCK * BLOCK..len]);
        self.end = at + bytes.len() as u64;
        if self.room.len() > ROOM_KEPT {
            self.room = Vec::new();
        }
        Ok(true)
    }
}

impl DiskFile for DirectFile {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        if self.write_direct(bytes, at)? {
            return Ok(());
        }
        // From here on what stands in the last block is not known.
        self.direct = None;
        self.is_durable = false;
        self.plain.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        if !self.is_durable {
            self.plain.sync_data()?;
            self.is_durable = true;
        }
        engine::check_is_there(&self.plain)
    }
}

/// Whether a file can be written to by way of the page cache all the same: file systems that are
/// stacked on others, or on a network, may take the open and refuse the write, with one of these.
fn is_refused(error: &io::Error) -> bool {
    let refused = [Errno::INVAL, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|errno| refused.contains(&errno))
}

/// Each write to it is as if followed by `fdatasync`.
#[cfg(target_os = "linux")]
fn open_direct(path: &Path) -> Option<File> {
    use rustix::fs::OFlags;

    let flags = OFlags::DIRECT | OFlags::DSYNC;
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(flags.bits().cast_signed());
    options.open(path).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_direct(_path: &Path) -> Option<File> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LEN: usize = 8 * BLOCK;

    fn written(begin: u64, pieces: &[usize], refuse_direct: bool) -> (Vec<u8>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        fs::write(&path, vec![7; LEN]).unwrap();
        let mut file = DirectFile::open(&path).unwrap();
        if refuse_direct {
            file.direct = None;
        }
        let mut wanted = vec![7; LEN];
        let mut at = usize::try_from(begin).unwrap();
        for (number, len) in pieces.iter().enumerate() {
            let bytes = vec![u8::try_from(number % 100).unwrap() + 100; *len];
            file.write_at(&bytes, at as u64).unwrap();
            file.sync().unwrap();
            wanted[at..at + len].copy_from_slice(&bytes);
            at += len;
        }
        (fs::read(&path).unwrap(), wanted)
    }

    /// Up to the end of what was written; behind it are zeros, or what there was.
    fn check(begin: u64, pieces: &[usize]) {
        let end = usize::try_from(begin).unwrap() + pieces.iter().sum::<usize>();
        for refuse_direct in [false, true] {
            let (found, wanted) = written(begin, pieces, refuse_direct);
            assert_eq!(found.len(), LEN);
            assert_eq!(found[..end], wanted[..end], "{begin} {pieces:?}");
            let rest = &found[end..];
            assert!(rest.iter().all(|byte| [0, 7].contains(byte)));
        }
    }

    #[test]
    fn what_is_written_piece_by_piece_stands_there() {
        check(4096, &[8, 16, 4072, 8, 4096, 1, 4095, 5000]);
        check(4096, &[4096, 4096]);
        check(0, &[LEN]);
        check(8192, &[1; 300]);
    }

    #[test]
    fn a_write_that_begins_within_a_block_is_written_all_the_same() {
        check(100, &[8, 8000]);
    }

    #[test]
    fn a_file_is_begun_again_at_the_start_of_a_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        fs::write(&path, vec![7; LEN]).unwrap();
        let mut file = DirectFile::open(&path).unwrap();
        for (byte, at) in [(1, 4096), (2, 4196), (3, 4096)] {
            file.write_at(&[byte; 100], at).unwrap();
        }
        file.sync().unwrap();
        let found = fs::read(&path).unwrap();
        assert_eq!(found[4096..4196], [3; 100]);
        assert_eq!(found[..4096], [7; 4096]);
    }

    #[test]
    fn a_refusal_is_told_from_a_failure() {
        let of = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        for errno in [Errno::INVAL, Errno::OPNOTSUPP] {
            assert!(is_refused(&of(errno)), "{errno}");
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::ROFS, Errno::DQUOT] {
            assert!(!is_refused(&of(errno)), "{errno}");
        }
        assert!(!is_refused(&io::ErrorKind::WriteZero.into()));
    }

    /// A file of the system's that takes numbers alone, and says `EINVAL` to all else.
    #[cfg(target_os = "linux")]
    fn refusing() -> File {
        let path = "/proc/self/oom_score_adj";
        OpenOptions::new().write(true).open(path).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_file_system_refuses_past_the_page_cache_goes_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        fs::write(&path, vec![7; LEN]).unwrap();
        let mut file = DirectFile::open(&path).unwrap();
        file.write_at(&[1; 100], 4096).unwrap();
        file.direct = Some(refusing());
        for (byte, at) in [(2, 4196), (3, 4296)] {
            file.write_at(&[byte; 100], at).unwrap();
            assert!(file.direct.is_none() && !file.is_durable);
            file.sync().unwrap();
            assert!(file.is_durable);
        }
        let found = fs::read(&path).unwrap();
        let wanted = [[1; 100], [2; 100], [3; 100]].concat();
        assert_eq!(found[4096..4396], wanted[..]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_is_full_is_not_taken_for_one_that_refuses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        fs::write(&path, vec![7; LEN]).unwrap();
        let mut file = DirectFile::open(&path).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        file.direct = Some(full);
        let error = file.write_at(&[1; 100], 4096).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn much_room_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        let mut file = DirectFile::open(&path).unwrap();
        file.write_at(&vec![1; 1 << 19], 4096).unwrap();
        assert!(file.room.len() <= ROOM_KEPT);
    }
}
