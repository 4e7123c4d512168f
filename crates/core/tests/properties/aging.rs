//! The bound on waiting that `docs/TASKS.md` promises of priorities.

use std::collections::BTreeMap;

use leasehold_core::*;
use proptest::prelude::*;

use crate::harness::*;

/// What comes next: a task of this priority, and after how many milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    after_ms: u64,
    priority: u32,
}

/// Mostly the most urgent, and often several at once.
pub(crate) fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let priority = prop_oneof![4 => Just(0), 1 => Just(1), 1 => 2..20u32];
    let after = prop_oneof![2 => Just(0), 3 => 1..20u64, 1 => 20..200u64];
    let arrival = (after, priority).prop_map(|(after_ms, priority)| Arrival { after_ms, priority });
    prop::collection::vec(arrival, 1..120)
}

/// A pool that is fed faster than it is worked off, so that only the order decides who waits.
pub(crate) struct Crowd {
    world: World,
    me: SessionId,
    step_ms: u64,
    /// Those that wait: since when, and of which priority.
    waiting: BTreeMap<TaskId, (Timestamp, u32)>,
    next: u128,
}

impl Crowd {
    pub(crate) fn new(step_ms: u64) -> Self {
        let mut world = World::new(PoolSettings {
            aging: Aging::Step(ms(step_ms)),
            completed_kept_max: 0,
            ..PoolSettings::default()
        });
        let me = world.open(1, &node("me", 1));
        Self {
            world,
            me,
            step_ms,
            waiting: BTreeMap::new(),
            next: 1,
        }
    }

    pub(crate) fn arrives(&mut self, arrival: Arrival) {
        self.world.pass(ms(arrival.after_ms));
        let priority = arrival.priority;
        let new = NewTask {
            priority,
            ..task(self.next)
        };
        self.waiting.insert(new.id, (self.world.now, priority));
        self.next += 1;
        assert!(self.world.put(self.me, new).is_ok());
    }

    /// Whoever is claimed overtakes nobody whose time was up when it came.
    pub(crate) fn claims_one(&mut self) -> Option<TaskId> {
        let proof = self.world.take(self.me)?;
        self.world.complete(self.me, proof);
        let claimed = proof.task;
        let (came_at, _) = self.waiting.remove(&claimed)?;
        let time_of = |priority: u32| ms(u64::from(priority) * self.step_ms);
        // At the very same moment whoever was enqueued first goes first.
        let overtaken = self.waiting.iter().find(|(waits, (since, priority))| {
            (*since + time_of(*priority), **waits) < (came_at, claimed)
        });
        assert_eq!(overtaken, None, "{claimed} came at {came_at:?}");
        Some(claimed)
    }
}

/// Of a steady stream of the most urgent tasks, how many go before one of this priority, which came
/// before all of them, where one is claimed for each that comes.
pub(crate) fn overtakers(step_ms: u64, every_ms: u64, priority: u32) -> u64 {
    let mut crowd = Crowd::new(step_ms);
    let arrival = |after_ms, priority| Arrival { after_ms, priority };
    crowd.arrives(arrival(0, priority));
    let most = u64::from(priority) * step_ms / every_ms + 2;
    for overtakers in 0..=most {
        crowd.arrives(arrival(every_ms, 0));
        if crowd.claims_one() == Some(id(1)) {
            return overtakers;
        }
    }
    panic!("{most} of the stream went before it");
}
