//! Log records through a journal that folds them: whatever a power cut leaves, the tasks that are
//! read back are those of the commits that returned, whole.

use std::collections::BTreeMap;

use bytes::Bytes;
use leasehold_core::{Change, Epoch, Extra, PoolId, StateKind, Task, TaskId, Timestamp};

use super::{
    super::{
        super::{
            draft::Draft,
            engine::{Engine, Writes},
            index::PoolLog,
            keys, load,
            places::Places,
            take_note,
        },
        Journaled,
        applier::Goal,
        segments::SegmentBounds,
    },
    CUTS,
    simulated::{Machine, Random},
};
use crate::{
    Blob, PoolBatch,
    conformance::sample,
    record::{self, Header, PoolRecord},
};

const SEEDS: u64 = 8;
const LIVES: usize = 4;
const TASKS: usize = 25;

/// Most are at rest: the more pools, the less of a log is left before it is carried over.
const POOLS: u32 = 16;
const BUSY: usize = 2;

/// A record has at most 4 KiB, a lot 20 KiB.
const BOUNDS: SegmentBounds = SegmentBounds {
    bytes: 4096 + 16 * 1024,
    count: 4,
};

#[test]
fn tasks_survive_every_cut_however_their_records_are_folded() {
    let (mut joined, mut carried, mut extras) = (false, false, false);
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..LIVES {
            world.live();
            joined |= world.machine.keys().values().any(|part| part[0] == 2);
            let mut records = world.machine.keys().into_iter();
            extras |= records.any(|((key, at), part)| key[0] == b'L' && at == 0 && part[0] == 3);
            let cut = CUTS[world.random.below(CUTS.len())];
            world.machine = world.machine.cut(cut, &mut world.random);
        }
        carried |= world.carried;
    }
    assert!(joined, "records were joined");
    assert!(extras, "states with extras were");
    assert!(carried, "logs came round");
}

#[test]
fn of_a_life_in_one_lot_a_state_comes_to_the_engine() {
    let world = World::new(1);
    world.machine.light(usize::MAX);
    let journaled = world.recover();
    let mut pools = load::load(&journaled, 1).unwrap();
    let payload = [7; 300];
    let before = bytes(&world.machine);
    for n in 0..20 {
        let id = TaskId::from_u128(n);
        for change in [
            sample::enqueued(id, &payload),
            sample::claimed(id),
            sample::completed(id, b""),
        ] {
            commit(&journaled, &mut pools, PoolId(1), vec![change]).unwrap();
        }
    }
    journaled.settle().unwrap();
    let each = (bytes(&world.machine) - before) / 20;
    assert!(each < 150, "{each} bytes a task");
    take_note(&journaled, &mut pools);
    let log = &pools[&PoolId(1)];
    assert_eq!(log.folded_bytes(), log.log_bytes(), "all has settled");
    let settled = log.log_bytes();
    // One that is too long for the journal, and one after it.
    let id = TaskId::from_u128(99);
    for change in [sample::enqueued(id, &[7; 30_000]), sample::claimed(id)] {
        commit(&journaled, &mut pools, PoolId(1), vec![change]).unwrap();
        journaled.settle().unwrap();
        take_note(&journaled, &mut pools);
        let log = &pools[&PoolId(1)];
        assert_eq!(log.folded_bytes(), log.log_bytes(), "that has, too");
    }
    assert!(settled < 20 * 150, "{settled} bytes");
}

#[test]
fn of_a_life_with_extras_no_more_is_left_than_of_one_without() {
    let world = World::new(1);
    world.machine.light(usize::MAX);
    let journaled = world.recover();
    let mut pools = load::load(&journaled, 1).unwrap();
    let extras = || vec![Extra::Losses(3), Extra::Edited(1)];
    let before = bytes(&world.machine);
    for n in 0..20 {
        let id = TaskId::from_u128(n);
        for change in [
            sample::enqueued(id, &[7; 300]),
            sample::claimed(id),
            sample::completed(id, b""),
        ] {
            let change = sample::with_extras(change, extras());
            commit(&journaled, &mut pools, PoolId(1), vec![change]).unwrap();
        }
    }
    journaled.settle().unwrap();
    let each = (bytes(&world.machine) - before) / 20;
    assert!(each < 150 + 5, "{each} bytes a task");
    let mut pools = load::load(&journaled, 1).unwrap();
    let found = world.read(&journaled, &mut pools);
    assert_eq!(found.len(), 20);
    for (task, blobs) in found.values() {
        let list = task.extras.as_deref().map(|of| Vec::from(of.clone()));
        assert_eq!((list, &blobs[0]), (Some(extras()), &None));
    }
}

