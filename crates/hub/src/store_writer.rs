//! The one thread that touches the store: batches in, durable marks out.
//!
//! Whatever waits when it is free goes into one commit, of however many pools. Where the last
//! commit released many replies, those who got them are about to ask again: then the next waits for
//! most of them, but no longer than the last one took ([`Pace`]). After a failed
//! commit every pool is told, nothing more is taken, and the next pool that opens makes the store
//! start again from what is durable.

mod pace;
mod slot;

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use leasehold_core::{PoolId, PoolName, TaskId, Timestamp};
use leasehold_store::{Blob, OpenedPool, PoolBatch, Store, StoreError};
use tokio::sync::oneshot;

use self::pace::Pace;
pub(crate) use self::slot::{Load, Slot};
use crate::{clock::Clock, gauge::Gauge};

/// How often the store is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// Bytes that were kept for tasks.
pub(crate) type Blobs = HashMap<(TaskId, Blob), Bytes>;

/// A pool's next commit.
pub(crate) struct Commit {
    pub(crate) slot: Slot,
    /// Called on the store's thread when all is durable, or has failed.
    pub(crate) done: Box<dyn FnOnce(Result<Blobs, String>) + Send>,
}

enum Job {
    Pools(oneshot::Sender<Vec<PoolName>>),
    Open(PoolName, oneshot::Sender<Result<OpenedPool, StoreError>>),
    Commit(Commit),
    Stop(oneshot::Sender<()>),
}

/// A handle on the thread, which ends with [`StoreWriter::stop`] or with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct StoreWriter {
    jobs: Sender<Job>,
}

impl StoreWriter {
    pub(crate) fn spawn(
        store: Box<dyn Store>,
        gauge: Arc<Gauge>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let mut thread = WriterThread {
            store,
            gauge,
            clock,
            measured_at: clock.now(),
            pace: Pace::default(),
            has_failed: false,
            opened: HashSet::new(),
        };
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run(&inbox))?;
        Ok(Self { jobs })
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

    /// Returns when the store is closed: its folder is free for another hub.
    pub(crate) async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.jobs.send(Job::Stop(reply)).is_ok() {
            // An error says that the thread has ended, which is what is wanted.
            _ = stopped.await;
        }
    }
}

struct WriterThread {
    store: Box<dyn Store>,
    gauge: Arc<Gauge>,
    clock: Clock,
    measured_at: Timestamp,
    pace: Pace,
    has_failed: bool,
    /// Pools that were opened since the store was: a reopened store takes nothing from others.
    opened: HashSet<PoolId>,
}

