//! A second word on how far each pool's log reaches.
//!
//! After damage in its own file sled opens with what comes before it, as it must after a power cut:
//! it cannot tell the two apart. A file beside it can. It is written after each sync and never
//! ahead of it, so what stands there was durable: a log that ends before it has lost commits.
//!
//! Deliberately absent: a sync of this file. After a power cut it may be old, which proves less and
//! never too much.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use leasehold_core::{Epoch, PoolId};

use super::{damage, engine::Engine, index::PoolLog};
use crate::StoreError;

const NAME: &str = "witness";

/// Of an entry: end of the log, epoch, checksum. A pool's stands at its number times this.
const ENTRY_BYTES: usize = 16;

#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    path: PathBuf,
}

/// How far a pool's log reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    id: PoolId,
    next: u64,
    epoch: Epoch,
}

impl Reach {
    pub(super) fn of(id: PoolId, log: &PoolLog) -> Self {
        let (next, epoch) = (log.next(), log.epoch);
        Self { id, next, epoch }
    }
}

impl Witness {
    /// Opens the witness in a generation's folder, or makes it.
    pub(super) fn open(generation: &Path) -> Result<Self, StoreError> {
        let path = generation.join(NAME);
        let opened = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        match opened {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(failed("open", &path, source)),
        }
    }

    /// Writes down how far a pool's log reaches, which must be durable by now.
    pub(super) fn attest(&self, reach: Reach) -> Result<(), StoreError> {
        let Reach { id, next, epoch } = reach;
        self.file
            .write_all_at(&entry(id, next, epoch.0), offset(id))
            .map_err(|source| failed("write", &self.path, source))
    }

    /// Refuses logs that end before what was written down of them.
    pub(super) fn check(
        &self,
        pools: &BTreeMap<PoolId, PoolLog>,
        engine: &dyn Engine,
    ) -> Result<(), StoreError> {
        for number in 1..=self.last()? {
            let id = PoolId(number);
            let Some((next, epoch)) = self.read(id)? else {
                continue;
            };
            let log = pools.get(&id);
            let stands = log.map_or((0, 0), |log| (log.next(), log.epoch.0));
            if stands.0 < next || stands.1 < epoch {
                let name =
                    log.map_or_else(|| format!("number {number}"), |log| log.name.to_string());
                return Err(lost(engine, &name, stands, (next, epoch)));
            }
        }
        Ok(())
    }

    /// The highest number of a pool that something may be written down of.
    fn last(&self) -> Result<u32, StoreError> {
        let metadata = self.file.metadata();
        let length = metadata
            .map_err(|source| failed("read", &self.path, source))?
            .len();
        let entries = length / ENTRY_BYTES as u64;
        Ok(u32::try_from(entries.saturating_sub(1)).unwrap_or(u32::MAX))
    }

    /// What was written down of a pool. An entry that does not read proves nothing: it was being
    /// written when the power went.
    fn read(&self, id: PoolId) -> Result<Option<(u64, u32)>, StoreError> {
        let mut found = [0; ENTRY_BYTES];
        match self.file.read_exact_at(&mut found, offset(id)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(source) => return Err(failed("read", &self.path, source)),
        }
        let (end, rest) = found.split_at(8);
        let (epoch, _) = rest.split_at(4);
        let end = u64::from_le_bytes(end.try_into().unwrap_or_default());
        let epoch = u32::from_le_bytes(epoch.try_into().unwrap_or_default());
        Ok((found == entry(id, end, epoch)).then_some((end, epoch)))
    }
}

/// What ends a log may stand in the journal before an engine, too, and nobody can tell which of the
/// two has lost it.
fn lost(engine: &dyn Engine, pool: &str, stands: (u64, u32), stood: (u64, u32)) -> StoreError {
    let values = engine.values();
    let journal = if engine.folds() {
        ", or of the journal beside it,"
    } else {
        ""
    };
    let reason = format!(
        "its log goes to record {} of epoch {}, and went to record {} of epoch {}: the end of {}{journal} \
         is lost",
        stands.0,
        stands.1,
        stood.0,
        stood.1,
        values.display()
    );
    damage::damaged(
        format!("pool {pool} in {}", engine.path().display()),
        reason,
    )
}

fn offset(id: PoolId) -> u64 {
    u64::from(id.0) * ENTRY_BYTES as u64
}

/// The checksum covers the pool's number, too, so that a file of zeros says nothing.
fn entry(id: PoolId, end: u64, epoch: u32) -> [u8; ENTRY_BYTES] {
    let mut entry = [0; ENTRY_BYTES];
    entry[..8].copy_from_slice(&end.to_le_bytes());
    entry[8..12].copy_from_slice(&epoch.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&id.0.to_le_bytes()), &entry[..12]);
    entry[12..].copy_from_slice(&sum.to_le_bytes());
    entry
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    let source = io::Error::new(source.kind(), format!("{}: {source}", path.display()));
    StoreError::Io { action, source }
}
