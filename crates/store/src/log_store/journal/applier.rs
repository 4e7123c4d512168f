//! Behind the journal: from the overlay to the engine, in order, on a thread of its own.

use std::{
    collections::VecDeque,
    io,
    panic::{self, AssertUnwindSafe},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::{
    super::{
        engine::{Engine, Settled, Writes},
        keys,
    },
    failed,
    format::{Mark, Nonce, Record},
    overlay::{Chunk, ChunkBounds, Overlay},
};
use crate::StoreError;

/// Writes that are looked at while the one who commits may be waiting: a tenth of a millisecond.
const CHUNK_WRITES: usize = 1024;

/// When something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// When there are more bytes than this in the journal.
    pub(super) high: usize,
    /// Bytes that go to the engine at once. The more, the more of them are of tasks that have ended
    /// by their end, and leave one short state.
    pub(super) lot: usize,
    /// When nothing was committed for this long: all of it.
    pub(super) idle: Duration,
}

/// The engine, and what is on its way there.
#[derive(Debug)]
pub(super) struct Shared<E> {
    pub(super) engine: E,
    nonce: Nonce,
    pub(super) policy: Policy,
    state: Mutex<State>,
    /// There may be something to do.
    wake: Condvar,
    /// One step at a time.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct State {
    overlay: Overlay,
    /// Commits that have begun and are not durable, the oldest first: read, and brought nowhere yet.
    begun: VecDeque<Record>,
    /// The newest record that the engine says it has, durably.
    marked: u64,
    stopping: bool,
    /// Whether nothing more comes to the engine.
    failed: bool,
    /// Why, until somebody is told.
    error: Option<StoreError>,
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Goal {
    /// The newest record that is to be covered.
    pub(super) upto: u64,
    /// Whether the engine must say so itself.
    pub(super) mark: bool,
}

impl<E: Engine> Shared<E> {
    /// An engine that has everything up to `covered`, and says so up to `mark`.
    pub(super) fn new(engine: E, mark: Mark, covered: u64, policy: Policy) -> Self {
        let state = State {
            overlay: Overlay::new(covered),
            begun: VecDeque::new(),
            marked: mark.seq,
            stopping: false,
            failed: false,
            error: None,
        };
        Self {
            engine,
            nonce: mark.nonce,
            policy,
            state: Mutex::new(state),
            wake: Condvar::new(),
            turn: Mutex::new(()),
        }
    }

    /// What need not be replayed, and up to where the engine says so itself.
    pub(super) fn progress(&self) -> Result<(u64, u64), StoreError> {
        let mut state = self.lock();
        state.check()?;
        Ok((state.overlay.covered(), state.marked))
    }

    /// What stands under a key; nothing if only the engine knows.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Option<Bytes>>, StoreError> {
        let mut state = self.lock();
        state.check()?;
        let begun = state.begun.iter().rev().find_map(|record| record.get(key));
        Ok(begun.or_else(|| state.overlay.get(key)))
    }

    /// Log records that the engine has, and where, since this was asked last.
    pub(super) fn settled(&self) -> Vec<Settled> {
        self.lock().overlay.settled()
    }

    /// Makes writes past the journal, of which nothing is left.
    pub(super) fn apply(&self, writes: Writes) -> Result<(), StoreError> {
        self.lock().overlay.note(&writes);
        self.engine.apply(writes)
    }

    /// Takes note of a record that is to be the next one in the journal.
    pub(super) fn expect(&self, record: Record) {
        self.lock().begun.push_back(record);
    }

    /// Takes a record that is durable in the journal.
    pub(super) fn insert(&self, record: Record) {
        let mut state = self.lock();
        let is_it = |begun: &mut Record| begun.head.seq == record.head.seq;
        // What is replayed never began here.
        _ = state.begun.pop_front_if(is_it);
        state.overlay.insert(record);
        if state.overlay.bytes() > self.policy.high {
            self.wake.notify_one();
        }
    }

    /// Nothing more is taken: the journal has failed.
    pub(super) fn fail(&self) {
        self.lock().failed = true;
        self.wake.notify_one();
    }

    /// Returns when the engine has all up to a record, durably, and says so.
    pub(super) fn settle(&self, upto: u64) -> Result<(), StoreError> {
        let settled = self.reach(Goal { upto, mark: true });
        if settled.is_err() {
            self.fail();
        }
        settled
    }

