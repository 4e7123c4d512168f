//! What is shown: a table for people, JSON for programs, pictures.

mod table;

use std::{
    io::{self, Write},
    sync::Arc,
};

use crate::{BenchError, Target, book::Book, options::Options};

/// Shows all that was measured, in every way that was asked for.
pub(crate) fn show(
    book: &Book,
    _options: &Options,
    targets: &[Arc<dyn Target>],
) -> Result<(), BenchError> {
    write(&table::all(book, targets))
}

/// Says on standard error how far it is.
pub(crate) fn progress(text: &str) {
    // When even this fails there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn write(text: &str) -> Result<(), BenchError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(BenchError::io("write to standard output"))
}
