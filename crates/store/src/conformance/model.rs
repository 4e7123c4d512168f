//! A store held against the simplest thing that could be one.

use std::collections::BTreeMap;

use bytes::Bytes;
use leasehold_core::{Change, StateKind, Task, TaskId};

use super::{Open, Owner, blobs::bytes, id, sample};
use crate::{Blob, Store};

const POOLS: usize = 20;
const TASKS: usize = 40;
const COMMITS: usize = 1500;

/// Numbers that are the same in each run (splitmix64).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }
}

/// Twenty pools, so that each has little slack and records are carried over all the time.
pub(super) fn random_life(open: Open<'_>) {
    let mut random = Random::new(1);
    let mut store = open();
    let mut world = World::open(&mut *store, Vec::new());
    for number in 0..COMMITS {
        let batches: Vec<_> = (0..=random.below(3))
            .map(|_| world.batch(&mut random))
            .collect();
        store.commit(&batches).expect("it is taken");
        if number % 300 == 299 {
            drop(store);
            store = open();
            world = World::open(&mut *store, world.pools);
            world.check(&*store);
        } else if number % 150 == 149 {
            store.reopen().expect("it reopens");
            world = World::open(&mut *store, world.pools);
        }
    }
    world.check(&*store);
}

/// What is expected of a task: state, payload, result.
type Expected = (Task, [Option<Bytes>; 2]);

#[derive(Debug, Default)]
struct Pool(BTreeMap<TaskId, Expected>);

#[derive(Debug)]
struct World {
    owners: Vec<Owner>,
    pools: Vec<Pool>,
}

impl World {
    fn open(store: &mut dyn Store, mut pools: Vec<Pool>) -> Self {
        pools.resize_with(POOLS, Pool::default);
        let mut owners = Vec::new();
        for (n, pool) in pools.iter().enumerate() {
            let (owner, tasks) = Owner::open(store, &format!("pool-{n}"));
            assert!(
                tasks.iter().eq(pool.0.values().map(|(task, _)| task)),
                "pool {n}"
            );
            owners.push(owner);
        }
        Self { owners, pools }
    }

    fn batch(&mut self, random: &mut Random) -> crate::PoolBatch {
        let pool = random.below(POOLS);
        let changes = (0..random.below(12))
            .map(|_| self.pools[pool].change(random))
            .collect();
        self.owners[pool].batch(1, changes)
    }

    fn check(&self, store: &dyn Store) {
        for (owner, pool) in self.owners.iter().zip(&self.pools) {
            for (task, (_, [payload, result])) in &pool.0 {
                assert_eq!(owner.blob(store, *task, Blob::Payload), *payload, "{task}");
                assert_eq!(owner.blob(store, *task, Blob::Result), *result, "{task}");
            }
        }
    }
}

impl Pool {
    fn change(&mut self, random: &mut Random) -> Change {
        let id = id(random.below(TASKS) as u128);
        let change = match random.below(9) {
            0 | 1 => sample::enqueued(id, &blob(random)),
            6 if self.0.contains_key(&id) => sample::edited(id, &blob(random)),
            2 => sample::completed(id, &blob(random)),
            3 => sample::failed(id, "a reason"),
            4 => sample::extended(id),
            5 => Change::Forget(id),
            _ => sample::claimed(id),
        };
        let mut extras = sample::all_extras();
        extras.retain(|_| random.below(4) == 0);
        let change = match random.below(3) {
            0 => sample::with_extras(change, extras),
            _ => change,
        };
        self.apply(&change);
        change
    }

    fn apply(&mut self, change: &Change) {
        match change {
            _ if !change.is_durable() => {}
            Change::Put { task, cause, blob } => {
                let kept = self
                    .0
                    .entry(task.id)
                    .or_insert_with(|| (Task::clone(task), [None, None]));
                kept.0 = Task::clone(task);
                match Blob::brought_by(*cause).filter(|_| blob.is_some()) {
                    Some(Blob::Payload) => kept.1[0].clone_from(blob),
                    Some(Blob::Result) => kept.1[1].clone_from(blob),
                    None => {}
                }
                if task.state.kind() == StateKind::Completed {
                    kept.1[0] = None;
                }
            }
            Change::Note { .. } => {}
            Change::Forget(id) => {
                self.0.remove(id);
            }
        }
    }
}

fn blob(random: &mut Random) -> Bytes {
    let len = match random.below(6) {
        0 => 0,
        1 => random.below(20_000),
        _ => random.below(1000),
    };
    bytes(len, random.next())
}
