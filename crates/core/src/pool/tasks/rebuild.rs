//! Other settings under tasks that are there.

use super::{Runs, Spot, Tasks};
use crate::{PoolSettings, Timestamp};

impl Tasks {
    /// What the settings say of order and of keeping holds for all tasks from here on. Costs a look
    /// at each task if the order is another, and else nothing.
    pub(in crate::pool) fn rebuild(&mut self, settings: &PoolSettings) {
        self.kept_for = (settings.completed_kept_for, settings.dead_kept_for);
        // What is due by that is found with the next look.
        self.quiet_until = Timestamp::default();
        if self.aging == settings.aging {
            return;
        }
        self.aging = settings.aging;
        self.ready = Runs::new();
        for (at, _) in self.shelf.iter_from(0) {
            if let Spot::Ready(order) = self.spot_in(&self.shelf.seat(at)) {
                self.ready.load(order, at);
            }
        }
        self.ready.settle();
    }
}
