//! How many changes a second the sled store makes durable, and how many bytes a second the same
//! disk takes without any store:
//! `cargo run --release -p leasehold-store --example throughput [folder] [standing tasks] [batch]`.
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
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use leasehold_core::{Change, Epoch, PoolId, Task, TaskId, Timestamp};
use leasehold_store::{LogOptions, LogStore, PoolBatch, Store, conformance::sample};

const WINDOW: Duration = Duration::from_millis(100);
const WINDOWS: u32 = 40;

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
    let mut store = LogStore::open(Path::new(&folder), LogOptions::default())?;
    let bytes = change_bytes(&mut store)?;
    let mut load = Load::begin(&mut store, standing)?;
    let mut bare = Bare::make(&Path::new(&folder).join("bare"))?;
    println!("changes have {bytes} bytes each in the middle, {standing} tasks stand");
    println!(
        "   batch |  store/s    quiet   p50 us   p99 us |   bare/s    quiet   p50 us   p99 us | ratio"
    );
    let batches: Vec<usize> = match arguments.next() {
        Some(text) => vec![text.parse()?],
        None => vec![1, 16, 128, 1024],
    };
    for &batch in &batches {
        let len = COMMIT_HEAD_BYTES + batch * bytes;
        let next = |load: &mut Load| load.next(batch);
        compare(&mut store, &mut load, &mut bare, (batch, len), next)?;
    }
    say(&store);
    println!("only enqueued:");
    let bytes = enqueued_bytes(&mut store)?;
    for batch in batches {
        let len = COMMIT_HEAD_BYTES + batch * bytes;
        let next = |load: &mut Load| {
            let changes = (0..batch).map(|_| load.enqueue()).collect();
            load.batch(changes)
        };
        compare(&mut store, &mut load, &mut bare, (batch, len), next)?;
    }
    say(&store);
    Ok(())
}

/// Takes turns with the bare log.
fn compare(
    store: &mut LogStore,
    load: &mut Load,
    bare: &mut Bare,
    (batch, len): (usize, usize),
    mut next: impl FnMut(&mut Load) -> PoolBatch,
) -> Result<(), Box<dyn Error>> {
    let (mut stored, mut written) = (Times::default(), Times::default());
    for _ in 0..WINDOWS {
        stored.fill(|| next(load), |batch| Ok(store.commit(&[batch])?))?;
        written.fill(|| (), |()| Ok(bare.append(len)?))?;
    }
    let (here, there) = (stored.per_second(batch), written.per_second(batch));
    println!(
        "{batch:8} | {here:8.0} {stored} | {there:8.0} {written} | {:.2}",
        1.0 / stored.ratio(&written)
    );
    Ok(())
}

fn say(store: &LogStore) {
    let stats = store.stats();
    println!(
        "{} MB on disk, {} MB live, {} MB of memory",
        stats.disk_bytes / 1_000_000,
        stats.live_bytes / 1_000_000,
        resident_bytes() / 1_000_000,
    );
}

/// As Linux tells it; 0 elsewhere.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// What an enqueue has in the log.
fn enqueued_bytes(store: &mut LogStore) -> Result<usize, Box<dyn Error>> {
    let load = Load::open(store, "scale")?;
    let before = store.stats().live_bytes;
    let id = TaskId::from_u128(3);
    store.commit(&[load.batch(vec![sample::enqueued(id, &PAYLOAD)])])?;
    let bytes = usize::try_from(store.stats().live_bytes - before)?;
    store.commit(&[load.batch(vec![Change::Forget(id)])])?;
    Ok(bytes)
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

/// How long each commit took, window by window.
#[derive(Default)]
struct Times(Vec<Vec<Duration>>);

impl Times {
    /// Commits for the length of a window; only the commits are timed.
    fn fill<T>(
        &mut self,
        mut prepare: impl FnMut() -> T,
        mut commit: impl FnMut(T) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let (mut left, mut window) = (WINDOW, Vec::new());
        while let Some(rest) = left.checked_sub({
            let prepared = prepare();
            let start = Instant::now();
            commit(prepared)?;
            let took = start.elapsed();
            window.push(took);
            took
        }) {
            left = rest;
        }
        self.0.push(window);
        Ok(())
    }

    fn per_second(&self, batch: usize) -> f64 {
        let all = self.0.concat();
        (all.len() * batch) as f64 / all.iter().sum::<Duration>().as_secs_f64()
    }

    /// How much slower a commit was than the other's in the window beside it: in the middle.
    fn ratio(&self, other: &Self) -> f64 {
        let mean = |window: &Vec<Duration>| {
            window.iter().sum::<Duration>().as_secs_f64() / window.len() as f64
        };
        let pairs = self.0.iter().zip(&other.0);
        let mut ratios: Vec<_> = pairs.map(|(own, other)| mean(own) / mean(other)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }
}

impl fmt::Display for Times {
    /// In the quietest window, in the middle, and at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quietest = self.0.iter().map(|window| at(window.clone(), 50)).min();
        let all = self.0.concat();
        let (middle, end) = (at(all.clone(), 50), at(all, 99));
        for time in [quietest.unwrap_or_default(), middle, end] {
            write!(f, " {:8.0}", time.as_secs_f64() * 1e6)?;
        }
        Ok(())
    }
}

fn at(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}
