//! The hot paths of the store in a folder. Only the thread that calls it is counted: an engine's
//! own threads work when they like.
//!
//! The engine is fjall, though sled is the default: a commit makes sled's threads and the caller
//! take work from each other, so that its count varies by 5 to 8 % where fjall's does not. What is
//! above the engine is the same.

use std::{collections::VecDeque, hint::black_box, process::ExitCode};

use leasehold_core::{Change, Epoch, PoolId, PoolName, TaskId, Timestamp};
use leasehold_count::{HotPath, Run};
use leasehold_store::{
    Blob, LogEngine, LogOptions, LogStore, PoolBatch, Store, conformance::sample,
};
use tempfile::TempDir;

const PATHS: [HotPath; 4] = [
    HotPath::new("commit-1", 200, || commit(200, 1)),
    HotPath::new("commit-128", 30 * 128, || commit(30, 128)),
    HotPath::new("load-40k", LOADED as u64, load),
    HotPath::new("payload", 2000, read_payloads),
];

/// So many that they outweigh what opening takes in any case: fjall's journal of 64 MiB is looked over,
/// be there ever so little in it.
const LOADED: usize = 40_000;

fn main() -> ExitCode {
    leasehold_count::main("store", &PATHS)
}

fn commit(commits: usize, changes: usize) -> Run {
    let mut home = Home::new(2000);
    let mut batches: VecDeque<_> = (0..commits).map(|_| home.batch(changes)).collect();
    Box::new(move || {
        while let Some(batch) = batches.pop_front() {
            home.commit(batch);
        }
    })
}

fn load() -> Run {
    let mut home = Home::new(LOADED);
    Box::new(move || {
        assert_eq!(home.reload(), LOADED);
    })
}

fn read_payloads() -> Run {
    let home = Home::new(2000);
    Box::new(move || home.read_payloads())
}

/// A store with tasks that wait and tasks that are claimed.
struct Home {
    store: LogStore,
    pool: PoolId,
    epoch: Epoch,
    waiting: VecDeque<TaskId>,
    claimed: VecDeque<TaskId>,
    tasks: u128,
    turn: u64,
    /// Removed when it is dropped, so after the store.
    _folder: TempDir,
}

impl Home {
    fn new(standing: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = LogOptions {
            engine: LogEngine::Fjall,
            ..LogOptions::default()
        };
        let opened = LogStore::open(&folder.path().join("data"), options);
        let mut store = opened.expect("the store opens");
        let opened = store.open_pool(&pool()).expect("the pool opens");
        let mut home = Self {
            store,
            pool: opened.id,
            epoch: opened.epoch,
            waiting: VecDeque::new(),
            claimed: VecDeque::new(),
            tasks: 0,
            turn: 0,
            _folder: folder,
        };
        for at in (0..standing).step_by(1000) {
            let changes = (at..standing.min(at + 1000)).map(|_| home.enqueue());
            let changes = changes.collect();
            home.commit(changes);
        }
        home
    }

    /// What a restart does. Gives back how many tasks there are.
    fn reload(&mut self) -> usize {
        self.store.reopen().expect("the store opens again");
        let opened = self.store.open_pool(&pool()).expect("the pool opens");
        black_box(opened).tasks.len()
    }

    fn read_payloads(&self) {
        for task in &self.waiting {
            let payload = self.store.blob(self.pool, *task, Blob::Payload);
            let payload = payload.expect("the store can be read");
            assert!(black_box(payload).is_some());
        }
    }

    fn commit(&mut self, changes: Vec<Change>) {
        let batch = PoolBatch {
            pool: self.pool,
            epoch: self.epoch,
            at: Timestamp::from_millis(1_700_000_000_000),
            changes,
        };
        self.store.commit(&[batch]).expect("the commit is durable");
    }

    fn batch(&mut self, changes: usize) -> Vec<Change> {
        (0..changes).map(|_| self.change()).collect()
    }

    /// A third each is enqueued, claimed and forgotten, the oldest first.
    fn change(&mut self) -> Change {
        self.turn += 1;
        match self.turn % 3 {
            1 => self.enqueue(),
            2 => {
                let task = self.waiting.pop_front().expect("a task waits");
                self.claimed.push_back(task);
                sample::claimed(task)
            }
            _ => Change::Forget(self.claimed.pop_front().expect("a task is claimed")),
        }
    }

    fn enqueue(&mut self) -> Change {
        self.tasks += 1;
        let task = TaskId::from_u128((self.tasks << 64) | 0xfeed);
        self.waiting.push_back(task);
        sample::enqueued(task, &[b'p'; 256])
    }
}

fn pool() -> PoolName {
    "mail".parse().expect("it is a name")
}
