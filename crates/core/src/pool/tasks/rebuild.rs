//! Other settings under tasks that are there.

use alloc::vec::Vec;

use super::{At, Gate, Runs, Spot, Tasks, Terms};
use crate::{PoolSettings, Timestamp};

impl Tasks {
    /// What the settings say of order, limits and keeping holds for all tasks from here on. Costs a
    /// look at each task if the order or what the limits count is another, and else nothing.
    pub(in crate::pool) fn rebuild(&mut self, settings: &PoolSettings, now: Timestamp) {
        self.kept_for = (settings.completed_kept_for, settings.dead_kept_for);
        // What is due by that is found with the next look.
        self.quiet_until = Timestamp::default();
        let terms = Terms::of(settings);
        let is_limited_as_before = terms == self.gate.as_ref().map(|gate| gate.terms);
        if self.aging == settings.aging && is_limited_as_before {
            return;
        }
        self.aging = settings.aging;
        self.ready = Runs::new();
        let gate = terms.map(|terms| Gate::of(terms, now));
        let old = core::mem::replace(&mut self.gate, gate);
        if let (Some(gate), Some(old)) = (&mut self.gate, old) {
            gate.follow(&old);
        }
        let all: Vec<At> = self.shelf.iter_from(0).map(|(at, _)| at).collect();
        all.into_iter().for_each(|at| self.take_in(at));
        self.ready.settle();
        self.settle_lanes();
    }

    fn take_in(&mut self, at: At) {
        let is_limited = self.gate.is_some();
        if is_limited {
            self.weigh(at);
        }
        match self.spot_in(&self.shelf.seat(at)) {
            Spot::Ready(order) if is_limited => self.load_up(order, at),
            Spot::Ready(order) => self.ready.load(order, at),
            Spot::Claimed(_) if is_limited => self.count_claimed(at, true),
            Spot::Claimed(_) | Spot::Scheduled(..) | Spot::Finished(_) | Spot::Dead(_) => {}
        }
    }
}
