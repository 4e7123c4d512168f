//! Whatever a power cut leaves, every commit that returned is there, whole; and so is, or is not,
//! the one that was being written. Those behind it are not.

mod applier;
mod folding;
mod format;
mod line;
mod overlay;
mod simulated;

use std::collections::{BTreeMap, VecDeque};

use self::simulated::{Cut, Keys, Machine, Random};
use super::{
    super::{
        engine::{Engine, Write, Writes},
        keys,
    },
    Journaled, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN,
    applier::Goal,
    bounds,
    direct::BLOCK,
    segments::SegmentBounds,
};
use crate::{Begun, StoreError};

const SEEDS: u64 = 60;
const LIVES: usize = 8;

/// Of a value, unless it is too long for the journal.
const LEN_MAX: usize = 150;

/// Segments of eight sectors for records: they are full after about eight commits.
const BOUNDS: SegmentBounds = SegmentBounds {
    bytes: 4096 + 8 * 512,
    count: 4,
};

const CUTS: [Cut; 4] = [Cut::Worst, Cut::Some(1), Cut::Some(8), Cut::Kill];

#[test]
fn a_segment_is_of_whole_blocks_and_neither_too_short_nor_too_long() {
    let bytes = |journal_bytes| bounds(journal_bytes).bytes;
    assert_eq!(bytes(0), SEGMENT_BYTES_MIN);
    assert_eq!(bytes(32 << 20), 4 << 20);
    assert_eq!(bytes((32 << 20) + 12_345) as usize % BLOCK, 0);
    for too_much in [16 << 30, 64 << 30, u64::MAX] {
        assert_eq!(bytes(too_much), SEGMENT_BYTES_MAX, "{too_much}");
    }
}

