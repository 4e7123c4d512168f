//! Writing the history.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use leasehold_judge::{Entry, What};

use crate::moment::now_us;

/// Appends to a file: each event is one line, and one write(2), so that what was recorded stays
/// whatever becomes of this process.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: File,
    by: String,
}

impl Recorder {
    pub(crate) fn open(path: &Path, by: &str) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let by = by.to_owned();
        Ok(Self { file, by })
    }

    /// Records what happens now.
    ///
    /// # Panics
    /// When it cannot be written: a history with holes is worth nothing.
    pub(crate) fn record(&self, what: What) {
        let entry = Entry {
            at_us: now_us(),
            by: self.by.clone(),
            what,
        };
        let mut line = serde_json::to_vec(&entry).expect("an entry is JSON");
        line.push(b'\n');
        let written = (&self.file).write(&line);
        let is_whole = written.as_ref().is_ok_and(|bytes| *bytes == line.len());
        assert!(is_whole, "the history cannot be written: {written:?}");
    }
}
