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
}

impl Ids {
    /// Makes room for so many at once, before there are any.
    pub(super) fn expect(&mut self, count: usize) {
        // Shards are not quite equal.
        let share = (count / SHARDS).saturating_mul(17) / 16;
        let shard = |_| HashTable::with_capacity(share);
        self.shards = (0..SHARDS).map(shard).collect();
    }

    pub(super) fn find(&self, id: TaskId, of: impl Fn(u32) -> TaskId) -> Option<u32> {
        let hash = hash(id);
        let shard = self.shards.get(shard(hash))?;
        shard.find(hash, |at| of(*at) == id).copied()
    }

    /// The id is new.
    pub(super) fn insert(&mut self, id: TaskId, at: u32, of: impl Fn(u32) -> TaskId) {
        let key = hash(id);
        if self.shards.is_empty() {
            self.shards.resize(SHARDS, HashTable::new());
        }
        self.shards[shard(key)].insert_unique(key, at, |at| hash(of(*at)));
    }

    pub(super) fn remove(&mut self, id: TaskId, at: u32, of: impl Fn(u32) -> TaskId) {
        let key = hash(id);
        let shard = &mut self.shards[shard(key)];
        if let Ok(entry) = shard.find_entry(key, |other| *other == at) {
            entry.remove();
        }
        if shard.capacity() > SHARDS && shard.len() < shard.capacity() / SPARSE {
            let twice = shard.len() * 2;
            shard.shrink_to(twice, |at| hash(of(*at)));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum()
    }
}

/// Bits that neither a table's groups (the lowest) nor its tags (the highest seven) are made of.
fn shard(hash: u64) -> usize {
    usize::from(hash.to_le_bytes()[5])
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

    #[test]
    fn ids_are_spread_however_they_are_drawn() {
        for step in [1_u128, 1 << 17, 1 << 64, 1 << 80] {
            let mut shares = [0_u32; SHARDS];
            for number in 0..SHARDS as u128 * 100 {
                shares[shard(hash(TaskId::from_u128(number * step)))] += 1;
            }
            assert!(
                shares.iter().all(|share| (40..200).contains(share)),
                "{step}"
            );
        }
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
