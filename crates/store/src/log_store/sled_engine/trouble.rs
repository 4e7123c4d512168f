//! What sled says when something is wrong, and what that means to who runs a hub.
//!
//! A byte that changed in its file comes out of sled in several ways: as an error of its own words, as
//! a panic in the middle of a read, as an end of the file before where it was. All of it is damage to
//! one file, and is told as that. A panic is damage only where nothing but reading was done: where
//! something was to be written it may be the disk as well.

use std::{io, path::Path};

use super::{
    super::engine::{ADVICE, failed},
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
    pub(super) const fn name(self) -> &'static str {
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

impl Action {
    /// It went wrong in a way that sled does not foresee.
    pub(super) fn gave_up(self, path: &Path, said: io::Error) -> StoreError {
        if !self.only_reads() {
            return failed(self.name(), path, said);
        }
        let said = said.to_string();
        let line = said.lines().next().unwrap_or_default();
        let line = &line[..line.floor_char_boundary(SAID_BYTES)];
        damaged(path, format!("it cannot be read ({line})"))
    }
}

/// A page that does not read, at this byte of the file.
pub(super) fn unreadable(path: &Path, at: Option<u64>) -> StoreError {
    let place = at.map_or_else(String::new, |at| format!(", at byte {at}"));
    damaged(
        path,
        format!("what stands in it is not what was written{place}"),
    )
}

/// sled says so when its settings do not read, and thinks of older versions then.
pub(super) fn unsound_settings(path: &Path) -> StoreError {
    StoreError::Damaged {
        what: path.join(CONF).display().to_string(),
        reason: "it is not what sled wrote".to_owned(),
        advice: ADVICE,
    }
}

fn damaged(path: &Path, reason: String) -> StoreError {
    StoreError::Damaged {
        what: path.join(DB).display().to_string(),
        reason,
        advice: ADVICE,
    }
}
