//! How many changes a second the store makes durable:
//! `cargo run --release -p leasehold-store --example throughput [folder] [standing tasks] [engine]`.
//!
//! A third each is enqueued (with 256 bytes of payload), claimed and forgotten, the oldest first.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{
    collections::VecDeque,
    env,
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use leasehold_core::{Change, Epoch, PoolId, TaskId, Timestamp};
use leasehold_store::{LogEngine, LogOptions, LogStore, PoolBatch, Store, conformance::sample};

const WINDOW: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments
        .next()
        .unwrap_or_else(|| "/tmp/leasehold-throughput".to_owned());
    let standing = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let name = arguments.next().unwrap_or_else(|| "sled".to_owned());
    let engine = LogEngine::ALL
        .into_iter()
        .find(|engine| engine.name() == name);
    let options = LogOptions {
        engine: engine.ok_or("no such engine")?,
        ..LogOptions::default()
    };
    let mut store = LogStore::open(Path::new(&folder), options)?;
    let mut load = Load::begin(&mut store, standing)?;
    for batch in [1, 16, 128, 1024] {
        let (rate, millis) = load.measure(&mut store, batch)?;
        let disk = store.stats().disk_bytes / 1_000_000;
        let live = store.stats().live_bytes / 1_000_000;
        println!(
            "{batch:5} a batch: {rate:8.0} changes/s, {millis:.3} ms a commit, {disk} MB on disk, {live} MB live"
        );
    }
    Ok(())
}

struct Load {
    pool: PoolId,
    epoch: Epoch,
    next: u128,
    waiting: VecDeque<TaskId>,
    claimed: VecDeque<TaskId>,
    turn: u64,
}

impl Load {
    fn begin(store: &mut LogStore, standing: usize) -> Result<Self, Box<dyn Error>> {
        let opened = store.open_pool(&"load".parse()?)?;
        let mut waiting: Vec<_> = opened.tasks.iter().map(|task| task.id).collect();
        waiting.sort_unstable();
        let next = waiting.last().map_or(1, |id| id.as_u128() + 1);
        let (claimed, waiting) = (VecDeque::new(), waiting.into());
        let mut load = Self {
            pool: opened.id,
            epoch: opened.epoch,
            next,
            waiting,
            claimed,
            turn: 0,
        };
        while load.waiting.len() < standing {
            let changes = (0..1024).map(|_| load.enqueue()).collect();
            load.commit(store, changes)?;
        }
        Ok(load)
    }

    fn measure(
        &mut self,
        store: &mut LogStore,
        batch: usize,
    ) -> Result<(f64, f64), Box<dyn Error>> {
        let (start, mut commits) = (Instant::now(), 0_u32);
        while start.elapsed() < WINDOW {
            let changes = (0..batch).filter_map(|_| self.change()).collect();
            self.commit(store, changes)?;
            commits += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        let changes = f64::from(commits) * batch as f64;
        Ok((changes / seconds, seconds * 1000.0 / f64::from(commits)))
    }

    fn change(&mut self) -> Option<Change> {
        self.turn += 1;
        match self.turn % 3 {
            0 => Some(self.enqueue()),
            1 => {
                let id = self.waiting.pop_front()?;
                self.claimed.push_back(id);
                Some(sample::claimed(id))
            }
            _ => self.claimed.pop_front().map(Change::Forget),
        }
    }

    fn enqueue(&mut self) -> Change {
        let id = TaskId::from_u128(self.next);
        self.next += 1;
        self.waiting.push_back(id);
        sample::enqueued(id, &[b'p'; 256])
    }

    fn commit(&self, store: &mut LogStore, changes: Vec<Change>) -> Result<(), Box<dyn Error>> {
        let at = Timestamp::from_millis(1);
        let batch = PoolBatch {
            pool: self.pool,
            epoch: self.epoch,
            at,
            changes,
        };
        Ok(store.commit(&[batch])?)
    }
}