#[test]
fn every_commit_that_returned_survives_every_cut() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..LIVES {
            world.live();
            let cut = CUTS[world.random.below(CUTS.len())];
            world.machine = world.machine.cut(cut, &mut world.random);
        }
        let commits = world.commits;
        assert!(commits > 20, "seed {seed} came to {commits} commits");
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_takes_the_last_commit_at_the_most() {
    let mut noticed = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.live();
        let before = world.last.clone();
        let machine = world.machine.cut(Cut::Kill, &mut world.random);
        for _ in 0..10 {
            let machine = machine.cut(Cut::Kill, &mut world.random);
            machine.light(usize::MAX);
            machine.flip(&mut world.random);
            match Journaled::recover(machine.clone(), machine.clone(), BOUNDS) {
                Ok(_) => {
                    let found = stored(&machine);
                    let known = [&before, &Some(world.model.keys.clone()), &world.under_way];
                    let is_known = known.into_iter().flatten().any(|known| *known == found);
                    assert!(is_known, "seed {seed}");
                }
                Err(StoreError::Damaged { .. }) => noticed += 1,
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
    }
    assert!(noticed > 30, "{noticed} flips were noticed");
}

#[test]
fn what_is_put_and_removed_soon_never_comes_to_the_engine() {
    let machine = Machine::default();
    machine.light(usize::MAX);
    let journaled = Journaled::recover(machine.clone(), machine.clone(), BOUNDS).unwrap();
    let before = stored(&machine);
    for number in 0..1000_u32 {
        let mut writes = Writes::default();
        writes.put(&number.to_be_bytes(), vec![7; 100]);
        if let Some(earlier) = number.checked_sub(5) {
            writes.remove(&earlier.to_be_bytes(), 100);
        }
        journaled.commit(writes).unwrap();
        let upto = journaled
            .shared
            .progress()
            .unwrap()
            .0
            .max(u64::from(number).saturating_sub(20));
        journaled.shared.reach(Goal { upto, mark: false }).unwrap();
        assert_eq!(stored(&machine), before);
    }
}

/// A machine, and what must be in it.
struct World {
    machine: Machine,
    random: Random,
    model: Model,
    /// What there was before the newest commit.
    last: Option<Keys>,
    /// What there would be after the commit that was under way when the power went.
    under_way: Option<Keys>,
    commits: usize,
}

/// What was committed.
#[derive(Clone, Default)]
struct Model {
    keys: Keys,
    lens: BTreeMap<Vec<u8>, usize>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            machine: Machine::default(),
            random: Random(seed),
            model: Model::default(),
            last: None,
            under_way: None,
            commits: 0,
        }
    }

    /// From power to power cut.
    fn live(&mut self) {
        // Also in the middle of what is done at the start.
        let fuse = self.random.below(200);
        self.machine.light(fuse);
        let recovered = Journaled::recover(self.machine.clone(), self.machine.clone(), BOUNDS);
        let Ok(journaled) = recovered else {
            assert!(
                !matches!(recovered, Err(StoreError::Damaged { .. })),
                "{recovered:?}"
            );
            return;
        };
        self.check_recovered();
        let mut begun = VecDeque::new();
        while self.act(&journaled, &mut begun) {}
    }

    fn check_recovered(&mut self) {
        let found = stored(&self.machine);
        if let Some(under_way) = self.under_way.take()
            && under_way == found
        {
            self.model.adopt(under_way);
        }
        assert_eq!(found, self.model.keys, "{:?}", self.random);
        self.last = None;
    }

    /// Whether there was power for it.
    fn act(&mut self, journaled: &Journaled<Machine, Machine>, begun: &mut Line) -> bool {
        match self.random.below(8) {
            0 => {
                let Ok((covered, _)) = journaled.shared.progress() else {
                    return false;
                };
                let newest = journaled.end.line.newest();
                let ahead = self
                    .random
                    .below(usize::try_from(newest - covered).unwrap() + 1);
                let upto = covered + ahead as u64;
                let mark = self.random.below(2) == 0;
                let newest = journaled.shared.reach(Goal { upto, mark });
                newest.is_ok()
            }
            1 => self.check_reads(journaled, begun),
            _ => self.commit(journaled, begun),
        }
    }

    /// Begins a commit, and ends as many as to leave some, or none.
    fn commit(&mut self, journaled: &Journaled<Machine, Machine>, begun: &mut Line) -> bool {
        let mut after = self.newest(begun).clone();
        let mut writes = Writes::default();
        for _ in 0..=self.random.below(6) {
            after.change(&mut writes, &mut self.random);
        }
        for write in writes.iter() {
            simulated::apply(&mut after.keys, write);
        }
        // One for which those before it are waited for, which nobody else would end here.
        let is_long = writes.iter().any(|write| match write {
            Write::Put(_, value) => value.len() > LEN_MAX,
            Write::Remove(..) => false,
        });
        if is_long && !self.end_all_but(0, begun) {
            return false;
        }
        match journaled.begin(writes) {
            Ok(Some(commit)) => begun.push_back((commit, after)),
            Ok(None) => self.ended(after),
            Err(_) => {
                self.under_way = is_long.then_some(after.keys);
                return false;
            }
        }
        let left = self.random.below(4);
        self.end_all_but(left, begun)
    }

    fn end_all_but(&mut self, left: usize, begun: &mut Line) -> bool {
        while begun.len() > left {
            let Some((commit, after)) = begun.pop_front() else {
                break;
            };
            if commit.end().is_err() {
                self.under_way = Some(after.keys);
                return false;
            }
            self.ended(after);
        }
        true
    }

    fn ended(&mut self, after: Model) {
        self.commits += 1;
        self.last = Some(std::mem::replace(&mut self.model, after).keys);
    }

    fn newest<'a>(&'a self, begun: &'a Line) -> &'a Model {
        begun.back().map_or(&self.model, |(_, after)| after)
    }

    fn check_reads(&self, journaled: &Journaled<Machine, Machine>, begun: &Line) -> bool {
        let model = self.newest(begun);
        for (key, len) in &model.lens {
            let parts = model
                .keys
                .range((key.clone(), 0)..=(key.clone(), usize::MAX));
            let expected: Vec<u8> = parts.flat_map(|(_, part)| part.clone()).collect();
            assert_eq!(journaled.get(key, *len).unwrap(), Some(expected));
        }
        true
    }
}

/// Commits that have begun, the oldest first, with what there is after each.
type Line = VecDeque<(Box<dyn Begun>, Model)>;

impl Model {
    /// Puts what is not there, removes what is there, or both; some keys are only ever replaced.
    fn change(&mut self, writes: &mut Writes, random: &mut Random) {
        let number = random.below(30);
        let key = vec![b'K', u8::try_from(number).unwrap()];
        // One in a hundred is too long for the journal.
        let len = if random.below(100) == 0 {
            2000
        } else {
            1 + random.below(LEN_MAX)
        };
        let byte = u8::try_from(random.below(256)).unwrap();
        if number < 3 {
            writes.put(&key, vec![byte; 20]);
            self.lens.insert(key, 20);
            return;
        }
        let there = self.lens.remove(&key);
        if let Some(len) = there {
            writes.remove(&key, len);
        }
        if there.is_none() || random.below(3) == 0 {
            writes.put(&key, vec![byte; len]);
            self.lens.insert(key, len);
        }
    }

    fn adopt(&mut self, keys: Keys) {
        self.lens.clear();
        for ((key, _), part) in &keys {
            *self.lens.entry(key.clone()).or_default() += part.len();
        }
        self.keys = keys;
    }
}

/// All in the engine but the mark.
fn stored(machine: &Machine) -> Keys {
    let mut found = machine.keys();
    found.retain(|(key, _), _| key != keys::JOURNAL);
    found
}
