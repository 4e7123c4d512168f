//! What sled says when something is wrong, and what that means to who runs a hub.
//!
//! A byte that changed in its file comes out of sled in several ways: as an error of its own words, as
//! a panic in the middle of a read, as an end of the file before where it was. All of it is damage to
//! one file, and is told as that. A panic is damage only where nothing but reading was done: where
//! something was to be written it may be the disk as well.

use std::{io, path::Path};

use super::{
    super::{
        LogEngine,
        engine::{self, ADVICE, failed},
    },
    CONF, DB,
};
use crate::StoreError;

/// Of a panic, so many bytes are told.
const SAID_BYTES: usize = 160;

/// What is done to a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The first that is done to a folder that has nothing of sled's.
    Make,
    Open,
    Read,
    Write,
    Flush,
    Close,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Make | Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write to",
            Self::Flush => "flush",
            Self::Close => "close",
        }
    }

    /// Whether nothing that the disk refuses can make it panic.
    const fn only_reads(self) -> bool {
        match self {
            Self::Open | Self::Read => true,
            Self::Make | Self::Write | Self::Flush | Self::Close => false,
        }
    }
}

/// Calls sled, and makes an error of whatever goes wrong in it.
pub(super) fn guard<T>(
    action: Action,
    path: &Path,
    call: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    let translate = |error| translate(action, path, error);
    engine::guard(LogEngine::Sled, call, translate, |panic| {
        panicked(action, path, panic)
    })
}

fn translate(action: Action, path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) => failed(action.name(), path, source),
        sled::Error::Corruption { at, .. } => {
            let place = at.map_or_else(String::new, |at| format!(", at byte {}", at.lid()));
            damaged(
                path,
                format!("what stands in it is not what was written{place}"),
            )
        }
        // It says so when its settings do not read, and thinks of older versions then.
        sled::Error::Unsupported(_) => StoreError::Damaged {
            what: path.join(CONF).display().to_string(),
            reason: "it is not what sled wrote".to_owned(),
            advice: ADVICE,
        },
        sled::Error::CollectionNotFound(_) | sled::Error::ReportableBug(_) => {
            panicked(action, path, io::Error::other(error))
        }
    }
}

fn panicked(action: Action, path: &Path, said: io::Error) -> StoreError {
    if !action.only_reads() {
        return failed(action.name(), path, said);
    }
    let said = said.to_string();
    let line = said.lines().next().unwrap_or_default();
    let line = &line[..line.floor_char_boundary(SAID_BYTES)];
    damaged(path, format!("it cannot be read ({line})"))
}

fn damaged(path: &Path, reason: String) -> StoreError {
    StoreError::Damaged {
        what: path.join(DB).display().to_string(),
        reason,
        advice: ADVICE,
    }
}
