//! What a store has on disk while tasks come and go, one in a hundred of which stays long:
//! `cargo run --release -p leasehold-store --example churn [folder] [standing] [thousand tasks]`.
//!
//! Each task has a payload of 256 bytes, is enqueued, claimed and forgotten, the oldest first, by
//! commits of 128 changes. One in a hundred stands a hundred times as long as the others.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::{collections::VecDeque, env, error::Error, path::Path};

use leasehold_core::{Change, TaskId, Timestamp};
use leasehold_store::{LogOptions, LogStore, PoolBatch, Store, conformance::sample};

/// Of each: enqueued, claimed, forgotten.
const TURN: usize = 43;

/// One in so many stays so many times as long.
const LONG: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments
        .next()
        .unwrap_or_else(|| "/tmp/leasehold-churn".to_owned());
    let standing: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let thousands: usize = arguments.next().map_or(Ok(5_000), |text| text.parse())?;
    let mut store = LogStore::open(Path::new(&folder), LogOptions::default())?;
    let pool = store.open_pool(&"churn".parse()?)?;
    let commit = |store: &mut LogStore, changes| {
        let (pool, epoch, at) = (pool.id, pool.epoch, Timestamp::from_millis(1));
        store.commit(&[PoolBatch {
            pool,
            epoch,
            at,
            changes,
        }])
    };
    let (mut short, mut long) = (VecDeque::new(), VecDeque::new());
    let (mut next, report) = (0, (thousands * 100).next_multiple_of(TURN));
    while next < thousands * 1000 {
        let mut changes = Vec::new();
        for _ in 0..TURN {
            let id = TaskId::from_u128(next as u128 + 1);
            changes.push(sample::enqueued(id, &[b'p'; 256]));
            if next % LONG == 0 {
                long.push_back(id)
            } else {
                short.push_back(id)
            }
            next += 1;
        }
        let ended = ends(&mut short, standing / 2).chain(ends(&mut long, standing / 2));
        for id in ended.collect::<Vec<_>>() {
            changes.extend([sample::claimed(id), Change::Forget(id)]);
        }
        commit(&mut store, changes)?;
        if next % report == 0 {
            print(&store, next, short.len() + long.len());
        }
    }
    while let Some(id) = short.pop_front().or_else(|| long.pop_front()) {
        commit(&mut store, vec![sample::claimed(id), Change::Forget(id)])?;
    }
    print(&store, next, 0);
    drop(store);
    print(
        &LogStore::open(Path::new(&folder), LogOptions::default())?,
        next,
        0,
    );
    Ok(())
}

fn ends(standing: &mut VecDeque<TaskId>, most: usize) -> impl Iterator<Item = TaskId> {
    let over = standing.len().saturating_sub(most);
    standing.drain(..over)
}

fn print(store: &LogStore, tasks: usize, standing: usize) {
    let stats = store.stats();
    println!(
        "{tasks:10} tasks so far, {standing:8} standing: {:6.1} MB on disk, {:6.1} MB live, {:.2} times",
        stats.disk_bytes as f64 / 1e6,
        stats.live_bytes as f64 / 1e6,
        stats.disk_bytes as f64 / stats.live_bytes as f64
    );
}
