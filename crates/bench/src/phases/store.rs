//! The store engines alone, against the barest log there is on the same disk: what of the disk's
//! speed an engine leaves.

use std::{collections::VecDeque, path::Path, time::Duration};

use leasehold_core::{Change, Epoch, PoolId, TaskId, Timestamp};
use leasehold_store::{PoolBatch, SledOptions, SledStore, Store, StoreError, conformance::sample};

use crate::{
    BenchError, Stamp,
    book::{Book, Unit},
    limits::{self, BareLog},
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
const ENGINES: [(&str, Open); 1] = [("sled", |folder| {
    Ok(Box::new(SledStore::open(folder, SledOptions::default())?))
})];

/// A store behind a pointer.
trait Engine: Send {
    fn open_pool(&mut self) -> Result<(PoolId, Epoch), BenchError>;
    fn commit(&mut self, batch: PoolBatch) -> Result<(), StoreError>;
    fn disk_bytes(&self) -> u64;
    fn live_bytes(&self) -> u64;
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

    fn disk_bytes(&self) -> u64 {
        self.stats().disk_bytes
    }

    fn live_bytes(&self) -> u64 {
        self.stats().live_bytes
    }
}

fn failed(error: StoreError) -> BenchError {
    BenchError::failed("use the store", error)
}

/// Each engine and the bare log in turn, at each size of a commit.
pub(crate) async fn run(options: &Options, book: &mut Book) -> Result<(), BenchError> {
    let (folder, payload, during) = (
        options.folder.clone(),
        options.payload_bytes,
        options.seconds / 2,
    );
    let measured = tokio::task::spawn_blocking(move || measure_all(&folder, payload, during));
    let measured = measured.await;
    for of in measured.map_err(|error| BenchError::failed("measure the store", error))?? {
        let case = format!("{} a commit", of.batch);
        let mut note = |name, unit, value| book.note(PHASE, &case, of.name, name, unit, value);
        note("changes", Unit::PerSecond, of.rate);
        note("commit p50", Unit::Micros, of.p50);
        note("commit p99", Unit::Micros, of.p99);
        if let Some(share) = of.share {
            note("of the bare log", Unit::Percent, share);
        }
        if of.disk_bytes > 0 {
            note("disk", Unit::Bytes, of.disk_bytes as f64);
            note("live", Unit::Bytes, of.live_bytes as f64);
        }
    }
    Ok(())
}

/// One engine at one size.
struct Measured {
    name: &'static str,
    batch: usize,
    rate: f64,
    p50: f64,
    p99: f64,
    share: Option<f64>,
    disk_bytes: u64,
    live_bytes: u64,
}

fn measure_all(
    folder: &Path,
    payload: usize,
    during: Duration,
) -> Result<Vec<Measured>, BenchError> {
    let mut loads = Vec::new();
    for (name, open) in ENGINES {
        loads.push((name, Load::begin(folder, open, payload)?));
    }
    let mut all = Vec::new();
    for batch in BATCHES {
        let bare = bare(folder, batch, payload, during)?;
        let ceiling = bare.rate;
        all.push(bare);
        for (name, load) in &mut loads {
            let mut measured = load.measure(name, batch, during)?;
            measured.share = Some(measured.rate * 100.0 / ceiling);
            all.push(measured);
        }
    }
    Ok(all)
}

fn bare(
    folder: &Path,
    batch: usize,
    payload: usize,
    during: Duration,
) -> Result<Measured, BenchError> {
    let bytes = batch * (payload + BARE_BYTES) / 3;
    let syncs = BareLog::make(folder)?.measure(bytes, during)?;
    let micros = |quantile| syncs.took.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Measured {
        name: limits::MACHINE,
        batch,
        rate: syncs.took.len() as f64 * batch as f64 / syncs.seconds,
        p50: micros(0.5),
        p99: micros(0.99),
        share: None,
        disk_bytes: 0,
        live_bytes: 0,
    })
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
            payload: crate::lane::noise(payload, 1),
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

    fn measure(
        &mut self,
        name: &'static str,
        batch: usize,
        during: Duration,
    ) -> Result<Measured, BenchError> {
        let mut took = limits::histogram()?;
        let (began, mut before) = (Stamp::now(), Stamp::now());
        let ends = began.after(during);
        while before < ends {
            let changes = (0..batch).filter_map(|_| self.change()).collect();
            self.commit(changes)?;
            let now = Stamp::now();
            took.saturating_record(now.since(before));
            before = now;
        }
        let seconds = before.since(began) as f64 / 1e9;
        let micros = |quantile| took.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Measured {
            name,
            batch,
            rate: took.len() as f64 * batch as f64 / seconds,
            p50: micros(0.5),
            p99: micros(0.99),
            share: None,
            disk_bytes: self.engine.disk_bytes(),
            live_bytes: self.engine.live_bytes(),
        })
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
