//! How many tasks each pool may send: a fair share of the slots each, topped up as they free up.

use std::time::Duration;

use leasehold_core::PoolName;
use tokio::time::Instant;

/// One pool's share. At any time `granted + busy <= quota`.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) pool: PoolName,
    quota: usize,
    /// Granted in this session, and not used up by a delivery.
    granted: usize,
    /// Slots that its tasks take, or wait for.
    busy: usize,
    /// A task was given back because no slot came free: no more until one does.
    waits_for_slot: bool,
    /// The hub refused the last grant: no more until then.
    closed_until: Option<Instant>,
}

/// The shares of all pools; a pool is known by its place.
#[derive(Debug)]
pub(super) struct Credit {
    shares: Vec<Share>,
}

impl Credit {
    pub(super) fn new(pools: Vec<PoolName>, slots: usize) -> Self {
        let (each, over) = (slots / pools.len(), slots % pools.len());
        let share = |(place, pool)| Share {
            pool,
            quota: (each + usize::from(place < over)).max(1),
            granted: 0,
            busy: 0,
            waits_for_slot: false,
            closed_until: None,
        };
        Self {
            shares: pools.into_iter().enumerate().map(share).collect(),
        }
    }

    pub(super) fn place_of(&self, pool: &PoolName) -> Option<usize> {
        self.shares.iter().position(|share| share.pool == *pool)
    }

    pub(super) fn pool_at(&self, place: usize) -> PoolName {
        self.shares[place].pool.clone()
    }

    /// Credit is a session's own.
    pub(super) fn session_ended(&mut self) {
        for share in &mut self.shares {
            share.granted = 0;
            share.closed_until = None;
        }
    }

    pub(super) fn delivered(&mut self, place: usize) {
        let share = &mut self.shares[place];
        share.granted = share.granted.saturating_sub(1);
        share.busy += 1;
    }

    /// A task takes, or waits for, a slot no more.
    pub(super) fn ended(&mut self, place: usize) {
        self.shares[place].busy -= 1;
    }

    /// A task waited for a slot too long.
    pub(super) fn gave_up(&mut self, place: usize) {
        self.ended(place);
        self.shares[place].waits_for_slot = true;
    }

    pub(super) fn slot_freed(&mut self) {
        for share in &mut self.shares {
            share.waits_for_slot = false;
        }
    }

    pub(super) fn refused(&mut self, place: usize, tasks: usize, pause: Duration) {
        let share = &mut self.shares[place];
        share.granted = share.granted.saturating_sub(tasks);
        share.closed_until = Some(Instant::now() + pause);
    }

    /// Pools that refused long enough ago may be asked again.
    pub(super) fn reopen(&mut self, now: Instant) {
        for share in &mut self.shares {
            share.closed_until.take_if(|until| *until <= now);
        }
    }

    /// Credit granted and not used up, of all pools.
    pub(super) fn granted(&self) -> usize {
        self.shares.iter().map(|share| share.granted).sum()
    }

    /// What to grant now, at most `room` tasks in all: places, pools, and how many.
    pub(super) fn top_up(&mut self, room: usize) -> Vec<(usize, PoolName, u32)> {
        let mut room = room;
        let mut grants = Vec::new();
        for (place, share) in self.shares.iter_mut().enumerate() {
            if share.closed_until.is_some() || share.waits_for_slot {
                continue;
            }
            let more = share
                .quota
                .saturating_sub(share.granted + share.busy)
                .min(room);
            if let (1.., Ok(tasks)) = (more, u32::try_from(more)) {
                share.granted += more;
                room -= more;
                grants.push((place, share.pool.clone(), tasks));
            }
        }
        grants
    }

    /// When a pool that refused is to be asked again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.shares
            .iter()
            .filter_map(|share| share.closed_until)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credit(pools: usize, slots: usize) -> Credit {
        let name = |i| PoolName::new(&format!("pool-{i}")).unwrap();
        Credit::new((0..pools).map(name).collect(), slots)
    }

    fn amounts(grants: Vec<(usize, PoolName, u32)>) -> Vec<u32> {
        grants.into_iter().map(|(.., tasks)| tasks).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn shares_add_up_to_the_slots_and_are_at_least_one() {
        assert_eq!(amounts(credit(1, 8).top_up(100)), [8]);
        assert_eq!(amounts(credit(3, 8).top_up(100)), [3, 3, 2]);
        assert_eq!(amounts(credit(3, 1).top_up(100)), [1, 1, 1]);
        assert_eq!(amounts(credit(3, 8).top_up(4)), [3, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_busy_or_granted_is_not_granted_again() {
        let mut credit = credit(1, 2);
        credit.top_up(100);
        assert!(credit.top_up(100).is_empty());
        credit.delivered(0);
        assert!(credit.top_up(100).is_empty());
        credit.session_ended();
        assert_eq!(amounts(credit.top_up(100)), [1]);
        credit.ended(0);
        assert_eq!(amounts(credit.top_up(100)), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_refused_is_asked_again_later() {
        let mut credit = credit(1, 2);
        credit.top_up(100);
        credit.refused(0, 2, Duration::from_secs(1));
        assert!(credit.top_up(100).is_empty());
        let later = credit.next_deadline().unwrap();
        assert_eq!(later, Instant::now() + Duration::from_secs(1));
        credit.reopen(later);
        assert_eq!(amounts(credit.top_up(100)), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_vain_wait_for_a_slot_one_has_to_come_free_first() {
        let mut credit = credit(2, 1);
        credit.top_up(100);
        credit.delivered(1);
        credit.gave_up(1);
        assert!(credit.top_up(100).is_empty());
        credit.slot_freed();
        assert_eq!(amounts(credit.top_up(100)), [1]);
    }
}
