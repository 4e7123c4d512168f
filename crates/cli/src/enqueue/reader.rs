//! Lines of a file or of standard input, as they come.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    thread,
};

use tokio::sync::mpsc;

use super::PAYLOAD_BYTES_MAX;

/// Bytes that one read takes at the most.
const READ_BYTES: usize = 64 * 1024;

/// Batches read ahead.
const READ_AHEAD: usize = 4;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counts from 1.
    pub(super) number: u64,
    /// Its bytes, or none if it is too long for any payload.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Lines that were there at one time, and how many bytes were read for them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    pub(super) read_bytes: u64,
}

/// What is read, and its length if that is known; `-` is standard input.
pub(super) fn open(path: &Path) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    let length = about.is_file().then_some(about.len());
    Ok((Box::new(file), length))
}

/// Reads on a thread of its own: it may wait for a person, and nobody waits for it in turn.
pub(super) fn follow(source: Box<dyn Read + Send>) -> mpsc::Receiver<io::Result<Lines>> {
    let (batches, follower) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || {
        let mut splitter = Splitter::default();
        let mut source = BufReader::with_capacity(READ_BYTES, source);
        loop {
            let lines = splitter.read(&mut source);
            let is_last = !matches!(&lines, Ok(Some(_)));
            let sent = lines.transpose().map(|lines| batches.blocking_send(lines));
            if is_last || sent.is_some_and(|sent| sent.is_err()) {
                return;
            }
        }
    });
    follower
}

/// Cuts bytes into lines, and never holds more than one line that is not whole.
#[derive(Debug, Default)]
struct Splitter {
    read: u64,
    begun: Vec<u8>,
    is_too_long: bool,
    at_end: bool,
}

impl Splitter {
    /// The lines that one read makes whole, which may be none; `None` at the end.
    fn read(&mut self, source: &mut impl BufRead) -> io::Result<Option<Lines>> {
        if self.at_end {
            return Ok(None);
        }
        let bytes = match source.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Ok(Some(Lines::default()));
            }
            Err(error) => return Err(error),
        };
        let read = bytes.len();
        let mut lines = Lines {
            lines: Vec::new(),
            read_bytes: read as u64,
        };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = piece.strip_suffix(b"\n");
            self.grow(whole.unwrap_or(piece));
            lines.lines.extend(whole.map(|_| self.line()));
        }
        source.consume(read);
        if read == 0 {
            self.at_end = true;
            let is_rest = !self.begun.is_empty() || self.is_too_long;
            lines.lines.extend(is_rest.then(|| self.line()));
        }
        Ok(Some(lines))
    }

    fn grow(&mut self, piece: &[u8]) {
        self.is_too_long |= self.begun.len() + piece.len() > PAYLOAD_BYTES_MAX;
        if self.is_too_long {
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(piece);
        }
    }

    fn line(&mut self) -> Line {
        self.read += 1;
        let bytes = std::mem::take(&mut self.begun);
        let is_too_long = std::mem::take(&mut self.is_too_long);
        Line {
            number: self.read,
            bytes: (!is_too_long).then_some(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
