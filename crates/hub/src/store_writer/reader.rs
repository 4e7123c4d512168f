//! Payloads that are read while commits go on: whoever asks for them can do without.

use std::{
    io,
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use bytes::Bytes;
use leasehold_core::{PoolId, TaskId};
use leasehold_store::Blob;

use super::{Shared, writing::caught};

/// Those of them that were found.
pub(crate) type Payloads = Vec<(TaskId, Bytes)>;

/// Payloads that a pool wants, and how it gets them.
pub(crate) struct ReadAhead {
    pub(crate) pool: PoolId,
    pub(crate) tasks: Vec<TaskId>,
    /// Called on the thread that reads, with some at a time, and whether they are the last.
    pub(crate) come: Box<dyn Fn(Payloads, bool) + Send>,
}

impl ReadAhead {
    /// Whoever writes is kept waiting while they are looked up, and not while they are read.
    pub(super) fn read(self, writing: &Shared) {
        let mut lots = self.tasks.chunks(LOOK_UP).peekable();
        while let Some(tasks) = lots.next() {
            let wanted: Vec<_> = tasks.iter().map(|task| (*task, Blob::Payload)).collect();
            let find = || writing.lock().find(self.pool, &wanted);
            // What is not read ahead is read with its claim, and an error is told of there.
            let read = caught(|| Ok(find()())).unwrap_or_default();
            let found = tasks.iter().zip(read);
            let payloads = found.filter_map(|(task, payload)| Some((*task, payload?)));
            (self.come)(payloads.collect(), lots.peek().is_none());
        }
    }
}

/// Tasks that are looked up at once: a tenth of a millisecond.
const LOOK_UP: usize = 512;

/// The thread; it ends with the last who may ask.
pub(super) fn spawn(writing: Shared) -> io::Result<Sender<ReadAhead>> {
    let (asks, inbox) = mpsc::channel();
    let thread = thread::Builder::new().name("store-reader".to_owned());
    thread.spawn(move || run(&inbox, &writing))?;
    Ok(asks)
}

fn run(inbox: &Receiver<ReadAhead>, writing: &Shared) {
    while let Ok(ask) = inbox.recv() {
        ask.read(writing);
    }
}
