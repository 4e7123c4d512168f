//! A pool in partitions: which tasks are in which, and what each has ready.
//!
//! Each partition is a pool of its own, in the core and in the store. Partition 0 has the pool's
//! name, the others have it with their number (`mail#1`), which no node can name. Claims and credit
//! go through the pool's front (`front_actor`), which is in the directory as `mail#0` and in no
//! store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use leasehold_core::{Epoch, Pool, PoolName, PoolSettings, TaskId, Timestamp};

use crate::{actor::ActorRef, pool_actor::PoolMessage};

/// A pool in more than one partition.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Of the front.
    pub(crate) front: PoolName,
    /// Of the partitions.
    pub(crate) names: Vec<PoolName>,
    pub(crate) board: Board,
}

impl Parts {
    pub(crate) fn new(pool: &PoolName, count: u32) -> Self {
        Self {
            front: pool.numbered(0),
            names: (0..count).map(|index| name_of(pool, index)).collect(),
            board: Board::new(count as usize),
        }
    }

    /// The partition that a task belongs to.
    pub(crate) fn of(&self, id: TaskId) -> usize {
        part_of(id, self.names.len())
    }
}

/// The name that the store keeps a partition under.
fn name_of(pool: &PoolName, index: u32) -> PoolName {
    match index {
        0 => pool.clone(),
        _ => pool.numbered(index),
    }
}

/// The pool that a name in the store belongs to, as its owner calls it.
pub(crate) fn whole_of(name: &PoolName) -> PoolName {
    name.parts().map_or_else(|| name.clone(), |(pool, _)| pool)
}

/// Where a task of this id is: stored tasks depend on it, so it stays as it is. The halves of the
/// id are mixed (the finalizer of `MurmurHash3`, Appleby 2011), for ids may be counted, and the
/// mixture is scaled down (Lemire 2019).
fn part_of(id: TaskId, parts: usize) -> usize {
    let (high, low) = halves(id.as_u128());
    let mut mixed = low ^ high.rotate_left(32);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^= mixed >> 33;
    let (part, _) = halves(u128::from(mixed) * parts as u128);
    usize::try_from(part).unwrap_or(0)
}

const fn halves(number: u128) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, low @ ..] = number.to_be_bytes();
    let high = [a, b, c, d, e, f, g, h];
    (u64::from_be_bytes(high), u64::from_be_bytes(low))
}

/// The policy of one partition: bounds on what it holds are shared out evenly.
pub(crate) fn share_of(settings: PoolSettings) -> PoolSettings {
    let parts = u64::from(settings.partitions.max(1));
    PoolSettings {
        // Rounded so that fewer are remembered than there may be, as it was.
        tasks_max: settings.tasks_max.div_ceil(parts),
        completed_kept_max: settings.completed_kept_max / parts,
        bytes_max: settings.bytes_max.map(|bytes| bytes.div_ceil(parts)),
        ..settings
    }
}

/// What goes first in a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) epoch: Epoch,
    /// As [`Pool::first_ready`] has it; nothing if nothing is ready.
    pub(crate) first: Option<(u64, Timestamp)>,
    pub(crate) ready: u64,
}

/// What each partition has ready, for the front to choose from.
#[derive(Debug)]
pub(crate) struct Board(Mutex<Heads>);

#[derive(Debug)]
struct Heads {
    heads: Vec<Head>,
    /// The front has found nothing for those who wait: it is to hear of the next task.
    wanted: bool,
    front: Option<ActorRef<PoolMessage>>,
}

impl Board {
    fn new(parts: usize) -> Self {
        Self(Mutex::new(Heads {
            heads: vec![Head::default(); parts],
            wanted: false,
            front: None,
        }))
    }

    /// This front looks at the board from now on.
    pub(crate) fn take_over(&self, front: ActorRef<PoolMessage>) {
        let mut heads = self.lock();
        heads.front = Some(front);
        heads.wanted = false;
    }

