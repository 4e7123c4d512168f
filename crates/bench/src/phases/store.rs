//! The store engines alone, against the barest log there is on the same disk: what of the disk's
//! speed an engine leaves.

use std::{collections::VecDeque, path::Path};

use leasehold_core::{Change, Epoch, PoolId, TaskId, Timestamp};
use leasehold_store::{
    LogEngine, LogOptions, LogStore, PoolBatch, Store, StoreError, conformance::sample,
};

use crate::{
    BenchError,
    book::{Book, Unit},
    lane::noise,
    limits::{BareLog, Syncs},
    options::Options,
};

/// The phase's name.
pub(crate) const PHASE: &str = "store";

/// Changes a commit.
const BATCHES: [usize; 4] = [1, 16, 128, 1024];

/// Tasks that stand while it is measured.
const STANDING: usize = 10_000;

/// Bytes that a bare log would write for the three changes of a task's life beside its payload:
/// the state twice and an end, each with an id, a length and a checksum.
const BARE_BYTES: usize = 64 + 64 + 24;

/// What opens an engine.
type Open = fn(&Path) -> Result<Box<dyn Engine>, StoreError>;

/// Every engine that keeps anything on disk.
const ENGINES: [(&str, Open); 2] = [
    (LogEngine::Sled.name(), |at| open(at, LogEngine::Sled)),
    (LogEngine::Fjall.name(), |at| open(at, LogEngine::Fjall)),
];

fn open(folder: &Path, engine: LogEngine) -> Result<Box<dyn Engine>, StoreError> {
    let options = LogOptions {
        engine,
        ..LogOptions::default()
    };
    Ok(Box::new(LogStore::open(folder, options)?))
}

/// What the engines are compared with.
const BARE: &str = "bare log";

/// The engines' names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ENGINES.iter().map(|(name, _)| *name)
}

/// A store behind a pointer.
trait Engine: Send {
    fn open_pool(&mut self) -> Result<(PoolId, Epoch), BenchError>;
    fn commit(&mut self, batch: PoolBatch) -> Result<(), StoreError>;
    /// On disk, and live.
    fn bytes(&self) -> (u64, u64);
}

impl<S: Store> Engine for S {
    fn open_pool(&mut self) -> Result<(PoolId, Epoch), BenchError> {
        let name = "load".parse();
        let name = name.map_err(|error| BenchError::failed("name a pool", error))?;
        let opened = Store::open_pool(self, &name).map_err(failed)?;
        Ok((opened.id, opened.epoch))
    }

    fn commit(&mut self, batch: PoolBatch) -> Result<(), StoreError> {
        Store::commit(self, &[batch])
    }

    fn bytes(&self) -> (u64, u64) {
        let stats = self.stats();
        (stats.disk_bytes, stats.live_bytes)
    }
}

fn failed(error: StoreError) -> BenchError {
    BenchError::failed("use the store", error)
}

/// Pieces into which the time is cut, so that what else the disk does meets all alike.
const TURNS: u32 = 8;

/// Each engine and the bare log in turn, at each size of a commit.
pub(crate) async fn run(options: &Options, book: &mut Book) -> Result<(), BenchError> {
    let of_options = options.clone();
    let measured = tokio::task::spawn_blocking(move || measure_all(&of_options)).await;
    for of in measured.map_err(|error| BenchError::failed("measure the store", error))?? {
        let case = format!("{} a commit", of.batch);
        let mut note = |name, unit, value| book.note(PHASE, &case, of.name, name, unit, value);
        note("changes", Unit::PerSecond, of.rate());
        note("commit p50", Unit::Micros, of.syncs.quantile(0.5));
        note("commit p99", Unit::Micros, of.syncs.quantile(0.99));
        if let Some((rate, p50)) = of.ceiling {
            let share = of.rate() * 100.0 / rate;
            note("of the bare log", Unit::Percent, share);
            // Stalls of a disk that others use, too, meet whom they will; the median passes them.
            let share = p50 * 100.0 / of.syncs.quantile(0.5);
            note("by the p50", Unit::Percent, share);
        }
        if let Some((disk, live)) = of.bytes {
            note("disk", Unit::Bytes, disk as f64);
            note("live", Unit::Bytes, live as f64);
        }
    }
    Ok(())
}

