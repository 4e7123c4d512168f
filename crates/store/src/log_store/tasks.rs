//! The tasks of a log, close together: this is what the store keeps in memory of each.
//!
//! Slots lie in pages, without a gap, so that nothing is ever copied to grow, and what a peak took
//! is given back as tasks go. They are found through tables of their numbers; there are many small
//! ones, since a table is copied whole when it grows. Most tasks are not looked for at all: they are
//! claimed and completed in about the order in which they came, so that the next one to be asked
//! for stands right behind one of the last.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use leasehold_core::TaskId;

/// Slots of a page.
const PAGE: usize = 1024;

/// Tables.
const TABLES: usize = 256;

/// Places behind which is looked before the tables are: of what is enqueued, claimed and completed
/// in one commit each has its own.
const LIKELY: usize = 3;

/// A table with room for so many is left as it is, however few it holds.
const SPARE: usize = 64;

/// Where the newest things of a task stand: 28 bytes. A record is said by the lower half of its
/// sequence, as [`super::index::PoolLog`] knows the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) id: TaskId,
    pub(super) state: Place,
    pub(super) payload: Place,
}

/// A record, and a length in bytes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    record: [u8; 4],
    len: u16,
}

const _: () = assert!(size_of::<Slot>() == 28);

impl Place {
    /// There is no such thing.
    pub(super) const NOWHERE: Self = Self {
        record: [0; 4],
        len: u16::MAX,
    };

    /// The length of what stands elsewhere under a key of its own.
    const APART: u16 = u16::MAX - 1;

    /// A length in this record.
    pub(super) fn new(record: u32, len: usize) -> Self {
        let len = u16::try_from(len).expect("it is as short as a record");
        assert!(len < Self::APART, "it is as short as a record");
        Self {
            record: record.to_le_bytes(),
            len,
        }
    }

    /// Said in this record to stand elsewhere.
    pub(super) fn apart(record: u32) -> Self {
        Self {
            record: record.to_le_bytes(),
            len: Self::APART,
        }
    }

    /// The record, and the length in it, if it does not stand apart.
    pub(super) fn get(self) -> Option<(u32, Option<usize>)> {
        let inline = (self.len != Self::APART).then_some(usize::from(self.len));
        (self != Self::NOWHERE).then_some((u32::from_le_bytes(self.record), inline))
    }
}

/// All tasks of a log.
#[derive(Debug)]
pub(super) struct Tasks {
    pages: Vec<Vec<Slot>>,
    tables: Box<[HashTable<u32>]>,
    hashes: DefaultHashBuilder,
    likely: Likely,
}

/// Numbers that were asked for: the next one may be the last again, or behind one of them.
#[derive(Debug, Default)]
struct Likely {
    last: u32,
    numbers: [u32; LIKELY],
    /// The place that is written over next, where nothing was found.
    next: usize,
}

impl Likely {
    /// The number of this task, if it is where one would look first.
    fn find(&mut self, pages: &[Vec<Slot>], id: TaskId) -> Option<u32> {
        let is_it = |number: u32| known(pages, number).is_some_and(|slot| slot.id == id);
        // A payload and the state after it come one after the other.
        if is_it(self.last) {
            return Some(self.last);
        }
        for number in &mut self.numbers {
            let behind = number.wrapping_add(1);
            if is_it(behind) {
                *number = behind;
                self.last = behind;
                return Some(behind);
            }
        }
        None
    }

    /// It was not where one would look: takes note of where it is.
    fn note(&mut self, number: u32) {
        let before = number.wrapping_sub(1);
        let follows = self.numbers.iter().position(|likely| *likely == before);
        let place = follows.unwrap_or_else(|| {
            self.next = (self.next + 1) % LIKELY;
            self.next
        });
        self.numbers[place] = number;
        self.last = number;
    }
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self {
            pages: Vec::new(),
            tables: (0..TABLES).map(|_| HashTable::new()).collect(),
            hashes: DefaultHashBuilder::default(),
            likely: Likely::default(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        count(&self.pages)
    }

    pub(super) fn get(&self, id: TaskId) -> Option<&Slot> {
        Some(self.find(id)?.1)
    }

    /// A task's number and slot.
    pub(super) fn find(&self, id: TaskId) -> Option<(u32, &Slot)> {
        let hash = self.hashes.hash_one(id);
        let is_it = |number: &u32| slot(&self.pages, *number).id == id;
        let number = *self.tables[table(id, hash)].find(hash, is_it)?;
        Some((number, slot(&self.pages, number)))
    }

    /// The number of a task, which is added if it is not there. It is good until one is removed.
    pub(super) fn number(&mut self, id: TaskId) -> u32 {
        let Self {
            pages,
            tables,
            hashes,
            likely,
        } = self;
        if let Some(number) = likely.find(pages, id) {
            return number;
        }
        let hash = hashes.hash_one(id);
        let table = &mut tables[table(id, hash)];
        let found = table.find(hash, |number| slot(pages, *number).id == id);
        let number = found.copied().unwrap_or_else(|| {
            let number = add(pages, id);
            let hash_of = |number: &u32| hashes.hash_one(slot(pages, *number).id);
            table.insert_unique(hash, number, hash_of);
            number
        });
        likely.note(number);
        number
    }

    /// The slot of this number.
    pub(super) fn at(&mut self, number: u32) -> &mut Slot {
        slot_mut(&mut self.pages, number)
    }

    /// The slot of a task, which is made if there is none.
    pub(super) fn of(&mut self, id: TaskId) -> &mut Slot {
        let number = self.number(id);
        self.at(number)
    }

    /// Takes a task out and gives its number to the last one.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<(u32, Slot)> {
        let hash = self.hashes.hash_one(id);
        let is_it = |number: &u32| slot(&self.pages, *number).id == id;
        let found = self.tables[table(id, hash)].find_entry(hash, is_it).ok()?;
        let (number, _) = found.remove();
        self.shrink(table(id, hash));
        let last = self.take_last()?;
        if last.id == id {
            return Some((number, last));
        }
        let last_number = u32::try_from(self.len()).expect("it had a number");
        let hash = self.hashes.hash_one(last.id);
        let moved = self.tables[table(last.id, hash)].find_mut(hash, |at| *at == last_number);
        *moved.expect("every slot is in a table") = number;
        let removed = std::mem::replace(slot_mut(&mut self.pages, number), last);
        Some((number, removed))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.pages.iter().flatten()
    }

