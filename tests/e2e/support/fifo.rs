//! Named pipes between the commands of tasks and the test: what happens in a command is an event
//! here, and a command can be made to wait for one.

use std::path::{Path, PathBuf};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::unix::pipe,
};

use super::within;

/// Lines that commands write with `echo … > "$E2E/NAME"`.
#[derive(Debug)]
pub(crate) struct Ledger {
    lines: Lines<BufReader<pipe::Receiver>>,
    /// Keeps the pipe from ending while nobody writes.
    _held: pipe::Sender,
}

impl Ledger {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let (receiver, held) = open(&make(folder, name));
        Self {
            lines: BufReader::new(receiver).lines(),
            _held: held,
        }
    }

    /// The next line.
    pub(crate) async fn next(&mut self) -> String {
        let line = within("a line in the ledger", self.lines.next_line()).await;
        line.expect("the pipe can be read")
            .expect("the pipe is held open")
    }

    /// The next so many lines, sorted.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::with_capacity(count);
        for _ in 0..count {
            lines.push(self.next().await);
        }
        lines.sort();
        lines
    }

    /// Whether no line is waiting to be read.
    pub(crate) async fn is_empty(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.lines.next_line() => false,
            () = tokio::task::yield_now() => true,
        }
    }
}

/// What commands wait at with `read _ < "$E2E/NAME"`.
#[derive(Debug)]
pub(crate) struct Gate {
    sender: pipe::Sender,
    /// Keeps the pipe open while nobody waits.
    _held: pipe::Receiver,
}

impl Gate {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let (held, sender) = open(&make(folder, name));
        Self {
            sender,
            _held: held,
        }
    }

    /// Lets so many commands through, be they there yet or not.
    pub(crate) async fn open(&mut self, count: usize) {
        let lines = "\n".repeat(count);
        let write = self.sender.write_all(lines.as_bytes());
        let written = within("a gate that opens", write).await;
        written.expect("the pipe is held open");
    }
}

/// A pipe that commands hold open with `exec 9> "$E2E/NAME"`: it ends when all of them are gone.
#[derive(Debug)]
pub(crate) struct Lifeline(pipe::Receiver);

impl Lifeline {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let receiver = pipe::OpenOptions::new().open_receiver(make(folder, name));
        Self(receiver.expect("a pipe can be opened"))
    }

    /// Waits until nobody holds it. Somebody must have before.
    pub(crate) async fn ended(mut self) {
        let read = within("the end of a command", self.0.read(&mut [0])).await;
        assert_eq!(read.ok(), Some(0), "nobody writes to a lifeline");
    }
}

fn make(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe can be made");
    path
}

fn open(path: &Path) -> (pipe::Receiver, pipe::Sender) {
    let options = pipe::OpenOptions::new();
    let receiver = options.open_receiver(path).expect("it can be read");
    let sender = options.open_sender(path).expect("it has a reader");
    (receiver, sender)
}