impl WriterThread {
    fn run(&mut self, inbox: &Receiver<Job>) {
        let mut stopped = None;
        while stopped.is_none() {
            match self.receive(inbox) {
                Ok(job) => stopped = self.work(job, inbox),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.measure_if_due();
        }
        // The store closes before the caller hears of it.
        self.store = Box::new(leasehold_store::MemoryStore::new());
        drop(stopped);
    }

    /// The next job. Where one commit follows the other it is waited for awake.
    fn receive(&self, inbox: &Receiver<Job>) -> Result<Job, RecvTimeoutError> {
        while self.pace.is_worth_staying_awake(self.clock.elapsed()) {
            if let Ok(job) = inbox.try_recv() {
                return Ok(job);
            }
            thread::yield_now();
        }
        inbox.recv_timeout(MEASURE_EVERY)
    }

    /// Idle or busy: the free-space reserve must be noticed while much is written, too.
    fn measure_if_due(&mut self) {
        let now = self.clock.now();
        if now.since(self.measured_at) >= MEASURE_EVERY {
            self.measured_at = now;
            self.measure();
        }
    }

    fn measure(&self) {
        // An engine that cannot even be measured fails its next commit.
        if let Ok(stats) = caught(|| Ok(self.store.stats())) {
            self.gauge.measured(&stats);
        }
    }

    /// Does a job, and with a commit all others that wait.
    fn work(&mut self, job: Job, inbox: &Receiver<Job>) -> Option<oneshot::Sender<()>> {
        let mut commits = Vec::new();
        let mut next = Some(job);
        while let Some(job) = next {
            match job {
                Job::Commit(commit) => commits.push(commit),
                Job::Pools(reply) => _ = reply.send(self.store.pools()),
                Job::Open(name, reply) => {
                    self.commit(std::mem::take(&mut commits));
                    // A pool that no longer waits opens again when it does.
                    _ = reply.send(self.open(&name));
                }
                Job::Stop(reply) => {
                    self.commit(commits);
                    return Some(reply);
                }
            }
            next = self.next_job(&commits, inbox);
        }
        self.commit(commits);
        None
    }

    /// What waits, or comes while it is worth waiting for.
    fn next_job(&self, commits: &[Commit], inbox: &Receiver<Job>) -> Option<Job> {
        loop {
            if let Ok(job) = inbox.try_recv() {
                return Some(job);
            }
            let gathered = commits.iter().map(|commit| commit.slot.replies()).sum();
            let now = self.clock.elapsed();
            if commits.is_empty() || !self.pace.is_worth_waiting(now, gathered) {
                return None;
            }
            thread::yield_now();
        }
    }

    fn open(&mut self, name: &PoolName) -> Result<OpenedPool, StoreError> {
        if self.has_failed {
            tracing::info!("reopening the store after an error");
            self.opened.clear();
            caught(|| self.store.reopen())?;
            self.has_failed = false;
        }
        let opened = caught(|| self.store.open_pool(name))?;
        self.opened.insert(opened.id);
        Ok(opened)
    }

    fn commit(&mut self, commits: Vec<Commit>) {
        if commits.is_empty() {
            return;
        }
        let began_at = self.clock.elapsed();
        let (mut batches, mut waiting, mut replies) = (Vec::new(), Vec::new(), 0);
        for Commit { slot, done } in commits {
            let Some(load) = slot.take() else { continue };
            if !self.opened.contains(&load.batch.pool) {
                done(Err("the store was opened again since".to_owned()));
                continue;
            }
            replies += load.replies;
            waiting.push((load.batch.pool, load.reads, done));
            if !load.batch.changes.is_empty() {
                batches.push(load.batch);
            }
        }
        self.pace.begins(began_at, replies);
        let written = self.write(&batches);
        for (pool, reads, done) in waiting {
            done(written.clone().and_then(|()| self.read(pool, reads)));
        }
        let ended_at = self.clock.elapsed();
        let took = ended_at.saturating_sub(began_at);
        self.pace.ended(ended_at, took, replies);
    }

    fn read(&self, pool: PoolId, wanted: Vec<(TaskId, Blob)>) -> Result<Blobs, String> {
        let read = caught(|| self.store.blobs(pool, &wanted)).map_err(|error| error.to_string())?;
        let kept = |(what, blob): (_, Option<_>)| Some((what, blob?));
        Ok(wanted.into_iter().zip(read).filter_map(kept).collect())
    }

    fn write(&mut self, batches: &[PoolBatch]) -> Result<(), String> {
        if self.has_failed {
            return Err(StoreError::Poisoned.to_string());
        }
        if batches.is_empty() {
            return Ok(());
        }
        match caught(|| self.store.commit(batches)) {
            Ok(()) => {
                let changes: usize = batches.iter().map(|batch| batch.changes.len()).sum();
                self.gauge.committed(changes as u64);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a commit failed; pools are restored from the store");
                self.has_failed = true;
                self.measure();
                Err(error.to_string())
            }
        }
    }
}

/// An engine that panics has failed, and the thread goes on.
fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(StoreError::Io {
            action: "go on after a panic in the engine",
            source: std::io::Error::other(panic_text(panic.as_ref()).to_owned()),
        })
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
