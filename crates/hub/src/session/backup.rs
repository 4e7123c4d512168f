//! A backup that a session takes: one at a time in a hub, a part for each request, and over with its
//! session.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use leasehold_core::Rejection;
use leasehold_wire::{BackupPart, BackupVerb, FromHub, Response};

use super::requests::Requests;
use crate::store_writer::StoreWriter;

/// What is read between two commits, in bytes: a millisecond or two of a disk.
const SLICE_BYTES: usize = 256 * 1024;

/// The least that a part has that is not the last, in bytes.
const PART_BYTES: usize = 512 * 1024;

/// The most that a part has, in bytes.
const PART_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Whether one is under way, in whatever session.
#[derive(Debug, Clone)]
pub(crate) struct Backups {
    writer: StoreWriter,
    is_under_way: Arc<AtomicBool>,
    last: Arc<AtomicU64>,
}

/// A backup under way.
#[derive(Debug)]
pub(super) struct Backup {
    of: Backups,
    number: u64,
    bytes_in_all: u64,
    bytes_said: u64,
    /// The newest part that was said.
    said: Option<BackupPart>,
    /// What was read and not said yet.
    rest: Bytes,
    is_read: bool,
}

impl Backups {
    /// Numbers go on from this one, so that those of another start are not taken for them.
    pub(crate) fn new(writer: StoreWriter, last: u64) -> Self {
        Self {
            writer,
            is_under_way: Arc::default(),
            last: Arc::new(AtomicU64::new(last)),
        }
    }

    async fn begin(&self) -> Result<Backup, Rejection> {
        if self.is_under_way.swap(true, Relaxed) {
            let text = "a backup is under way already: one is taken at a time; try again when it has ended";
            return Err(Rejection::Invalid(text.to_owned()));
        }
        // From here on its drop says that it is over.
        let mut backup = Backup {
            of: self.clone(),
            number: self.last.fetch_add(1, Relaxed) + 1,
            bytes_in_all: 0,
            bytes_said: 0,
            said: None,
            rest: Bytes::new(),
            is_read: false,
        };
        backup.bytes_in_all = self.writer.begin_backup().await.map_err(failed)?;
        Ok(backup)
    }
}

impl Backup {
    async fn part(&mut self, wanted: u64) -> Result<BackupPart, Rejection> {
        if let Some(said) = self.said.as_ref().filter(|said| said.part == wanted) {
            return Ok(said.clone());
        }
        let next = self.said.as_ref().map_or(0, |said| said.part + 1);
        let is_over = self.said.as_ref().is_some_and(|said| said.is_last);
        if is_over || wanted != next {
            let text = format!("part {wanted} of the backup is not its next, nor its newest");
            return Err(Rejection::Invalid(text));
        }
        if self.rest.is_empty() {
            self.read().await?;
        }
        let bytes = self.rest.split_to(self.rest.len().min(PART_BYTES_MAX));
        self.bytes_said += bytes.len() as u64;
        let part = BackupPart {
            backup: self.number,
            part: wanted,
            bytes,
            is_last: self.is_read && self.rest.is_empty(),
            bytes_in_all: self.bytes_in_all.max(self.bytes_said),
        };
        self.said = Some(part.clone());
        Ok(part)
    }

    /// Between slices others commit.
    async fn read(&mut self) -> Result<(), Rejection> {
        let mut read = Vec::with_capacity(PART_BYTES + SLICE_BYTES);
        while read.len() < PART_BYTES && !self.is_read {
            let next = self.of.writer.next_of_backup(SLICE_BYTES, read).await;
            (read, self.is_read) = next.map_err(failed)?;
        }
        self.rest = Bytes::from(read);
        Ok(())
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        self.of.writer.end_backup();
        self.of.is_under_way.store(false, Relaxed);
    }
}

impl Requests {
    /// Answers at once; meanwhile nothing else of the session is read.
    pub(super) async fn backup(
        &mut self,
        id: u64,
        verb: BackupVerb,
    ) -> Result<Option<FromHub>, Rejection> {
        let part = match verb {
            BackupVerb::Begin => {
                // One that it had is over, and makes room.
                self.backup = None;
                let backup = self.context.backups.begin().await?;
                let backup = self.backup.insert(Box::new(backup));
                backup.part(0).await?
            }
            BackupVerb::Next { backup, part } => self.of_number(backup)?.part(part).await?,
            BackupVerb::End { backup } => {
                let part = self.of_number(backup)?.end();
                self.backup = None;
                part
            }
        };
        let body = Response::Backup(part);
        Ok(Some(FromHub::Response { id, body }))
    }

    fn of_number(&mut self, number: u64) -> Result<&mut Backup, Rejection> {
        let backup = self.backup.as_deref_mut();
        backup
            .filter(|backup| backup.number == number)
            .ok_or_else(|| {
                let text = "no such backup is under way in this session: a backup ends with its session; \
                            begin a new one";
                Rejection::Invalid(text.to_owned())
            })
    }
}

impl Backup {
    /// The answer to an end: nothing more.
    fn end(&self) -> BackupPart {
        BackupPart {
            backup: self.number,
            part: self.said.as_ref().map_or(0, |said| said.part + 1),
            bytes: Bytes::new(),
            is_last: true,
            bytes_in_all: self.bytes_said,
        }
    }
}

fn failed(error: String) -> Rejection {
    Rejection::Invalid(format!("the backup failed: {error}"))
}
