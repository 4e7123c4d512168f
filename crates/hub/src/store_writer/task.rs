//! The store's thread as a task, for simulations: one thing after the other on one thread, in time
//! that is made up.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use leasehold_store::Store;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::sleep,
};

use super::{Commit, Job, Jobs, Shared, StoreWriter, writing::Writing};
use crate::{clock::Clock, gauge::Gauge};

impl StoreWriter {
    /// Each commit takes so long by the runtime's clock: it is durable at half of it.
    pub(crate) fn spawn_task(
        store: Box<dyn Store>,
        gauge: Arc<Gauge>,
        clock: Clock,
        commit_takes: Duration,
    ) -> Self {
        let (jobs, inbox) = mpsc::unbounded_channel();
        let writing = Shared(Arc::new(Mutex::new(Writing::new(store, gauge, clock))));
        let task = WriterTask {
            writing: writing.clone(),
            inbox,
            half: commit_takes / 2,
        };
        tokio::spawn(task.run());
        let jobs = Jobs::Task(jobs);
        Self { jobs, writing }
    }
}

struct WriterTask {
    writing: Shared,
    inbox: UnboundedReceiver<Job>,
    half: Duration,
}

impl WriterTask {
    async fn run(mut self) {
        let mut stopped = None;
        while stopped.is_none() {
            let Some(job) = self.inbox.recv().await else {
                break;
            };
            match job {
                Job::Commit(commit) => self.commit(commit).await,
                Job::Pools(reply) => _ = reply.send(self.writing.lock().pools()),
                // A pool that no longer waits opens again when it does.
                Job::Open(name, reply) => _ = reply.send(self.writing.lock().open(&name)),
                Job::ReadAhead(ask) => ask.read(&self.writing),
                Job::Aside(errand) => errand(&mut self.writing.lock()),
                Job::Stop(reply) => stopped = Some(reply),
            }
            self.writing.lock().measure_if_due();
        }
        // The store closes before the caller hears of it.
        self.writing.lock().close();
        drop(stopped);
    }

    async fn commit(&self, Commit { slot, done }: Commit) {
        sleep(self.half).await;
        let Some(load) = slot.take() else { return };
        let mut outcome = None;
        self.writing
            .lock()
            .commit(vec![(load, ())], |(), written| outcome = Some(written));
        sleep(self.half).await;
        if let Some(written) = outcome {
            done(written);
        }
    }
}