#[test]
fn what_will_be_folded_makes_no_log_too_long() {
    let world = World::new(1);
    world.machine.light(usize::MAX);
    let bounds = SegmentBounds {
        bytes: 256 * 1024,
        count: 4,
    };
    let machine = world.machine.clone();
    let journaled = Journaled::recover(machine.clone(), machine, bounds).unwrap();
    let mut pools = load::load(&journaled, 1).unwrap();
    let standing = sample::enqueued(TaskId::from_u128(0), &[7; 300]);
    commit(&journaled, &mut pools, PoolId(1), vec![standing]).unwrap();
    journaled.settle().unwrap();
    for n in 1..=200 {
        let id = TaskId::from_u128(n);
        let life = vec![sample::enqueued(id, &[7; 2000]), Change::Forget(id)];
        commit(&journaled, &mut pools, PoolId(1), life).unwrap();
    }
    let log = &pools[&PoolId(1)];
    assert!(log.log_bytes() > 4 * 64 * 1024, "too long as it is");
    assert_eq!(log.head(), 1, "what stands was carried over");
}

#[test]
fn what_a_hole_took_of_joined_records_is_named() {
    let world = World::new(1);
    world.machine.light(usize::MAX);
    let journaled = world.recover();
    let mut pools = load::load(&journaled, 1).unwrap();
    let mut put = |n| {
        let change = sample::enqueued(TaskId::from_u128(n), b"payload");
        commit(&journaled, &mut pools, PoolId(1), vec![change]).unwrap();
    };
    for lot in 0..3 {
        (0..4).for_each(|n| put(4 * lot + n));
        journaled.settle().unwrap();
    }
    for (last, named) in [(4, "record 1 "), (8, "record 5 "), (12, "")] {
        let mut writes = Writes::default();
        writes.remove(&keys::record(PoolId(1), last), 4096);
        let machine = world.machine.cut(CUTS[3], &mut Random(1));
        machine.light(usize::MAX);
        machine.apply(writes).unwrap();
        match load::load(&machine, 1) {
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(named) && !named.is_empty(), "{error}");
            }
            // How far a log reached is known to the witness.
            Ok(pools) => assert_eq!((named, pools[&PoolId(1)].next()), ("", 9)),
        }
    }
}

/// What is expected of a task.
type Expected = BTreeMap<(PoolId, TaskId), (Task, [Option<Bytes>; 2])>;

struct World {
    machine: Machine,
    random: Random,
    model: Expected,
    /// What there would be after the commit that was under way when the power went.
    under_way: Option<Expected>,
    carried: bool,
}

impl World {
    /// With pools, in which there is nothing.
    fn new(seed: u64) -> Self {
        let machine = Machine::default();
        machine.light(usize::MAX);
        let mut writes = Writes::default();
        let header = record::seal_header(keys::HEADER, &Header { generation: 1 });
        writes.put(keys::HEADER, header);
        for number in 1..=POOLS {
            let pool = PoolRecord {
                name: format!("pool-{number}").parse().unwrap(),
                epoch: Epoch(1),
            };
            let key = keys::pool(PoolId(number));
            writes.put(&key, record::seal_pool(&key, &pool, None));
        }
        machine.apply(writes).unwrap();
        machine.sync().unwrap();
        Self {
            machine,
            random: Random(seed),
            model: Expected::new(),
            under_way: None,
            carried: false,
        }
    }

    fn recover(&self) -> Journaled<Machine, Machine> {
        Journaled::recover(self.machine.clone(), self.machine.clone(), BOUNDS).unwrap()
    }

    /// From power to power cut.
    fn live(&mut self) {
        self.machine.light(self.random.below(1000));
        let recovered = Journaled::recover(self.machine.clone(), self.machine.clone(), BOUNDS);
        let Ok(journaled) = recovered else { return };
        let mut pools = load::load(&journaled, 1).unwrap();
        let found = self.read(&journaled, &mut pools);
        if let Some(under_way) = self.under_way.take()
            && under_way == found
        {
            self.model = under_way;
        }
        assert!(found == self.model, "{:?}", self.random);
        while self.act(&journaled, &mut pools) {}
        self.carried |= pools.values().any(|log| log.head() > 1);
    }

