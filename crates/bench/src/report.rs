//! What is shown: a table for people, JSON for programs, pictures.

mod json;
mod picture;
mod table;

use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use crate::{BenchError, Target, book::Book, machine::Machine, options::Options, ratios};
use json::Document;

/// Shows all that was measured, in every way that was asked for.
pub(crate) fn show(
    mut book: Book,
    options: &Options,
    targets: &[Arc<dyn Target>],
) -> Result<(), BenchError> {
    let syncs = |target: &Arc<dyn Target>| (target.name().to_owned(), target.promise().syncs);
    let all: Vec<_> = targets.iter().map(syncs).collect();
    ratios::add(&mut book, &all, options.payload_bytes);
    let machine = Machine::here(&options.folder);
    if let Some(path) = &options.json {
        let document = Document::new(&book, options, &machine, targets);
        let text = serde_json::to_string_pretty(&document)
            .map_err(|error| BenchError::failed("write the figures as JSON", error))?;
        put(path, &(text + "\n"))?;
    }
    if let Some(folder) = &options.svg {
        picture::draw(folder, &book, &all)?;
    }
    // Whoever reads the document there reads nothing else.
    if options.json.as_deref() == Some(Path::new("-")) {
        return Ok(());
    }
    write(&table::all(&book, &machine, targets))
}

/// Into a file; "-" is standard output.
fn put(path: &Path, text: &str) -> Result<(), BenchError> {
    if path == Path::new("-") {
        return write(text);
    }
    fs::write(path, text).map_err(BenchError::io(format!("write {}", path.display())))
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
