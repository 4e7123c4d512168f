//! How many changes a second the store makes durable, and how many bytes a second the same disk
//! takes without any store:
//! `cargo run --release -p leasehold-store --example throughput [folder] [standing tasks] [engine]`.
//!
//! A third each is enqueued (with 256 bytes of payload), claimed and forgotten, the oldest first.
//! The *bare* log is what nothing durable can beat: as many bytes are written to the end of a file
//! whose blocks are there already, and synced with `fdatasync`, by one thread. Both take turns in
//! short windows, so that what else the machine does hits both; the ratio, the middle one of all
//! windows, is what to quote.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{
    collections::VecDeque,
    env,
    error::Error,
    fmt,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use leasehold_core::{Change, Epoch, PoolId, Task, TaskId, Timestamp};
use leasehold_store::{LogEngine, LogOptions, LogStore, PoolBatch, Store, conformance::sample};

const WINDOW: Duration = Duration::from_millis(250);
const WINDOWS: u32 = 16;

const PAYLOAD: [u8; 256] = [b'p'; 256];
const BARE_BYTES: usize = 64 * 1024 * 1024;

/// What an entry has before its own bytes, and a commit before its entries.
const ENTRY_HEAD_BYTES: usize = 21;
const COMMIT_HEAD_BYTES: usize = 25;

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
    let bytes = change_bytes(&mut store)?;
    let mut load = Load::begin(&mut store, standing)?;
    let mut bare = Bare::make(&Path::new(&folder).join("bare"))?;
    println!("changes have {bytes} bytes each in the middle");
    println!("   batch |    store/s   p50 us   p99 us |     bare/s   p50 us   p99 us | ratio");
    let batches: Vec<usize> = match arguments.next() {
        Some(text) => vec![text.parse()?],
        None => vec![1, 16, 128, 1024],
    };
    for batch in batches {
        let len = COMMIT_HEAD_BYTES + batch * bytes;
        let (mut stored, mut written) = (Times::default(), Times::default());
        let mut ratios = Vec::new();
        for _ in 0..WINDOWS {
            let here = stored.fill(|| load.next(batch), |batch| Ok(store.commit(&[batch])?))?;
            let there = written.fill(|| (), |()| Ok(bare.append(len)?))?;
            ratios.push(here / there);
        }
        ratios.sort_by(f64::total_cmp);
        let (here, there) = (stored.per_second(batch), written.per_second(batch));
        println!(
            "{batch:8} | {here:10.0} {stored} | {there:10.0} {written} | {:.3}",
            ratios[ratios.len() / 2]
        );
    }
    let stats = store.stats();
    println!(
        "{} MB on disk, {} MB live",
        stats.disk_bytes / 1_000_000,
        stats.live_bytes / 1_000_000
    );
    Ok(())
}

/// What an enqueue, a claim and a forgetting have in the log, in the middle.
fn change_bytes(store: &mut LogStore) -> Result<usize, Box<dyn Error>> {
    let load = Load::open(store, "scale")?;
    let empty = store.stats().live_bytes;
    let (one, other) = (TaskId::from_u128(1), TaskId::from_u128(2));
    let both = vec![sample::enqueued(one, &PAYLOAD), sample::claimed(other)];
    store.commit(&[load.batch(both)])?;
    let both = usize::try_from(store.stats().live_bytes - empty)?;
    store.commit(&[load.batch(vec![Change::Forget(one), Change::Forget(other)])])?;
    Ok((both + ENTRY_HEAD_BYTES) / 3)
}

/// What a hub would commit.
struct Load {
    pool: PoolId,
    epoch: Epoch,
    next: u128,
    waiting: VecDeque<TaskId>,
    claimed: VecDeque<TaskId>,
    turn: u64,
}

impl Load {
    fn open(store: &mut LogStore, pool: &str) -> Result<Self, Box<dyn Error>> {
        let opened = store.open_pool(&pool.parse()?)?;
        let ids = |tasks: &mut dyn Iterator<Item = Task>| tasks.map(|task| task.id).collect();
        let mut waiting: Vec<_> = opened.tasks.read(ids)?;
        waiting.sort_unstable();
        Ok(Self {
            pool: opened.id,
            epoch: opened.epoch,
            next: waiting.last().map_or(1, |id| id.as_u128() + 1),
            waiting: waiting.into(),
            claimed: VecDeque::new(),
            turn: 0,
        })
    }

    fn begin(store: &mut LogStore, standing: usize) -> Result<Self, Box<dyn Error>> {
        let mut load = Self::open(store, "load")?;
        while load.waiting.len() < standing {
            let changes = (0..1024).map(|_| load.enqueue()).collect();
            store.commit(&[load.batch(changes)])?;
        }
        Ok(load)
    }

    fn next(&mut self, batch: usize) -> PoolBatch {
        let changes = (0..batch).filter_map(|_| self.change()).collect();
        self.batch(changes)
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
        sample::enqueued(id, &PAYLOAD)
    }

    fn batch(&self, changes: Vec<Change>) -> PoolBatch {
        PoolBatch {
            pool: self.pool,
            epoch: self.epoch,
            at: Timestamp::from_millis(1),
            changes,
        }
    }
}

/// A file that is written from the beginning to the end, and then again.
struct Bare {
    file: File,
    bytes: Vec<u8>,
    at: usize,
}

impl Bare {
    fn make(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        file.write_all(&vec![0; BARE_BYTES])?;
        file.sync_all()?;
        let bytes = (0..1024 * 1024_u32).map(|n| n.to_le_bytes()[0]).collect();
        Ok(Self { file, bytes, at: 0 })
    }

    fn append(&mut self, len: usize) -> io::Result<()> {
        if self.at + len > BARE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(&self.bytes[..len], self.at as u64)?;
        self.at += len;
        self.file.sync_data()
    }
}

/// How long each commit took.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    /// Commits for the length of a window, and returns how many a second. Only the commits are timed.
    fn fill<T>(
        &mut self,
        mut prepare: impl FnMut() -> T,
        mut commit: impl FnMut(T) -> Result<(), Box<dyn Error>>,
    ) -> Result<f64, Box<dyn Error>> {
        let (mut spent, before) = (Duration::ZERO, self.0.len());
        while spent < WINDOW {
            let prepared = prepare();
            let start = Instant::now();
            commit(prepared)?;
            self.0.push(start.elapsed());
            spent += start.elapsed();
        }
        Ok((self.0.len() - before) as f64 / spent.as_secs_f64())
    }

    fn per_second(&self, batch: usize) -> f64 {
        let total: Duration = self.0.iter().sum();
        (self.0.len() * batch) as f64 / total.as_secs_f64()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6;
        write!(f, "{:8.0} {:8.0}", at(50), at(99))
    }
}
