//! A pool from what was stored.

use alloc::{boxed::Box, collections::VecDeque};

use super::{
    Pool,
    after::Following,
    calendar::Calendar,
    runtime::bounded,
    schedules::Schedules,
    tasks::{EndsBy, Hand, Hold, Numbered, Slot, Tasks},
    waiters::Waiters,
};
use crate::{Epoch, Note, Policy, PoolId, PoolSettings, State, Task, Timestamp};

impl Pool {
    /// The pool as its new owner finds it: empty, or with the tasks that a store gave back.
    ///
    /// Every lease is adrift and good for `restart_grace`, whatever its deadline was: its holder
    /// could not extend it while the hub was gone.
    #[must_use]
    pub fn restore(
        id: PoolId,
        epoch: Epoch,
        settings: PoolSettings,
        now: Timestamp,
        stored: impl IntoIterator<Item = Task>,
    ) -> Self {
        let mut tasks = Tasks::new(id, &settings, now);
        let mut next_place = 0;
        let adrift = Hold {
            hand: Hand::Adrift(None),
            ends_at: now + settings.restart_grace,
            ends_by: EndsBy::HubGone,
        };
        let mut slot: Option<Slot> = None;
        for task in stored {
            next_place = next_place.max(task.place + 1);
            let slot = match &mut slot {
                Some(slot) => {
                    *slot.task = task;
                    slot
                }
                none => none.insert(Slot::of(Box::new(task))),
            };
            slot.hold = (slot.task.state == State::Claimed).then(|| {
                let (ends_at, ends_by) = bounded(&slot.task, adrift.ends_at, adrift.ends_by);
                Hold {
                    ends_at,
                    ends_by,
                    ..adrift
                }
            });
            tasks.load(slot);
        }
        tasks.settle();
        Self {
            id,
            epoch,
            settings,
            now,
            policy: Policy::default(),
            schedules: Schedules::default(),
            calendar: Calendar::default(),
            following: Following::default(),
            tasks,
            sessions: Numbered::default(),
            waiters: Waiters::default(),
            searches: VecDeque::new(),
            purged_until: 0,
            grants: 0,
            next_place,
            lease_lost: 0,
        }
    }
    /// Takes up what a store kept of the pool beside its tasks: once, before anything is asked.
    pub fn recall(&mut self, notes: impl IntoIterator<Item = Note>) {
        for note in notes {
            match note {
                Note::Policy(policy) => self.policy = policy,
                Note::Schedule(schedule) => self.recall_schedule(schedule),
            }
        }
        self.follow_what_ended();
    }
}
