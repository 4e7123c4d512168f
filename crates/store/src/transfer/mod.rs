//! All that a store holds as lines of JSON, and back into an empty store of any engine.
//!
//! ```text
//! {"header":{"format":"leasehold export","version":2,"latest_at_ms":1700000005000}}
//! {"pool":{"id":1,"name":"mail","epoch":7}}
//! {"task":{"pool":"mail","id":"01890a5d-ac96-774b-bcce-b302099a8057","place":0,...,"payload_base64":"aGVsbG8=","result_base64":null}}
//! {"end":{"pools":1,"tasks":1}}
//! ```
//!
//! The header comes first, pools in the order of their ids, a pool before its tasks, the end last: a
//! file without an end was cut short. Payloads and results are base64, times are milliseconds since
//! 1970. Of a pool its epoch goes with it, and the new store's owners begin past it, so that no lease
//! id that the old store gave out is ever given out by the new one. Where the old store is used on,
//! the two are two hubs: their tasks run twice.
//!
//! A task that has extras has a list of them, `"extras":[{"losses":2}]`; what a pool
//! has beside its tasks comes before them, each in a line `{"note":{"pool":"mail",...}}`. That is what
//! version 2 has beyond version 1.
//!
//! Memory grows with the number of tasks, as that of a hub does, and not with payloads and results:
//! of those there is one batch at a time.

mod export;
mod extras;
mod import;
mod line;
mod notes;

use std::{
    io::{self, BufRead, Write},
    path::Path,
};

use leasehold_core::PoolName;

use crate::{LogEngine, LogOptions, LogStore, StoreError};

pub use export::export;
pub use import::import;

/// Writes all that the data folder holds, of whatever engine it is. No hub may have it open.
///
/// # Errors
/// When there is no store in the folder, and as of [`export`].
pub fn export_folder(
    data: &Path,
    to: &mut dyn Write,
    tell: &mut dyn FnMut(&Tally),
) -> Result<Tally, TransferError> {
    export(&mut LogStore::open_existing(data)?, to, tell)
}

/// Reads what [`export_folder`] wrote into a data folder without a store, for this engine. Whatever
/// goes wrong, be it a kill, the store is there whole or not at all.
///
/// # Errors
/// When there is a store in the folder, and as of [`import`].
pub fn import_folder(
    data: &Path,
    engine: LogEngine,
    from: &mut dyn BufRead,
    tell: &mut dyn FnMut(&Tally),
) -> Result<Tally, TransferError> {
    let options = LogOptions {
        engine,
        ..LogOptions::default()
    };
    let mut store = LogStore::begin(data, options)?;
    match import(from, &mut store, tell) {
        Ok(tally) => {
            store.keep()?;
            Ok(tally)
        }
        Err(error) => {
            store.discard();
            Err(error)
        }
    }
}

/// What was transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Pools.
    pub pools: u64,
    /// Tasks.
    pub tasks: u64,
    /// What pools have beside their tasks: policies and schedules.
    pub notes: u64,
    /// Bytes of payloads and results.
    pub bytes: u64,
}

/// Why a transfer came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export could not be written.
    #[error("the export could not be written: {0}")]
    Write(#[source] io::Error),
    /// The export could not be read.
    #[error("the export could not be read: {0}")]
    Read(#[source] io::Error),
    /// A line is not of an export.
    #[error("line {number} of the export is not as it should be: {why}")]
    Line {
        /// Which line, from 1.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The last line is missing.
    #[error("the export ends after line {0} without its last line: it was cut short")]
    CutShort(u64),
    /// The export was made by a later version.
    #[error(
        "the export has version {0}, and this version reads 1 and 2: use the version that wrote it, or a newer one"
    )]
    Version(u32),
    /// The store has pools already.
    #[error("there are pools in the store already, such as {0}")]
    NotEmpty(PoolName),
    /// What was written does not come back.
    #[error(
        "{found} tasks and notes came to stand in pool {pool} of {expected}: one is in the export twice"
    )]
    Miscounted {
        /// In which pool.
        pool: PoolName,
        /// Tasks and notes that were read.
        expected: u64,
        /// Tasks and notes that the store has.
        found: u64,
    },
}
