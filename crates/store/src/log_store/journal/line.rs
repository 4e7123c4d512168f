//! Commits on their way to the journal, one behind the other.
//!
//! A commit gets its number when it begins, and is written when all before it are. In between the one
//! who makes them ready goes on with the next, while another thread waits for the disk.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{
    super::engine::{Engine, failed},
    End,
    applier::Shared,
    disk::Disk,
    format::{Record, RecordHead, Unsealed},
};
use crate::{Begun, StoreError};

/// The numbers of the newest ones.
#[derive(Debug)]
pub(super) struct Line {
    numbers: Mutex<Numbers>,
    moved: Condvar,
}

#[derive(Debug)]
struct Numbers {
    /// Of the newest that has begun.
    begun: u64,
    /// Of the newest that is durable, or came to nothing.
    ended: u64,
}

impl Line {
    pub(super) fn new(newest: u64) -> Self {
        let (begun, ended) = (newest, newest);
        Self {
            numbers: Mutex::new(Numbers { begun, ended }),
            moved: Condvar::new(),
        }
    }

    /// Returns when all that began before this one have ended.
    fn wait_for_those_before(&self, seq: u64) {
        self.wait_while(|numbers| numbers.ended + 1 < seq);
    }

    /// Returns when all that have begun have ended.
    pub(super) fn wait_for_all(&self) {
        self.wait_while(|numbers| numbers.ended < numbers.begun);
    }

    #[cfg(test)]
    pub(super) fn newest(&self) -> u64 {
        self.lock().ended
    }

    fn wait_while(&self, is_early: impl Fn(&Numbers) -> bool) {
        let waited = self
            .moved
            .wait_while(self.lock(), |numbers| is_early(numbers));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn end(&self, seq: u64) {
        let mut numbers = self.lock();
        numbers.ended = numbers.ended.max(seq);
        drop(numbers);
        self.moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit that has a number and is not written. Whoever drops it has lost a commit.
#[derive(Debug)]
pub(super) struct BegunRecord<E: Engine + Sync, D: Disk> {
    shared: Arc<Shared<E>>,
    end: Arc<End<D>>,
    record: Record,
    is_written: bool,
}

impl<E: Engine + Sync, D: Disk> BegunRecord<E, D> {
    /// The next one.
    pub(super) fn begin(
        shared: &Arc<Shared<E>>,
        end: &Arc<End<D>>,
        unsealed: Unsealed,
    ) -> Result<Self, StoreError> {
        let (covered, marked) = shared.progress()?;
        let mut numbers = end.line.lock();
        let seq = numbers.begun + 1;
        let head = RecordHead {
            seq,
            covered,
            marked,
        };
        let record = unsealed.seal(end.nonce, head);
        shared.expect(record.clone());
        numbers.begun = seq;
        drop(numbers);
        Ok(Self {
            shared: Arc::clone(shared),
            end: Arc::clone(end),
            record,
            is_written: false,
        })
    }

    fn write(&self) -> Result<(), StoreError> {
        let record = &self.record;
        self.end.line.wait_for_those_before(record.head.seq);
        let mut segments = self.end.segments();
        let (_, mut marked) = self.shared.progress()?;
        let fail = |source| failed("write to", self.shared.engine.path(), source);
        let bytes = record.bytes().len();
        while !segments.make_room(bytes, marked).map_err(fail)? {
            self.shared.settle(segments.oldest_wanted())?;
            (_, marked) = self.shared.progress()?;
        }
        segments.append(record).map_err(fail)?;
        self.shared.insert(record.clone());
        Ok(())
    }
}

impl<E: Engine + Sync, D: Disk> Begun for BegunRecord<E, D> {
    fn end(mut self: Box<Self>) -> Result<(), StoreError> {
        let written = self.write();
        self.is_written = written.is_ok();
        written
    }
}

/// After one that was not written none is: the numbers of a journal have no gaps.
impl<E: Engine + Sync, D: Disk> Drop for BegunRecord<E, D> {
    fn drop(&mut self) {
        if !self.is_written {
            self.shared.fail();
        }
        self.end.line.end(self.record.head.seq);
    }
}
