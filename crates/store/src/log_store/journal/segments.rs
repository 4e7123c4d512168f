//! The files of the journal: where the next record goes, and which file can be written anew.

use std::io;

use super::{
    disk::{Disk, DiskFile, Making},
    format::{self, Nonce, RECORDS_AT, Record},
};

/// Files that are kept from one open to the next.
const KEPT: usize = 2;

/// How much there may be of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentBounds {
    /// Bytes of a file.
    pub(super) bytes: u32,
    /// Files.
    pub(super) count: usize,
}

impl SegmentBounds {
    /// The longest record, in bytes: a quarter of a segment, so that little of one stays empty.
    pub(super) fn record_bytes_max(self) -> usize {
        (self.bytes as usize - RECORDS_AT) / 4
    }
}

/// The files, as the one who writes to them has them.
#[derive(Debug)]
pub(super) struct Segments<D: Disk> {
    disk: D,
    nonce: Nonce,
    bounds: SegmentBounds,
    segments: Vec<Segment<D::File>>,
    /// The next file, while it is being made: nobody should wait for it to be filled.
    spare: Option<Making<D::File>>,
    /// The one that is written to.
    active: usize,
    /// Where in it.
    at: usize,
    /// The newest record that no replay will want, for another one says so, durably.
    dispensable: u64,
}

#[derive(Debug)]
struct Segment<F> {
    file: F,
    /// The newest record in it.
    newest: u64,
}

impl<D: Disk> Segments<D> {
    /// Takes the first files that there are, of which nothing is wanted any more, makes one if there
    /// is none, and removes the others. No record up to `newest` is wanted.
    pub(super) fn begin(
        disk: D,
        nonce: Nonce,
        bounds: SegmentBounds,
        newest: u64,
    ) -> io::Result<Self> {
        let mut segments = Self {
            disk,
            nonce,
            bounds,
            segments: Vec::new(),
            spare: None,
            active: 0,
            at: RECORDS_AT,
            dispensable: newest,
        };
        let mut names = segments.disk.names()?;
        names.sort();
        for name in names {
            segments.take_or_remove(&name)?;
        }
        if segments.segments.is_empty() {
            segments.grow()?;
        }
        segments.prepare();
        Ok(segments)
    }

    fn take_or_remove(&mut self, name: &str) -> io::Result<()> {
        let Ok(number) = name.parse::<usize>() else {
            return Ok(());
        };
        let is_next = number == self.segments.len() && number < KEPT;
        if is_next && self.is_like_new(name)? {
            let file = self.disk.open(name)?;
            self.segments.push(Segment { file, newest: 0 });
            return Ok(());
        }
        self.disk.remove(name)
    }

    fn is_like_new(&self, name: &str) -> io::Result<bool> {
        let bytes = self.disk.read(name)?;
        let is_ours = format::segment_nonce(&bytes) == Ok(self.nonce);
        Ok(is_ours && bytes.len() == self.bounds.bytes as usize)
    }

    /// Makes room for so many bytes, with what the engine's mark says; no if a segment has to become
    /// dispensable first.
    pub(super) fn make_room(&mut self, bytes: usize, marked: u64) -> io::Result<bool> {
        if self.at + bytes <= self.bounds.bytes as usize {
            return Ok(true);
        }
        let dispensable = self.dispensable.max(marked);
        let free = |segment: &Segment<_>| segment.newest <= dispensable;
        let next = match self.segments.iter().position(free) {
            Some(free) => free,
            None if self.segments.len() < self.bounds.count => match self.grow() {
                Ok(()) => self.segments.len() - 1,
                // What there is has to do.
                Err(error) if is_full(&error) => return Ok(false),
                Err(error) => return Err(error),
            },
            None => return Ok(false),
        };
        (self.active, self.at) = (next, RECORDS_AT);
        self.prepare();
        Ok(true)
    }

    /// Begins to make the next file if there is none to go on with after the active one.
    fn prepare(&mut self) {
        let is_free = |(at, segment): (usize, &Segment<_>)| {
            at != self.active && segment.newest <= self.dispensable
        };
        let has_next = self.segments.iter().enumerate().any(is_free);
        if !has_next && self.spare.is_none() && self.segments.len() < self.bounds.count {
            let contents = format::empty_segment(self.nonce, self.bounds.bytes);
            let name = self.segments.len().to_string();
            self.spare = self.disk.begin_to_create(&name, contents);
        }
    }

    /// The record that has to become dispensable for the next segment to be free.
    pub(super) fn oldest_wanted(&self) -> u64 {
        let newest = self.segments.iter().map(|segment| segment.newest);
        newest.min().unwrap_or(0)
    }

    /// Writes a record, for which room was made, durably.
    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        let segment = &mut self.segments[self.active];
        // Whatever becomes of it, it may be there.
        segment.newest = record.head.seq;
        segment.file.write_at(record.bytes(), self.at as u64)?;
        segment.file.sync()?;
        self.at += record.bytes().len();
        self.dispensable = record.head.covered;
        Ok(())
    }

    fn grow(&mut self) -> io::Result<()> {
        let file = match self.spare.take() {
            Some(spare) => finished(spare)?,
            None => {
                let contents = format::empty_segment(self.nonce, self.bounds.bytes);
                let name = self.segments.len().to_string();
                self.disk.create(&name, &contents)?
            }
        };
        self.segments.push(Segment { file, newest: 0 });
        Ok(())
    }
}

/// A file that came after the folder had been left would take the place of another's.
impl<D: Disk> Drop for Segments<D> {
    fn drop(&mut self) {
        if let Some(spare) = self.spare.take() {
            // Nobody wants it any more, be it made or not.
            _ = finished(spare);
        }
    }
}

fn finished<F>(making: Making<F>) -> io::Result<F> {
    let panicked = |_| Err(io::Error::other("making a file panicked"));
    making.join().unwrap_or_else(panicked)
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