    fn take_last(&mut self) -> Option<Slot> {
        let page = self.pages.last_mut()?;
        let last = page.pop();
        if page.is_empty() {
            self.pages.pop();
        }
        last
    }

    /// Gives memory back after a peak.
    fn shrink(&mut self, table: usize) {
        let (pages, hashes) = (&self.pages, &self.hashes);
        let table = &mut self.tables[table];
        if table.capacity() / 8 > table.len() + SPARE {
            let hash_of = |number: &u32| hashes.hash_one(slot(pages, *number).id);
            table.shrink_to(2 * table.len(), hash_of);
        }
    }
}

fn count(pages: &[Vec<Slot>]) -> usize {
    match pages.split_last() {
        Some((last, full)) => full.len() * PAGE + last.len(),
        None => 0,
    }
}

/// Which table. Ids of one second go into few tables, as in the core (`pool/ids.rs`): what is small
/// and used together stays in the processor's cache. Ids of version 7 begin with their time in
/// milliseconds (RFC 9562); others go anywhere. hashbrown looks at the lowest and the highest bits of
/// a hash.
fn table(id: TaskId, hash: u64) -> usize {
    let [a, b, c, d, e, ..] = *id.as_bytes();
    let seconds = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]) >> 2;
    let [.., of_time] = seconds.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let of_hash = hash.to_le_bytes()[4];
    usize::from(of_time & !3 | of_hash & 3) % TABLES
}

fn known(pages: &[Vec<Slot>], number: u32) -> Option<&Slot> {
    let number = number as usize;
    pages.get(number / PAGE)?.get(number % PAGE)
}

fn slot(pages: &[Vec<Slot>], number: u32) -> &Slot {
    let number = number as usize;
    &pages[number / PAGE][number % PAGE]
}

fn slot_mut(pages: &mut [Vec<Slot>], number: u32) -> &mut Slot {
    let number = number as usize;
    &mut pages[number / PAGE][number % PAGE]
}

fn add(pages: &mut Vec<Vec<Slot>>, id: TaskId) -> u32 {
    if pages.last().is_none_or(|page| page.len() == PAGE) {
        pages.push(Vec::with_capacity(PAGE));
    }
    let full = (pages.len() - 1) * PAGE;
    let page = pages.last_mut().expect("there is a page");
    page.push(Slot {
        id,
        state: Place::NOWHERE,
        payload: Place::NOWHERE,
    });
    u32::try_from(full + page.len() - 1).expect("a pool has fewer than four milliard tasks")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn finds_what_a_map_finds() {
        let (mut tasks, mut map) = (Tasks::new(), BTreeMap::new());
        for n in 0..50_000_u32 {
            let id = TaskId::from_u128(u128::from(n.wrapping_mul(2_654_435_761) % 9_000));
            if n % 3 == 2 {
                let removed = tasks.remove(id).map(|(_, slot)| slot.state);
                assert_eq!(removed, map.remove(&id));
            } else {
                let place = Place::new(n, 7);
                tasks.of(id).state = place;
                map.insert(id, place);
            }
            assert_eq!(tasks.len(), map.len());
        }
        for n in 0..9_000 {
            let id = TaskId::from_u128(n);
            assert_eq!(tasks.get(id).map(|slot| slot.state), map.get(&id).copied());
        }
        assert_eq!(tasks.iter().count(), map.len());
    }

    /// Three of them at a time, as in a commit; then the tables have nothing that could be found.
    #[test]
    fn what_comes_in_order_is_not_looked_for() {
        let mut tasks = Tasks::new();
        let id = |number: u32| TaskId::from_u128(u128::from(number) << 64);
        (0..3000).for_each(|number| _ = tasks.number(id(number)));
        for number in [1000, 2000] {
            assert_eq!(tasks.number(id(number)), number);
        }
        tasks.tables.iter_mut().for_each(HashTable::clear);
        for step in 1..=900 {
            for from in [1000, 2000] {
                assert_eq!(tasks.number(id(from + step)), from + step);
            }
            assert_eq!(tasks.number(id(2999 + step)), 2999 + step, "it is new");
        }
    }

    #[test]
    fn gives_back_what_a_peak_took() {
        let mut tasks = Tasks::new();
        let ids = || (0..100_000).map(TaskId::from_u128);
        ids().for_each(|id| tasks.of(id).state = Place::new(1, 1));
        assert!(ids().skip(10).all(|id| tasks.remove(id).is_some()));
        assert_eq!((tasks.len(), tasks.pages.len()), (10, 1));
        let room: usize = tasks.tables.iter().map(HashTable::capacity).sum();
        assert!(room < 32 * 1024, "room for {room}");
    }

    #[test]
    fn places_are_told_apart() {
        assert_eq!(Place::NOWHERE.get(), None);
        assert_eq!(Place::apart(7).get(), Some((7, None)));
        assert_eq!(Place::new(7, 0).get(), Some((7, Some(0))));
        assert_eq!(
            Place::new(u32::MAX, 32 * 1024).get(),
            Some((u32::MAX, Some(32 * 1024)))
        );
    }
}
