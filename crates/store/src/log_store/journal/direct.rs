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
    path::Path,
};

use super::{super::engine, disk::DiskFile};

/// What a write has to begin and end at: the largest block of any disk that is sold.
pub(super) const BLOCK: usize = 4096;

/// The most room that is kept between writes.
const ROOM_KEPT: usize = 256 * 1024;

/// An open file of a length that is a multiple of [`BLOCK`].
#[derive(Debug)]
pub(super) struct DirectFile {
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
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(false),
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

/// Each write to it is as if followed by `fdatasync`.
#[cfg(target_os = "linux")]
fn open_direct(path: &Path) -> Option<File> {
    use nix::fcntl::OFlag;

    let flags = OFlag::O_DIRECT | OFlag::O_DSYNC;
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(flags.bits());
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
    fn much_room_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        let mut file = DirectFile::open(&path).unwrap();
        file.write_at(&vec![1; 1 << 19], 4096).unwrap();
        assert!(file.room.len() <= ROOM_KEPT);
    }
}