    /// Whether there was power for it.
    fn act(
        &mut self,
        journaled: &Journaled<Machine, Machine>,
        pools: &mut BTreeMap<PoolId, PoolLog>,
    ) -> bool {
        match self.random.below(40) {
            0 => {
                let newest = journaled.end.line.newest();
                let Ok((covered, _)) = journaled.shared.progress() else {
                    return false;
                };
                let ahead = self
                    .random
                    .below(usize::try_from(newest - covered).unwrap() + 1);
                let upto = covered + ahead as u64;
                let mark = self.random.below(2) == 0;
                journaled.shared.reach(Goal { upto, mark }).is_ok()
            }
            1 => {
                // Both before and after it is known what has settled.
                assert!(self.blobs(journaled, pools, self.model.clone()) == self.model);
                take_note(journaled, pools);
                assert!(self.blobs(journaled, pools, self.model.clone()) == self.model);
                true
            }
            _ => self.commit(journaled, pools),
        }
    }

    fn commit(
        &mut self,
        journaled: &Journaled<Machine, Machine>,
        pools: &mut BTreeMap<PoolId, PoolLog>,
    ) -> bool {
        let pool = PoolId(u32::try_from(1 + self.random.below(BUSY)).unwrap());
        let mut after = self.model.clone();
        let count = 1 + self.random.below(5);
        let changes = (0..count).map(|_| change(&mut after, pool, &mut self.random));
        let changes = changes.collect();
        if commit(journaled, pools, pool, changes).is_err() {
            self.under_way = Some(after);
            return false;
        }
        self.model = after;
        true
    }

    fn read(&self, engine: &dyn Engine, pools: &mut BTreeMap<PoolId, PoolLog>) -> Expected {
        let mut found = Expected::new();
        for (id, log) in pools.iter_mut() {
            let states = log.take_states();
            for task in load::tasks(engine, *id, log, states).unwrap() {
                let task = task.unwrap();
                found.insert((*id, task.id), (task, [None, None]));
            }
        }
        self.blobs(engine, pools, found)
    }

    /// These tasks with the payloads and results that they have.
    fn blobs(
        &self,
        engine: &dyn Engine,
        pools: &BTreeMap<PoolId, PoolLog>,
        mut tasks: Expected,
    ) -> Expected {
        for ((pool, id), (_, blobs)) in &mut tasks {
            let wanted = [(*id, Blob::Payload), (*id, Blob::Result)];
            let found = Places::find(*pool, &pools[pool], &wanted)
                .read(engine)
                .unwrap();
            *blobs = found.try_into().unwrap();
        }
        tasks
    }
}

/// As a store does it.
fn commit(
    engine: &dyn Engine,
    pools: &mut BTreeMap<PoolId, PoolLog>,
    pool: PoolId,
    changes: Vec<Change>,
) -> Result<(), crate::StoreError> {
    take_note(engine, pools);
    let mut draft = Draft::new(pools);
    draft.append(&PoolBatch {
        pool,
        epoch: Epoch(1),
        at: Timestamp::from_millis(1),
        changes,
    })?;
    draft.compact(engine)?;
    engine.commit(draft.finish())
}

/// A change of a task, also one that no hub would make.
fn change(model: &mut Expected, pool: PoolId, random: &mut Random) -> Change {
    let id = TaskId::from_u128(random.below(TASKS) as u128);
    // A few stand apart, and a few commits are too long for the journal.
    let len = match random.below(30) {
        0 => 4097 + random.below(2000),
        _ => random.below(300),
    };
    let blob = Bytes::from(vec![u8::try_from(random.below(256)).unwrap(); len]);
    let change = match random.below(10) {
        0..3 => sample::enqueued(id, &blob),
        9 => sample::edited(id, &blob),
        3 | 4 => sample::completed(id, &blob),
        5 => sample::failed(id, &"why ".repeat(random.below(200))),
        6 => Change::Forget(id),
        _ => sample::claimed(id),
    };
    let mut extras = sample::all_extras();
    extras.retain(|_| random.below(4) == 0);
    let change = match random.below(3) {
        0 => sample::with_extras(change, extras),
        _ => change,
    };
    match &change {
        Change::Note { .. } => {}
        Change::Put { task, cause, blob } => {
            let kept = model
                .entry((pool, id))
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
        Change::Forget(_) => {
            model.remove(&(pool, id));
        }
    }
    change
}

/// Bytes of all log records in the engine.
fn bytes(machine: &Machine) -> usize {
    let keys = machine.keys().into_iter();
    let records = keys.filter(|((key, _), _)| key.starts_with(keys::LOGS));
    records.map(|(_, part)| part.len()).sum()
}
