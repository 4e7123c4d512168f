//! From a task's id to where it is kept.

use alloc::vec::Vec;

use hashbrown::HashTable;

use crate::TaskId;

/// Tables: one that grows moves its own share of the ids and takes twice its own share of memory.
const SHARDS: usize = 256;

/// A table that could hold this many times what it does gives memory back.
const SPARSE: usize = 8;

/// Four bytes and one for each id, over the load of its table; the ids themselves are with the
/// tasks.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    shards: Vec<HashTable<u32>>,
    len: usize,
}

impl Ids {
    pub(super) fn find(&self, id: TaskId, of: impl Fn(u32) -> TaskId) -> Option<u32> {
        let hash = hash(id);
        let shard = self.shards.get(shard(id, hash))?;
        shard.find(hash, |at| of(*at) == id).copied()
    }

    /// The id is new.
    pub(super) fn insert(&mut self, id: TaskId, at: u32, of: impl Fn(u32) -> TaskId) {
        let key = hash(id);
        if self.shards.is_empty() {
            self.shards.resize(SHARDS, HashTable::new());
        }
        self.shards[shard(id, key)].insert_unique(key, at, |at| hash(of(*at)));
        self.len += 1;
    }

    pub(super) fn remove(&mut self, id: TaskId, at: u32, of: impl Fn(u32) -> TaskId) {
        let key = hash(id);
        let shard = &mut self.shards[shard(id, key)];
        if let Ok(entry) = shard.find_entry(key, |other| *other == at) {
            entry.remove();
            self.len -= 1;
        }
        if shard.capacity() > SHARDS && shard.len() < shard.capacity() / SPARSE {
            let twice = shard.len() * 2;
            shard.shrink_to(twice, |at| hash(of(*at)));
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

/// Ids of one second go into few tables: a second's tasks are put in, claimed and ended together,
/// and what is small and used together stays in the processor's cache, however many there are. Ids
/// of version 7 begin with their time in milliseconds (RFC 9562); others go anywhere.
///
/// Of the hash it takes bits that neither a table's groups (the lowest) nor its tags (the highest
/// seven) are made of.
fn shard(id: TaskId, hash: u64) -> usize {
    let [a, b, c, d, e, ..] = *id.as_bytes();
    let seconds = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]) >> 2;
    let [.., of_time] = seconds.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let of_hash = hash.to_le_bytes()[5];
    usize::from(of_time & !3 | of_hash & 3)
}

/// Both halves multiplied and folded, as in wyhash (Wang Yi). Producers draw ids at random, and
/// whoever may enqueue has cheaper ways to do harm than ids that collide.
fn hash(id: TaskId) -> u64 {
    let (one, other) = halves(*id.as_bytes());
    let product =
        u128::from(one ^ 0xa076_1d64_78bd_642f) * u128::from(other ^ 0xe703_7ed1_a0b4_28db);
    let (one, other) = halves(product.to_le_bytes());
    (one ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn halves([a, b, c, d, e, f, g, h, rest @ ..]: [u8; 16]) -> (u64, u64) {
    (
        u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        u64::from_le_bytes(rest),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(ids: impl Iterator<Item = u128>) -> [u32; SHARDS] {
        let mut shares = [0_u32; SHARDS];
        for id in ids.map(TaskId::from_u128) {
            shares[shard(id, hash(id))] += 1;
        }
        shares
    }

    /// At random, and of version 7 over half an hour.
    #[test]
    fn ids_are_spread_however_they_are_drawn() {
        let random = |number: u128| number.wrapping_mul(0xd192_ed03_8d4a_a5d3_9e37_79b9_7f4a_7c15);
        let count = SHARDS as u128 * 100;
        let of_version_7 = |number: u128| (number * 70) << 80 | random(number) >> 48;
        for shares in [
            shares((0..count).map(random)),
            shares((0..count).map(of_version_7)),
        ] {
            assert!(
                shares.iter().all(|share| (30..250).contains(share)),
                "{shares:?}"
            );
        }
    }

    #[test]
    fn ids_of_one_second_are_together() {
        let start = 1_700_000_000_000_u128 >> 10 << 10;
        let second = (0..1000).map(|number: u128| ((start + number) << 80) | (number * 77));
        let used = shares(second)
            .into_iter()
            .filter(|share| *share > 0)
            .count();
        assert_eq!(used, 4);
    }

    #[test]
    fn a_table_gives_back_what_it_does_not_need() {
        let (mut ids, of) = (Ids::default(), |at: u32| TaskId::from_u128(at.into()));
        let room = |ids: &Ids| ids.shards.iter().map(HashTable::capacity).sum::<usize>();
        (0..200_000).for_each(|at| ids.insert(of(at), at, of));
        assert_eq!(ids.find(of(77), of), Some(77));
        let peak = room(&ids);
        (1_000..200_000).for_each(|at| ids.remove(of(at), at, of));
        assert_eq!((ids.len(), ids.find(of(7_777), of)), (1_000, None));
        assert!((0..1_000).all(|at| ids.find(of(at), of) == Some(at)));
        assert!(room(&ids) < peak / 2);
    }
}