    /// [`Shared::settle`], of all there is.
    pub(super) fn settle_all(&self) -> Result<(), StoreError> {
        let newest = self.lock().overlay.newest();
        self.settle(newest)
    }

    /// Brings records to the engine that it lacks, and leaves out a number: that of a commit which
    /// may have been under way after the newest one. Returns the mark after that.
    pub(super) fn replay(&self, records: Vec<Record>, newest: u64) -> Result<u64, StoreError> {
        for record in records {
            self.insert(record);
        }
        self.settle_all()?;
        let mark = newest + 1;
        self.write(&Chunk::nothing(mark))?;
        // Who reads it reads the engine.
        let mut state = self.lock();
        state.overlay = Overlay::new(mark);
        state.marked = mark;
        Ok(mark)
    }

    /// Ends [`Shared::run`].
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_one();
    }

    /// What the thread does until it is told to stop, or fails.
    pub(super) fn run(&self) {
        while let Some(goal) = self.next_goal() {
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.reach(goal)));
            let outcome = outcome.unwrap_or_else(|_| {
                let source = io::Error::other("it panicked");
                Err(failed("write to", self.engine.path(), source))
            });
            if let Err(error) = outcome {
                tracing::error!(%error, "what is in the journal does not come to the engine");
                let mut state = self.lock();
                (state.failed, state.error) = (true, Some(error));
            }
        }
    }

    fn next_goal(&self) -> Option<Goal> {
        let mut state = self.lock();
        loop {
            if state.stopping || state.failed {
                return None;
            }
            if state.overlay.bytes() > self.policy.high {
                let left = self.policy.high.saturating_sub(self.policy.lot);
                let upto = state.overlay.excess(left);
                return Some(Goal { upto, mark: false });
            }
            let newest = state.overlay.newest();
            let waited = self.wake.wait_timeout(state, self.policy.idle);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            let is_idle = timeout.timed_out() && state.overlay.newest() == newest;
            if is_idle && state.marked < newest && !state.failed {
                let (upto, mark) = (newest, true);
                return Some(Goal { upto, mark });
            }
        }
    }

    /// Goes on until a goal is reached.
    pub(super) fn reach(&self, goal: Goal) -> Result<(), StoreError> {
        while !self.step(goal)? {}
        Ok(())
    }

    /// Goes a step, which is a lot at the most; returns whether the goal is reached.
    fn step(&self, goal: Goal) -> Result<bool, StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut chunk) = self.take(goal)? else {
            return Ok(true);
        };
        chunk.fold();
        let last = chunk.upto >= goal.upto;
        let marks = !chunk.is_empty() || (goal.mark && last);
        if marks {
            self.write(&chunk)?;
        }
        let mut state = self.lock();
        let covered = state.overlay.cover(&chunk);
        if marks {
            state.marked = chunk.upto;
        }
        drop(state);
        // Freed here, where nobody waits.
        drop(covered);
        Ok(last)
    }

    /// Nothing if the goal is reached.
    fn take(&self, goal: Goal) -> Result<Option<Chunk>, StoreError> {
        let mut state = self.lock();
        if state.failed {
            return Err(state.error.take().unwrap_or(StoreError::Poisoned));
        }
        let reached = if goal.mark {
            state.marked
        } else {
            state.overlay.covered()
        };
        if reached >= goal.upto {
            return Ok(None);
        }
        let bounds = ChunkBounds {
            upto: goal.upto,
            bytes: self.policy.lot,
            writes: CHUNK_WRITES,
        };
        let mut chunk = state.overlay.begin();
        while state.overlay.take(&mut chunk, bounds) {
            // Who commits comes in between.
            drop(state);
            state = self.lock();
        }
        Ok(Some(chunk))
    }

    /// Exactly as a commit without a journal would: applied, and synced before anything else.
    fn write(&self, chunk: &Chunk) -> Result<(), StoreError> {
        let mut writes = chunk.writes();
        let mark = Mark {
            nonce: self.nonce,
            seq: chunk.upto,
            newest: chunk.newest,
        };
        writes.put(keys::JOURNAL, mark.to_bytes().to_vec());
        self.engine.apply(writes)?;
        self.engine.sync()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first one to ask is told why.
    fn check(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(self.error.take().unwrap_or(StoreError::Poisoned));
        }
        Ok(())
    }
}