/// One engine, or the bare log, at one size.
struct Measured {
    name: &'static str,
    batch: usize,
    syncs: Syncs,
    /// Changes a second and the median of the bare log, in turn with it.
    ceiling: Option<(f64, f64)>,
    /// On disk, and live.
    bytes: Option<(u64, u64)>,
}

impl Measured {
    fn new(name: &'static str, batch: usize, options: &Options) -> Result<Self, BenchError> {
        Ok(Self {
            name,
            batch,
            syncs: Syncs::new(options.over.clone())?,
            ceiling: None,
            bytes: None,
        })
    }

    /// Changes a second.
    fn rate(&self) -> f64 {
        self.syncs.rate() * self.batch as f64
    }
}

fn measure_all(options: &Options) -> Result<Vec<Measured>, BenchError> {
    let begin = |(name, open)| {
        let load = Load::begin(&options.folder, open, options.payload_bytes)?;
        Ok((name, load))
    };
    let mut loads: Vec<(&str, Load)> = ENGINES
        .into_iter()
        .map(begin)
        .collect::<Result<_, BenchError>>()?;
    let mut log = BareLog::make(&options.folder)?;
    let mut all = Vec::new();
    for batch in BATCHES {
        all.extend(measure(options, batch, &mut log, &mut loads)?);
    }
    Ok(all)
}

fn measure(
    options: &Options,
    batch: usize,
    log: &mut BareLog,
    loads: &mut [(&'static str, Load)],
) -> Result<Vec<Measured>, BenchError> {
    let during = options.seconds / 2 / TURNS;
    let bytes = batch * (options.payload_bytes + BARE_BYTES) / 3;
    let mut bare = Measured::new(BARE, batch, options)?;
    let mut engines = Vec::new();
    for (name, _) in &*loads {
        engines.push(Measured::new(name, batch, options)?);
    }
    for _ in 0..TURNS {
        log.measure(bytes, during, &mut bare.syncs)?;
        for ((_, load), measured) in loads.iter_mut().zip(&mut engines) {
            measured.syncs.time(during, || load.step(batch))?;
        }
    }
    for ((_, load), measured) in loads.iter().zip(&mut engines) {
        measured.ceiling = Some((bare.rate(), bare.syncs.quantile(0.5)));
        measured.bytes = Some(load.engine.bytes());
    }
    Ok([bare].into_iter().chain(engines).collect())
}

/// An engine, and what is done to it: a third each is enqueued, claimed and forgotten, the oldest
/// first.
struct Load {
    engine: Box<dyn Engine>,
    pool: PoolId,
    epoch: Epoch,
    payload: Vec<u8>,
    next: u128,
    waiting: VecDeque<TaskId>,
    claimed: VecDeque<TaskId>,
    turn: u64,
    /// Removed at the end, after the engine is closed.
    _folder: tempfile::TempDir,
}

impl Load {
    fn begin(folder: &Path, open: Open, payload: usize) -> Result<Self, BenchError> {
        let mut builder = tempfile::Builder::new();
        let folder = builder.prefix("leasehold-bench-").tempdir_in(folder);
        let folder = folder.map_err(BenchError::io("make a folder for a store"))?;
        let mut engine = open(&folder.path().join("data")).map_err(failed)?;
        let (pool, epoch) = engine.open_pool()?;
        let mut load = Self {
            engine,
            pool,
            epoch,
            payload: noise(payload, 1),
            next: 1,
            waiting: VecDeque::new(),
            claimed: VecDeque::new(),
            turn: 0,
            _folder: folder,
        };
        while load.waiting.len() < STANDING {
            let changes = (0..1024).map(|_| load.enqueue()).collect();
            load.commit(changes)?;
        }
        Ok(load)
    }

    /// Commits so many changes.
    fn step(&mut self, batch: usize) -> Result<(), BenchError> {
        let changes = (0..batch).filter_map(|_| self.change()).collect();
        self.commit(changes)
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
        sample::enqueued(id, &self.payload)
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), BenchError> {
        let batch = PoolBatch {
            pool: self.pool,
            epoch: self.epoch,
            at: Timestamp::from_millis(1),
            changes,
        };
        self.engine.commit(batch).map_err(failed)
    }
}
