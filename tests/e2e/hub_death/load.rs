//! What goes on while the hub dies: producers and workers, with all that they are told written down.

use leasehold_node::{Endpoint, NewTask, Outcome, Producer, Task, Worker, WorkerEvent};
use tokio::{
    sync::{broadcast, watch},
    task::JoinSet,
};

use super::{
    books::Books,
    support::{hub::Hub, node::tireless, pool, within},
};

/// Enqueues under way at a time.
const PRODUCING: u32 = 24;

/// Of so many tasks one outlasts a death of the hub.
const LONG_EVERY: u32 = 5;

const WORKERS: usize = 2;
const SLOTS: usize = 16;

/// How the hub fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tide {
    /// It runs since so many deaths, and grants leases of this epoch.
    Up { deaths: u32, epoch: u32 },
    /// It is being killed, or comes back.
    Down,
    /// It dies no more.
    Over,
}

impl Tide {
    pub(crate) const fn up(deaths: u32, epoch: u32) -> Self {
        Self::Up { deaths, epoch }
    }
}

pub(crate) struct Load {
    producer: Producer,
    producing: JoinSet<()>,
    stop: watch::Sender<bool>,
    workers: Vec<Worker>,
    writing: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(hub: &Hub, books: &Books, tide: watch::Receiver<Tide>) -> Self {
        let producer = Producer::new(hub.endpoint(), tireless());
        let (stop, stopped) = watch::channel(false);
        let mut producing = JoinSet::new();
        for _ in 0..PRODUCING {
            producing.spawn(produce(producer.clone(), books.clone(), stopped.clone()));
        }
        let mut writing = JoinSet::new();
        let mut start = |_| {
            let long = Long {
                producer: producer.clone(),
                books: books.clone(),
                tide: tide.clone(),
            };
            let (worker, events) = work(hub.endpoint(), long);
            writing.spawn(write(events, books.clone()));
            worker
        };
        let workers = (0..WORKERS).map(&mut start).collect();
        Self {
            producer,
            producing,
            stop,
            workers,
            writing,
        }
    }

    /// Enqueues no more; returns when all that was under way is acknowledged.
    pub(crate) async fn stop_producing(&mut self) -> Producer {
        self.stop.send_replace(true);
        let producing = std::mem::take(&mut self.producing);
        within("the last acknowledgements", producing.join_all()).await;
        self.producer.clone()
    }

    /// Returns when the workers have ended, and all that they were told is in the books.
    pub(crate) async fn drain(self) {
        for worker in self.workers {
            let drained = within("the drain of a worker", worker.drain()).await;
            drained.expect("the hub confirms everything");
        }
        within("the last entries", self.writing.join_all()).await;
    }
}

async fn produce(producer: Producer, books: Books, stopped: watch::Receiver<bool>) {
    let mut count = 0;
    while !*stopped.borrow() {
        count += 1;
        let payload = if count % LONG_EVERY == 0 {
            "long"
        } else {
            "short"
        };
        let enqueued = producer.enqueue(&pool(), NewTask::new(payload)).await;
        books.acknowledged(enqueued.expect("the hub takes it, sooner or later").id);
    }
}

fn work(endpoint: Endpoint, long: Long) -> (Worker, broadcast::Receiver<WorkerEvent>) {
    let builder = Worker::builder(endpoint, tireless())
        .pool(pool())
        .slots(SLOTS)
        .handler(move |task| {
            let long = long.clone();
            async move {
                long.books.began(task.lease);
                if &*task.payload == b"long" {
                    long.run(&task).await;
                }
                Outcome::Complete(Some(task.payload))
            }
        });
    let events = builder.subscribe();
    (builder.start(), events)
}

/// A handler that outlasts a death of the hub.
#[derive(Clone)]
struct Long {
    producer: Producer,
    books: Books,
    tide: watch::Receiver<Tide>,
}

impl Long {
    async fn run(mut self, task: &Task) {
        let began = *self.tide.borrow();
        // A grant does not wait for the disk. But what is acknowledged after it is on disk after
        // it: from then on no death may take the lease.
        let enqueued = self.producer.enqueue(&pool(), NewTask::new("short")).await;
        self.books
            .acknowledged(enqueued.expect("the hub takes it").id);
        let since = *self.tide.borrow();
        let epoch = task.lease.lease.epoch.0;
        if since == began && matches!(since, Tide::Up { epoch: of, .. } if of == epoch) {
            self.books.is_safe(task.lease);
        }
        let passed = |tide: &Tide| match tide {
            Tide::Up { .. } => *tide != began,
            Tide::Down => false,
            Tide::Over => true,
        };
        tokio::select! {
            _ = self.tide.wait_for(passed) => {}
            () = task.cancelled.cancelled() => {}
        }
    }
}

/// Writes down what a worker is told.
async fn write(mut events: broadcast::Receiver<WorkerEvent>, books: Books) {
    loop {
        match events.recv().await {
            Ok(WorkerEvent::Finished {
                proof, accepted, ..
            }) => books.ended(proof, accepted),
            Ok(WorkerEvent::Connected { resumed, .. }) => books.resumed(resumed),
            Ok(WorkerEvent::Started { .. } | WorkerEvent::Disconnected { .. }) => {}
            Ok(refused @ WorkerEvent::Refused { .. }) => panic!("{refused:?}"),
            Err(broadcast::error::RecvError::Closed) => return,
            Err(error @ broadcast::error::RecvError::Lagged(_)) => panic!("{error}"),
        }
    }
}
