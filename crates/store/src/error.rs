use std::{io, path::PathBuf};

use leasehold_core::{Epoch, PoolId, PoolName};

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder.
    #[error("the data folder {} is in use by another hub", .0.display())]
    InUse(PathBuf),
    /// There is a store in the folder already.
    #[error("there is a store in the data folder {} already", .0.display())]
    Taken(PathBuf),
    /// The folder is not a store of ours.
    #[error("{} is not a Leasehold data folder: {reason}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// It is kept by another engine than the one that is to open it.
    #[error(
        "the data folder {} is kept by {found}, not by {wanted}: set engine = \"{found}\" in [store], or \
         move its tasks to a new folder with leasehold export and leasehold import",
        path.display()
    )]
    OtherEngine {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        found: &'static str,
        /// Whose it should be.
        wanted: &'static str,
    },
    /// It was written by a version that this one cannot read.
    #[error("{what} has format version {found}, and this hub reads {readable}: {advice}")]
    Incompatible {
        /// What was read.
        what: String,
        /// The version found.
        found: u32,
        /// The versions that can be read.
        readable: &'static str,
        /// What can be done.
        advice: &'static str,
    },
    /// Something stored is damaged.
    #[error("{what} is damaged: {reason}. {advice}")]
    Damaged {
        /// Which record, in which folder.
        what: String,
        /// How that showed.
        reason: String,
        /// What can be done.
        advice: &'static str,
    },
    /// A newer owner has the pool.
    #[error("pool {pool} has a newer owner: epoch {newer:?} after {older:?}")]
    Fenced {
        /// The pool.
        pool: PoolName,
        /// Of the commit that was refused.
        older: Epoch,
        /// Of the owner.
        newer: Epoch,
    },
    /// A commit by someone who does not own the pool: it was not opened since the store was.
    #[error("pool number {} is not open", .0.0)]
    NotOpen(PoolId),
    /// The disk, or the engine over it, failed.
    #[error("the store failed to {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// How it failed.
        source: io::Error,
    },
    /// No backup is under way, or it was given up, or there are none here.
    #[error(
        "no backup is under way: there are none of a store in memory, and one that is read far more \
         slowly than tasks come in is given up"
    )]
    NoBackup,
    /// An earlier error stands until the store is reopened.
    #[error("the store has failed and was not reopened")]
    Poisoned,
}
