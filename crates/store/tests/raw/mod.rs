//! What is stored, behind the back of the store: to damage it.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use fjall::{Guard, KeyspaceCreateOptions, PersistMode};
use leasehold_store::LogEngine;

/// All that stands there, by the engine's own keys, but the spacers of sled's slots: they say
/// nothing.
pub(crate) fn values(engine: LogEngine, folder: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    match engine {
        LogEngine::Sled => {
            let db = sled::open(generation(engine, folder)).unwrap();
            let values = db.iter().map(Result::unwrap);
            values
                .map(|(key, value)| (key.to_vec(), value.to_vec()))
                .filter(|(key, _)| key[0] != b'S' || key[5] == 8)
                .collect()
        }
        LogEngine::Fjall => {
            let (_db, keys) = open_fjall(folder);
            let values = keys.iter().map(|value| Guard::into_inner(value).unwrap());
            values
                .map(|(key, value)| (key.to_vec(), value.to_vec()))
                .collect()
        }
    }
}

/// Puts something there, or takes away what is.
pub(crate) fn set(engine: LogEngine, folder: &Path, key: &[u8], value: Option<&[u8]>) {
    match engine {
        LogEngine::Sled => {
            let db = sled::open(generation(engine, folder)).unwrap();
            match value {
                Some(value) => db.insert(key, value).unwrap(),
                None => db.remove(key).unwrap(),
            };
        }
        LogEngine::Fjall => {
            let (db, keys) = open_fjall(folder);
            match value {
                Some(value) => keys.insert(key, value).unwrap(),
                None => keys.remove(key).unwrap(),
            }
            db.persist(PersistMode::SyncAll).unwrap();
        }
    }
    wait_until_closed(engine, folder);
}

/// A thread of the engine's may hold on to its lock for a moment.
pub(crate) fn wait_until_closed(engine: LogEngine, folder: &Path) {
    let name = match engine {
        LogEngine::Sled => "db",
        LogEngine::Fjall => "lock",
    };
    File::open(generation(engine, folder).join(name))
        .unwrap()
        .lock()
        .unwrap();
}

/// The file that commits are written to, in the data folder.
pub(crate) fn log_file(engine: LogEngine) -> PathBuf {
    match engine {
        LogEngine::Sled => "sled-1/db".into(),
        LogEngine::Fjall => "fjall-1/0.jnl".into(),
    }
}

/// The file that is read before any other, in the data folder.
pub(crate) fn first_file(engine: LogEngine) -> PathBuf {
    match engine {
        LogEngine::Sled => "sled-1/conf".into(),
        LogEngine::Fjall => "fjall-1/version".into(),
    }
}

fn open_fjall(folder: &Path) -> (fjall::Database, fjall::Keyspace) {
    let db = fjall::Database::builder(generation(LogEngine::Fjall, folder))
        .open()
        .unwrap();
    let keys = db.keyspace("keys", KeyspaceCreateOptions::default).unwrap();
    (db, keys)
}

fn generation(engine: LogEngine, folder: &Path) -> PathBuf {
    folder.join(format!("{}-1", engine.name()))
}
