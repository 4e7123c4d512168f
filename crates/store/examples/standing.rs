//! What a store with many standing tasks costs: memory for each, the time to open it after a kill,
//! and reading payloads back in the order in which tasks were put in:
//! `cargo run --release -p leasehold-store --example standing [folder] [tasks] [changes a commit]`.
//!
//! Memory is resident pages of the process, less what it had before the first task; the engine's
//! cache and its own figures are in it. The kill is `abort`: the program runs itself again.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{env, error::Error, fs, path::Path, process::Command, time::Instant};

use leasehold_core::{TaskId, Timestamp};
use leasehold_store::{Blob, LogOptions, LogStore, PoolBatch, Store, conformance::sample};

const PAYLOAD: [u8; 256] = [b'p'; 256];

/// Payloads that are read at once.
const READ: usize = 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let argument =
        |n: usize, default: &str| arguments.get(n).cloned().unwrap_or(default.to_owned());
    let folder = argument(0, "/tmp/leasehold-standing");
    let (tasks, batch) = (argument(1, "1000000").parse()?, argument(2, "128").parse()?);
    if argument(3, "") == "fill" {
        fill(Path::new(&folder), tasks, batch)?;
        std::process::abort();
    }
    if argument(3, "") == "look" {
        return look(Path::new(&folder));
    }
    let mut child = Command::new(env::current_exe()?);
    child
        .args([&folder, &tasks.to_string(), &batch.to_string(), "fill"])
        .status()?;
    look(Path::new(&folder))
}

fn fill(folder: &Path, tasks: usize, batch: usize) -> Result<(), Box<dyn Error>> {
    let mut store = LogStore::open(folder, LogOptions::default())?;
    let pool = store.open_pool(&"load".parse()?)?;
    let before = resident_bytes()?;
    let ids: Vec<_> = (1..=tasks).map(|n| id(n as u128)).collect();
    let (start, quarter) = (Instant::now(), tasks.div_ceil(4).next_multiple_of(batch));
    let own = resident_bytes()? - before;
    for (n, ids) in ids.chunks(batch).enumerate() {
        store.commit(&[PoolBatch {
            pool: pool.id,
            epoch: pool.epoch,
            at: Timestamp::from_millis(1),
            changes: ids
                .iter()
                .map(|id| sample::enqueued(*id, &PAYLOAD))
                .collect(),
        }])?;
        let standing = n * batch + ids.len();
        if standing.is_multiple_of(quarter) || standing == tasks {
            let bytes = resident_bytes()?.saturating_sub(before + own);
            println!(
                "{standing:10} standing: {:6.1} bytes of memory each",
                bytes as f64 / standing as f64
            );
        }
    }
    let (seconds, stats) = (start.elapsed().as_secs_f64(), store.stats());
    println!(
        "filled in {seconds:.1} s: {} MB on disk, {} MB live",
        stats.disk_bytes / 1_000_000,
        stats.live_bytes / 1_000_000
    );
    Ok(())
}

fn look(folder: &Path) -> Result<(), Box<dyn Error>> {
    let before = resident_bytes()?;
    let start = Instant::now();
    let mut store = LogStore::open(folder, LogOptions::default())?;
    let (opened, opened_cpu) = (start.elapsed(), cpu_seconds()?);
    let found = resident_bytes()?.saturating_sub(before);
    let pool = store.open_pool(&"load".parse()?)?;
    let mut ids = pool
        .tasks
        .read(|tasks| tasks.map(|task| task.id).collect::<Vec<_>>())?;
    println!(
        "opened after a kill in {:.2} s ({opened_cpu:.2} of CPU), its pool {:.2} s later ({:.2}): {} tasks",
        opened.as_secs_f64(),
        (start.elapsed() - opened).as_secs_f64(),
        cpu_seconds()? - opened_cpu,
        ids.len(),
    );
    println!(
        "{:.1} bytes of memory each before their states were read",
        found as f64 / ids.len() as f64
    );
    ids.sort_unstable();
    let wanted: Vec<_> = ids.into_iter().map(|id| (id, Blob::Payload)).collect();
    let pool = leasehold_core::PoolId(1);
    let (start, mut read) = (Instant::now(), 0);
    for wanted in wanted.chunks(READ) {
        read += store.blobs(pool, wanted)?.into_iter().flatten().count();
    }
    println!(
        "{:.0} payloads read a second",
        read as f64 / start.elapsed().as_secs_f64()
    );
    let (start, some) = (Instant::now(), wanted.len().min(20_000));
    for (task, kind) in &wanted[..some] {
        store.blob(pool, *task, *kind)?;
    }
    println!(
        "{:.0} a second if each is read alone",
        some as f64 / start.elapsed().as_secs_f64()
    );
    let after =
        resident_bytes()?.saturating_sub(before + wanted.capacity() * size_of::<(TaskId, Blob)>());
    println!(
        "{:.1} bytes of memory each in the end",
        after as f64 / wanted.len() as f64
    );
    Ok(())
}

/// As a producer draws them: the first half says when.
fn id(n: u128) -> TaskId {
    TaskId::from_u128(n << 70 | n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0xffff_ffff_ffff_ffff)
}

/// Of all threads since the process began. The kernel counts in hundredths.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(") ").next().ok_or("no name")?;
    let ticks = after_name
        .split(' ')
        .skip(11)
        .take(2)
        .map(str::parse::<u32>);
    Ok(f64::from(ticks.sum::<Result<u32, _>>()?) / 100.0)
}

fn resident_bytes() -> Result<usize, Box<dyn Error>> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let resident: usize = pages.split(' ').nth(1).ok_or("no second field")?.parse()?;
    Ok(resident * 4096)
}
