//! What goes to standard output: text for people, JSON for programs.

pub(crate) mod json;
pub(crate) mod table;
pub(crate) mod words;

use std::io::{self, Write};

use serde::Serialize;

use crate::exit::Failure;

/// Writes this, and it is out when the call returns.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}

/// Writes a line each.
pub(crate) fn lines(lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    write(text.as_bytes())
}

/// Writes one JSON document on one line.
pub(crate) fn document(value: &impl Serialize) -> Result<(), Failure> {
    lines([json::line(value)])
}
