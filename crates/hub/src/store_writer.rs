//! The one writer of the store: batches in, durable marks out.
//!
//! It has two threads, of which one leads: whatever waits when that is free goes into one commit, of
//! however many pools. When a long commit is ready the other one leads, and makes the next one ready
//! while this one waits for the disk ([`under_way`]): nobody has to be woken before the disk is asked.
//! Where the last commit released many replies, those who got them are about to ask again: then the
//! next waits for most of them, but no longer than the last one took ([`Pace`]). After a failed
//! commit every pool is told, nothing more is taken, and the next pool that opens makes the store
//! start again from what is durable.
//!
//! A pool that has a little to commit while nobody else commits anything, and whose disk is quick,
//! does it itself ([`StoreWriter::commit_here`]): to wake the thread and to be woken by it would
//! take as long as the commit.

mod aside;
mod pace;
mod reader;
mod slot;
mod task;
mod under_way;
mod writing;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
};

use bytes::Bytes;
use leasehold_core::{PoolName, Spent, TaskId};
use leasehold_store::{Blob, OpenedPool, Store, StoreError};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use self::{
    pace::Pace,
    under_way::{Turn, UnderWay},
    writing::{Flight, MEASURE_EVERY, Writing},
};
pub(crate) use self::{
    reader::{Payloads, ReadAhead},
    slot::{Load, Slot},
};
use crate::{clock::Clock, gauge::Gauge};

/// Bytes that were kept for tasks.
pub(crate) type Blobs = HashMap<(TaskId, Blob), Bytes>;

/// What comes back of a commit.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// What it wanted read.
    pub(crate) blobs: Blobs,
    /// What is left of its changes.
    pub(crate) spent: Spent,
}

/// Called on a thread of the store's when all is durable, or has failed.
pub(crate) type Done = Box<dyn FnOnce(Result<Written, String>) + Send>;

/// A pool's next commit.
pub(crate) struct Commit {
    pub(crate) slot: Slot,
    pub(crate) done: Done,
}

/// Changes from which on a commit is made ready while another thread waits for the disk.
pub(crate) const LONG: usize = 128;

enum Job {
    Pools(oneshot::Sender<Vec<PoolName>>),
    Open(PoolName, oneshot::Sender<Result<OpenedPool, StoreError>>),
    Commit(Commit),
    /// Where nobody has a thread of his own for it.
    ReadAhead(ReadAhead),
    /// Something that is not for a pool, between two commits.
    Aside(aside::Errand),
    Stop(oneshot::Sender<()>),
}

/// A handle on the thread, which ends with [`StoreWriter::stop`] or with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct StoreWriter {
    jobs: Jobs,
    writing: Shared,
}

/// The way to where they are done.
#[derive(Debug, Clone)]
enum Jobs {
    Thread(Sender<Job>, Sender<ReadAhead>),
    Task(UnboundedSender<Job>),
}

impl Jobs {
    /// Gives it back if nobody is there.
    fn send(&self, job: Job) -> Result<(), Job> {
        match self {
            Self::Thread(jobs, _) => jobs.send(job).map_err(|back| back.0),
            Self::Task(jobs) => jobs.send(job).map_err(|back| back.0),
        }
    }
}

