//! Where each task stands: in the lane of its group, or where all do that have none.

use alloc::vec::Vec;

use smol_str::SmolStr;

use super::{Lanes, Turn};
use crate::pool::tasks::{At, Order, Spot, Tasks, order};

impl Tasks {
    fn lanes_mut(&mut self) -> Option<&mut Lanes> {
        self.gate.as_mut()?.lanes.as_mut()
    }

    /// Its group, if the pool tells groups apart.
    pub(in crate::pool) fn group(&self, at: At) -> Option<SmolStr> {
        self.gate.as_ref()?.lanes.as_ref()?;
        self.shelf.extras(at)?.group.clone()
    }

    /// Whether a task that is ready has a lane to stand in, and does.
    #[cold]
    pub(in crate::pool) fn line_up(&mut self, order: Order, at: At) -> bool {
        let group = self.group(at);
        let is_first = self.ready.len() == 0;
        match (self.lanes_mut(), group) {
            (Some(lanes), Some(group)) => {
                lanes.lane(&group).ready.insert(Turn::by(order), at);
                lanes.place(&group);
                true
            }
            (Some(lanes), None) => {
                if is_first {
                    lanes.rules.catch_up(&mut lanes.plain);
                }
                false
            }
            (None, _) => false,
        }
    }

    /// As [`Tasks::line_up`], of one of many.
    #[cold]
    pub(in crate::pool) fn load_up(&mut self, order: Order, at: At) {
        let group = self.group(at);
        match (self.lanes_mut(), group) {
            (Some(lanes), Some(group)) => lanes.lane(&group).ready.load(Turn::by(order), at),
            (_, None) | (None, _) => self.ready.load(order, at),
        }
    }

    #[cold]
    pub(in crate::pool) fn settle_lanes(&mut self) {
        if let Some(lanes) = self.lanes_mut() {
            lanes.settle();
        }
    }

    /// Whether nothing is left to be unlinked. The task is there no longer, or is another already.
    #[cold]
    pub(in crate::pool) fn unlink_limited(&mut self, at: At, spot: Spot) -> bool {
        match spot {
            Spot::Ready(order) => self.step_out(order, at),
            Spot::Claimed(_) => {
                self.count_claimed(at, false);
                false
            }
            Spot::Scheduled(..) | Spot::Finished(_) | Spot::Dead(_) => false,
        }
    }

    /// Whether it stood in a lane.
    fn step_out(&mut self, key: Order, at: At) -> bool {
        let group = self.group(at);
        let (aging, shelf) = (self.aging, &self.shelf);
        let key_of = |other| {
            let is_it = other == at;
            Turn::by(if is_it {
                key
            } else {
                order(aging, &shelf.seat(other))
            })
        };
        let lanes = self.gate.as_mut().and_then(|gate| gate.lanes.as_mut());
        let (Some(lanes), Some(group)) = (lanes, group) else {
            return false;
        };
        let ready = &mut lanes.lane(&group).ready;
        ready.remove(Turn::by(key), at, key_of);
        lanes.place(&group);
        true
    }

    /// One more is on lease, or one less.
    #[cold]
    pub(in crate::pool) fn count_claimed(&mut self, at: At, is_more: bool) {
        let group = self.group(at);
        if let (Some(lanes), Some(group)) = (self.lanes_mut(), group) {
            let lane = lanes.lane(&group);
            lane.claimed = if is_more {
                lane.claimed + 1
            } else {
                lane.claimed - 1
            };
            lanes.place(&group);
        }
    }

    /// As [`Tasks::ready_ahead`], in a pool that tells groups apart.
    #[cold]
    pub(in crate::pool) fn ahead_in_lanes(&self, lanes: &Lanes, count: usize) -> Vec<At> {
        let key_of = |at| order(self.aging, &self.shelf.seat(at));
        let plain = self.ready.in_order(key_of);
        let plain = plain.map(|(order, at)| (Turn::by(order), at));
        lanes.ahead(count, plain, |at| Turn::by(key_of(at)))
    }
}
