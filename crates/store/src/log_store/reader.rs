//! Tasks that are read on another thread while those before them are taken: at a start reading one
//! costs about as much as taking it.

use std::{
    io,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread, vec,
};

use leasehold_core::Task;

use super::engine;
use crate::StoreError;

/// Tasks that go from one thread to the other together.
const LOT: usize = 1024;

/// As many lots are ready at the most: about a MiB.
const LOTS: usize = 4;

type Read = Result<Task, StoreError>;

/// Tasks in the order in which they were read.
#[derive(Debug)]
pub(super) struct Reader {
    lots: Receiver<Vec<Read>>,
    lot: vec::IntoIter<Read>,
    /// Whether no more will come, as there are none, or as that was said.
    ended: bool,
}

impl Reader {
    /// Begins to read; the thread ends with the tasks, or when nobody takes them any more.
    pub(super) fn begin(
        tasks: impl Iterator<Item = Read> + Send + 'static,
        folder: &Path,
    ) -> Result<Self, StoreError> {
        let (ready, lots) = sync_channel(LOTS);
        let thread = thread::Builder::new().name("task-reader".to_owned());
        let spawned = thread.spawn(move || read(tasks, &ready));
        spawned.map_err(|source| engine::failed("read", folder, source))?;
        Ok(Self {
            lots,
            lot: Vec::new().into_iter(),
            ended: false,
        })
    }
}

/// An empty lot says that there are no more: a thread that panicked says nothing.
fn read(mut tasks: impl Iterator<Item = Read>, ready: &SyncSender<Vec<Read>>) {
    loop {
        let lot: Vec<_> = tasks.by_ref().take(LOT).collect();
        let is_last = lot.is_empty();
        if ready.send(lot).is_err() || is_last {
            return;
        }
    }
}

impl Iterator for Reader {
    type Item = Read;

    fn next(&mut self) -> Option<Read> {
        loop {
            if let Some(task) = self.lot.next() {
                return Some(task);
            }
            if self.ended {
                return None;
            }
            match self.lots.recv() {
                Ok(lot) => {
                    self.ended = lot.is_empty();
                    self.lot = lot.into_iter();
                }
                Err(_) => {
                    self.ended = true;
                    let source = io::Error::other("reading tasks panicked");
                    return Some(Err(engine::failed("read", Path::new("tasks"), source)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use leasehold_core::TaskId;

    use super::*;
    use crate::conformance::sample;

    #[test]
    fn all_come_in_their_order() {
        for count in [0, 1, LOT, LOT + 1, 10 * LOT] {
            let ids = (0..count as u128).map(TaskId::from_u128);
            let tasks = ids.clone().map(|id| Ok(sample::task(id)));
            let read = Reader::begin(tasks, Path::new("/")).unwrap();
            assert!(read.map(|task| task.unwrap().id).eq(ids), "{count}");
        }
    }

    #[test]
    fn a_panic_is_an_error_and_not_the_end() {
        let tasks = (0..3000).map(|n| {
            assert!(n < 2000, "on purpose");
            Ok(sample::task(TaskId::from_u128(n)))
        });
        let mut read = Reader::begin(tasks, Path::new("/")).unwrap();
        assert_eq!(read.by_ref().take_while(Result::is_ok).count(), LOT);
        assert!(read.next().is_none(), "it is said once");
    }

    #[test]
    fn who_takes_no_more_ends_it() {
        let (dropped, seen) = sync_channel::<()>(1);
        let tasks = (0..u128::MAX).map(move |n| {
            let _held = &dropped;
            Ok(sample::task(TaskId::from_u128(n)))
        });
        let mut read = Reader::begin(tasks, Path::new("/")).unwrap();
        assert!(read.next().is_some());
        drop(read);
        assert!(seen.recv().is_err(), "the tasks were dropped");
    }
}