    /// What there is; if nothing is, the front is told of the next.
    pub(crate) fn look(&self, into: &mut Vec<Head>) {
        let mut heads = self.lock();
        into.clone_from(&heads.heads);
        heads.wanted = heads.heads.iter().all(|head| head.first.is_none());
    }

    /// A partition of this epoch is no more; its successor may have something.
    pub(crate) fn clear(&self, index: usize, epoch: Epoch) {
        let mut heads = self.lock();
        if heads.heads[index].epoch == epoch {
            heads.heads[index].first = None;
        }
    }

    fn put(&self, index: usize, head: Head) {
        let mut heads = self.lock();
        heads.heads[index] = head;
        if heads.wanted && head.first.is_some() {
            heads.wanted = false;
            if let Some(front) = &heads.front {
                // A new front looks by itself.
                _ = front.cast(PoolMessage::Wake);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A partition's own place among the others.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) parts: Arc<Parts>,
    pub(crate) index: usize,
}

impl Place {
    /// Whether a task of this id belongs here.
    pub(crate) fn is_of(&self, id: TaskId) -> bool {
        self.parts.of(id) == self.index
    }

    /// Says that the store has tasks here that belong elsewhere.
    pub(crate) fn misplaced(&self) -> String {
        misplaced(&whole_of(&self.parts.front), self.parts.names.len())
    }

    /// Shows the others what is to be claimed here.
    pub(crate) fn show(&self, pool: &Pool) {
        let first = pool.first_ready();
        let head = Head {
            epoch: pool.epoch(),
            first,
            ready: pool.ready(),
        };
        self.parts.board.put(self.index, head);
    }
}

/// Says that the number of partitions was changed while there were tasks.
pub(crate) fn misplaced(pool: &PoolName, partitions: usize) -> String {
    format!(
        "pool.{pool}.partitions = {partitions}: the store has tasks of the pool that were placed \
         by another number; set it back, and change it when the pool has no task left"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tasks in stores are where this says.
    #[test]
    fn a_task_stays_where_it_is() {
        let parts_of = |parts| (1..=12).map(move |id| part_of(TaskId::from_u128(id), parts));
        assert!(parts_of(1).all(|part| part == 0));
        assert_eq!(
            parts_of(4).collect::<Vec<_>>(),
            [2, 0, 0, 1, 3, 3, 1, 1, 2, 1, 3, 2]
        );
        let drawn = TaskId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        assert_eq!(
            [2, 3, 4, 16].map(|parts| part_of(drawn, parts)),
            [0, 0, 0, 1]
        );
    }

    #[test]
    fn ids_are_spread_evenly_whether_counted_or_drawn() {
        let counted = |n: u128| n;
        let drawn = |n: u128| (0x0189_0a5d_ac96 + n) << 80 | n;
        for id in [counted as fn(u128) -> u128, drawn] {
            let mut sizes = [0; 16];
            for number in 0..16_000 {
                sizes[part_of(TaskId::from_u128(id(number)), 16)] += 1;
            }
            assert!(
                sizes.iter().all(|size| (850..1150).contains(size)),
                "{sizes:?}"
            );
        }
    }

    #[test]
    fn bounds_are_shared_out_so_that_remembered_tasks_never_fill_a_partition() {
        for (tasks_max, completed_kept_max) in [(1, 0), (2, 1), (10, 9), (17, 16), (1000, 7)] {
            for partitions in 1..=16 {
                let share = share_of(PoolSettings {
                    partitions,
                    tasks_max,
                    completed_kept_max,
                    bytes_max: Some(tasks_max),
                    ..PoolSettings::default()
                });
                assert!(share.completed_kept_max < share.tasks_max);
                assert!(share.tasks_max * u64::from(partitions) >= tasks_max);
                let bytes = share.bytes_max.expect("a part of it");
                assert!(
                    (tasks_max..tasks_max + u64::from(partitions))
                        .contains(&(bytes * u64::from(partitions)))
                );
            }
        }
    }
}