/// Held by whoever writes.
#[derive(Clone)]
struct Shared(Arc<Mutex<Writing>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unless somebody else has it.
    fn try_lock(&self) -> Option<MutexGuard<'_, Writing>> {
        match self.0.try_lock() {
            Ok(writing) => Some(writing),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl StoreWriter {
    pub(crate) fn spawn(
        store: Box<dyn Store>,
        gauge: Arc<Gauge>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let inbox = Some(inbox);
        let writing = Shared(Arc::new(Mutex::new(Writing::new(store, gauge, clock))));
        let under_way = Arc::clone(&writing.lock().under_way);
        let thread = WriterThread {
            inbox: Arc::new(Mutex::new(inbox)),
            writing: writing.clone(),
            clock,
            under_way,
        };
        for thread in [thread.clone(), thread] {
            thread::Builder::new()
                .name("store-writer".to_owned())
                .spawn(move || thread.run())?;
        }
        let jobs = Jobs::Thread(jobs, reader::spawn(writing.clone())?);
        Ok(Self { jobs, writing })
    }

    /// The pools that the store knows.
    pub(crate) async fn pools(&self) -> Result<Vec<PoolName>, String> {
        let (reply, answer) = oneshot::channel();
        let gone = "the store's thread has ended";
        self.jobs
            .send(Job::Pools(reply))
            .map_err(|_| gone.to_owned())?;
        answer.await.map_err(|_| gone.to_owned())
    }

    pub(crate) async fn open(&self, name: PoolName) -> Result<OpenedPool, String> {
        let (reply, answer) = oneshot::channel();
        let gone = "the store's thread has ended";
        self.jobs
            .send(Job::Open(name, reply))
            .map_err(|_| gone.to_owned())?;
        let opened = answer.await.map_err(|_| gone.to_owned())?;
        opened.map_err(|error| error.to_string())
    }

    /// Fails only if the thread has ended; `done` is dropped then.
    pub(crate) fn commit(&self, commit: Commit) -> Result<(), String> {
        self.jobs
            .send(Job::Commit(commit))
            .map_err(|_| "the store's thread has ended".to_owned())
    }

    /// Reads payloads when there is time for it. If the thread has ended nothing comes of it.
    pub(crate) fn read_ahead(&self, ask: ReadAhead) {
        match &self.jobs {
            Jobs::Thread(_, asks) => _ = asks.send(ask),
            Jobs::Task(jobs) => _ = jobs.send(Job::ReadAhead(ask)),
        }
    }

    /// Commits it on the thread that calls, if that is sooner than to ask another: if the load is
    /// small, the disk quick, nobody else commits, and nobody is about to. Else gives it back.
    /// Calls `begins` first.
    pub(crate) fn commit_here(
        &self,
        load: Load,
        begins: impl FnOnce(),
    ) -> Result<Result<Written, String>, Load> {
        if !load.reads.is_empty() || load.is_long() {
            return Err(load);
        }
        if matches!(self.jobs, Jobs::Task(_)) {
            return Err(load);
        }
        let Some(mut writing) = self.writing.try_lock() else {
            return Err(load);
        };
        if !writing.is_quiet(load.replies) {
            return Err(load);
        }
        begins();
        let mut outcome = Ok(Written::default());
        writing.commit(vec![(load, ())], |(), of| outcome = of);
        Ok(outcome)
    }

    /// Returns when the store is closed: its folder is free for another hub.
    pub(crate) async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.jobs.send(Job::Stop(reply)).is_ok() {
            // An error says that the thread has ended, which is what is wanted.
            _ = stopped.await;
        }
    }
}

#[derive(Clone)]
struct WriterThread {
    /// Whoever holds it leads. Nothing when all is over.
    inbox: Arc<Mutex<Option<Receiver<Job>>>>,
    writing: Shared,
    clock: Clock,
    under_way: Arc<UnderWay>,
}

/// A commit that is ready, and its turn.
type Ready = (Flight<Done>, Turn);

impl WriterThread {
    fn run(&self) {
        while let Some(ready) = self.lead() {
            self.end(ready);
        }
    }

    /// Until a long commit is ready; nothing when all is over.
    fn lead(&self) -> Option<Ready> {
        let mut place = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let inbox = place.as_ref()?;
        let stopped = loop {
            self.writing.lock().measure_if_due();
            match self.receive(inbox) {
                Ok(job) => match self.work(job, inbox) {
                    Worked::All => {}
                    Worked::UpTo(ready) => return Some(ready),
                    Worked::Stopped(stopped) => break Some(stopped),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        // The store closes before the caller hears of it.
        self.writing.lock().close();
        *place = None;
        drop(stopped);
        None
    }

    /// The next job. Where one commit follows the other it is waited for awake.
    fn receive(&self, inbox: &Receiver<Job>) -> Result<Job, RecvTimeoutError> {
        let pace = self.writing.lock().pace;
        while pace.is_worth_staying_awake(self.clock.elapsed()) {
            if let Ok(job) = inbox.try_recv() {
                return Ok(job);
            }
            thread::yield_now();
        }
        inbox.recv_timeout(MEASURE_EVERY)
    }

    /// Does a job, and with a commit all others that wait.
    fn work(&self, job: Job, inbox: &Receiver<Job>) -> Worked {
        let pace = self.writing.lock().pace;
        let mut commits = Vec::new();
        let mut next = Some(job);
        while let Some(job) = next {
            match job {
                Job::Commit(commit) => commits.push(commit),
                Job::Pools(reply) => _ = reply.send(self.writing.lock().pools()),
                Job::Open(name, reply) => {
                    self.commit_all(std::mem::take(&mut commits));
                    // A pool that no longer waits opens again when it does.
                    _ = reply.send(self.writing.lock().open(&name));
                }
                Job::ReadAhead(ask) => ask.read(&self.writing),
                Job::Aside(errand) => {
                    self.commit_all(std::mem::take(&mut commits));
                    errand(&mut self.writing.lock());
                }
                Job::Stop(reply) => {
                    self.commit_all(commits);
                    return Worked::Stopped(reply);
                }
            }
            next = self.next_job(pace, &commits, inbox);
        }
        self.commit(commits).map_or(Worked::All, Worked::UpTo)
    }

    /// What waits, or comes while it is worth waiting for.
    fn next_job(&self, pace: Pace, commits: &[Commit], inbox: &Receiver<Job>) -> Option<Job> {
        loop {
            if let Ok(job) = inbox.try_recv() {
                return Some(job);
            }
            let gathered = commits.iter().map(|commit| commit.slot.replies()).sum();
            if commits.is_empty() || !pace.is_worth_waiting(self.clock.elapsed(), gathered) {
                return None;
            }
            thread::yield_now();
        }
    }

    /// A long one is to be ended still.
    fn commit(&self, commits: Vec<Commit>) -> Option<Ready> {
        if commits.is_empty() {
            return None;
        }
        let mut writing = self.writing.lock();
        let taken = |Commit { slot, done }| Some((slot.take()?, done));
        let loads: Vec<_> = commits.into_iter().filter_map(taken).collect();
        let changes: usize = loads.iter().map(|(load, _)| load.batch.changes.len()).sum();
        if changes < LONG && self.under_way.are_none() {
            writing.commit(loads, |done, outcome| done(outcome));
            return None;
        }
        let flight = writing.begin_long(loads);
        Some((flight, self.under_way.begins()))
    }

    fn commit_all(&self, commits: Vec<Commit>) {
        if let Some(ready) = self.commit(commits) {
            self.end(ready);
        }
    }

    /// Waits for the disk, and tells those concerned.
    fn end(&self, (flight, turn): Ready) {
        let (ended, landed) = flight.end();
        self.under_way.lands(turn, || {
            if ended.is_err() {
                self.under_way.fails();
            }
            landed.into_iter().for_each(|(done, outcome)| done(outcome));
        });
    }
}

/// What came of what waited.
enum Worked {
    /// All is done.
    All,
    /// A commit is to be ended.
    UpTo(Ready),
    /// Somebody waits for all to be over.
    Stopped(oneshot::Sender<()>),
}
