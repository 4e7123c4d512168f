//! Taking a backup of a hub.

use bytes::Bytes;
use leasehold_wire::{BackupPart, BackupVerb, Request, Response};

use crate::{Inspector, RequestError};

/// A backup under way, part by part. The hub holds what was not read yet: whoever stops reading drops
/// the [`Inspector`], or says [`Backup::end`].
#[derive(Debug)]
pub struct Backup {
    inspector: Inspector,
    number: u64,
    /// The next part to be handed over, if it is here already.
    next: Option<BackupPart>,
    parts: u64,
    bytes_in_all: u64,
    is_whole: bool,
}

impl Inspector {
    /// Begins a backup of all that the hub keeps. It goes on with its work; what it acknowledged
    /// before this was called is in the backup, and what it commits until the last part was read.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::Invalid`] while somebody else takes one, and of a hub that keeps
    /// its store in memory; [`leasehold_core::Rejection::Unsupported`] if the hub speaks an older
    /// version of the protocol than 3; see [`RequestError`] for the rest.
    pub async fn begin_backup(&self) -> Result<Backup, RequestError> {
        let first = self.backup_verb(BackupVerb::Begin).await?;
        Ok(Backup {
            inspector: self.clone(),
            number: first.backup,
            bytes_in_all: first.bytes_in_all,
            next: Some(first),
            parts: 0,
            is_whole: false,
        })
    }

    async fn backup_verb(&self, verb: BackupVerb) -> Result<BackupPart, RequestError> {
        let asked = self.requests.ask(Request::Backup { verb }).await?;
        if let Response::Backup(part) = asked.response {
            return Ok(part);
        }
        Err(RequestError::Unexpected)
    }
}

impl Backup {
    /// The next bytes of it; none behind the last.
    ///
    /// # Errors
    /// When the session was lost, with which the backup ended, or the store cannot be read: there is
    /// no going on then. See [`RequestError`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, RequestError> {
        if self.is_whole {
            return Ok(None);
        }
        let part = match self.next.take() {
            Some(part) => part,
            None => {
                let (backup, part) = (self.number, self.parts);
                let verb = BackupVerb::Next { backup, part };
                self.inspector.backup_verb(verb).await?
            }
        };
        self.parts += 1;
        self.bytes_in_all = part.bytes_in_all;
        self.is_whole = part.is_last;
        Ok(Some(part.bytes))
    }

    /// Bytes of all parts together, about.
    #[must_use]
    pub const fn bytes_in_all(&self) -> u64 {
        self.bytes_in_all
    }

    /// Whether the last part was handed over.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Says that no more is wanted.
    ///
    /// # Errors
    /// See [`RequestError`]; the backup is over all the same.
    pub async fn end(self) -> Result<(), RequestError> {
        let verb = BackupVerb::End {
            backup: self.number,
        };
        self.inspector.backup_verb(verb).await.map(|_| ())
    }
}
