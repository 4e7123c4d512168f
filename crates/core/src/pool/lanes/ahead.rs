//! What is to be granted next, and after that, without granting it.

use alloc::{boxed::Box, collections::BinaryHeap, vec::Vec};
use core::cmp::Reverse;

use super::{Lanes, Rules, Share, Turn};
use crate::pool::tasks::At;

/// A lane of which some may be ahead: what comes next of it, and then.
struct Head<'a> {
    share: Share,
    next: At,
    rest: Box<dyn Iterator<Item = (Turn, At)> + 'a>,
}

/// Lanes whose turn was near once, by their next turn.
struct Heads<'a> {
    rules: Rules,
    heads: Vec<Head<'a>>,
    turns: BinaryHeap<Reverse<(Turn, usize)>>,
}

impl<'a> Heads<'a> {
    fn add(&mut self, share: Share, mut ready: impl Iterator<Item = (Turn, At)> + 'a) {
        if let Some((by_order, next)) = ready.next() {
            let turn = self.rules.turn(share, by_order);
            self.turns.push(Reverse((turn, self.heads.len())));
            let rest = Box::new(ready);
            self.heads.push(Head { share, next, rest });
        }
    }

    fn is_before_all(&self, turn: Turn) -> bool {
        let first = self.turns.peek();
        first.is_none_or(|Reverse((first, _))| turn < *first)
    }

    fn grant(&mut self) -> Option<At> {
        let Reverse((_, of)) = self.turns.pop()?;
        let head = &mut self.heads[of];
        let granted = head.next;
        self.rules.granted(&mut head.share);
        if let Some((by_order, next)) = head.rest.next() {
            head.next = next;
            let turn = self.rules.turn(head.share, by_order);
            self.turns.push(Reverse((turn, of)));
        }
        Some(granted)
    }
}

impl Lanes {
    /// The first so many as things are now, if each is granted before the next and none ends.
    /// Nothing is looked at of a lane whose turn does not come.
    pub(super) fn ahead<'a>(
        &'a self,
        count: usize,
        plain: impl Iterator<Item = (Turn, At)> + 'a,
        key_of: impl Fn(At) -> Turn + Copy + 'a,
    ) -> Vec<At> {
        let mut heads = Heads {
            rules: self.rules,
            heads: Vec::new(),
            turns: BinaryHeap::new(),
        };
        heads.add(self.plain, plain);
        // Those that were not taken up yet, by their turns.
        let mut open = self.open.iter().peekable();
        let mut ahead = Vec::new();
        while ahead.len() < count {
            if let Some((_, group)) = open.next_if(|(turn, _)| heads.is_before_all(*turn))
                && let Some(lane) = self.lanes.get(group)
            {
                let room = (self.rules.claimed_max - lane.claimed) as usize;
                heads.add(lane.share, lane.ready.in_order(key_of).take(room));
            }
            match heads.grant() {
                Some(next) => ahead.push(next),
                None => break,
            }
        }
        ahead
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::cell::Cell;

    use proptest::prelude::*;
    use smol_str::SmolStr;

    use super::*;
    use crate::{PoolSettings, Timestamp, pool::gate::Terms};

    /// Lanes, and the keys of what is ready: in them, and of no group.
    struct Stage {
        lanes: Lanes,
        keys: Vec<Turn>,
        plain: Vec<At>,
    }

    impl Stage {
        fn new(is_fair: bool, group_max: u32) -> Self {
            let settings = PoolSettings {
                fair_share: is_fair,
                group_concurrency_max: Some(group_max),
                ..PoolSettings::default()
            };
            let terms = Terms::of(&settings).expect("it is limited");
            Self {
                lanes: Lanes::new(&terms, Timestamp::default()),
                keys: Vec::new(),
                plain: Vec::new(),
            }
        }

        /// Of the group of this number; 0 is none.
        fn add(&mut self, group: usize, rank: u64) {
            let at = At::try_from(self.keys.len()).expect("they are few");
            let key = Turn(rank, 0, at.into());
            self.keys.push(key);
            if group == 0 {
                self.plain.push(at);
                self.plain.sort_by_key(|at| self.keys[*at as usize]);
                return;
            }
            let group = SmolStr::from(format!("group {group}"));
            self.lanes.lane(&group).ready.insert(key, at);
            self.lanes.place(&group);
        }

        fn grant(&mut self, group: usize) {
            let group = SmolStr::from(format!("group {group}"));
            let Some((key, at)) = self.lanes.lane(&group).ready.first() else {
                return;
            };
            let keys = &self.keys;
            let lane = self.lanes.lane(&group);
            lane.ready.remove(key, at, |at| keys[at as usize]);
            lane.claimed += 1;
            self.lanes.place(&group);
            self.lanes.granted(Some(&group));
        }

        /// And how many keys were looked at.
        fn ahead(&self, count: usize) -> (Vec<At>, usize) {
            let looked = Cell::new(0);
            let key_of = |at: At| {
                looked.set(looked.get() + 1);
                self.keys[at as usize]
            };
            let plain = self.plain.iter().map(|at| (key_of(*at), *at));
            let ahead = self.lanes.ahead(count, plain, key_of);
            (ahead, looked.get())
        }

        /// The same, looking at each lane for each.
        fn ahead_one_by_one(&self, count: usize) -> Vec<At> {
            let (lanes, key_of) = (&self.lanes, |at: At| self.keys[at as usize]);
            let mut rules = lanes.rules;
            let mut all = Vec::from([(lanes.plain, self.plain.clone())]);
            for (_, group) in &lanes.open {
                let lane = &lanes.lanes[group];
                let room = (rules.claimed_max - lane.claimed) as usize;
                all.push((lane.share, lane.ready.ahead(room, key_of)));
            }
            let mut ahead = Vec::new();
            while ahead.len() < count {
                let heads = all.iter_mut().filter(|(_, ready)| !ready.is_empty());
                let turn = |(share, ready): &(Share, Vec<At>)| rules.turn(*share, key_of(ready[0]));
                let Some((share, ready)) = heads.min_by_key(|head| turn(head)) else {
                    break;
                };
                ahead.push(ready.remove(0));
                rules.granted(share);
            }
            ahead
        }
    }

    #[test]
    fn a_thousand_lanes_cost_what_is_ahead_and_not_what_is_there() {
        for is_fair in [true, false] {
            let mut stage = Stage::new(is_fair, 1_000_000);
            (0..20_000).for_each(|at| stage.add(1 + at % 1000, at as u64));
            let (ahead, looked) = stage.ahead(1024);
            assert_eq!(ahead, stage.ahead_one_by_one(1024));
            assert!(looked <= 4 * 1024, "{looked}");
            let (ahead, looked) = stage.ahead(1);
            assert_eq!((ahead.len(), looked <= 4), (1, true), "{looked}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_looking_at_each_lane_for_each(
            is_fair: bool,
            group_max in 1..20_u32,
            tasks in prop::collection::vec((0..12_usize, 0..5_u64), 0..200),
            grants in prop::collection::vec(1..12_usize, 0..40),
            count in 0..250_usize,
        ) {
            let mut stage = Stage::new(is_fair, group_max);
            tasks.into_iter().for_each(|(group, rank)| stage.add(group, rank));
            grants.into_iter().for_each(|group| stage.grant(group));
            prop_assert_eq!(stage.ahead(count).0, stage.ahead_one_by_one(count));
        }
    }
}
