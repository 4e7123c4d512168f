//! The leases that a worker holds, and what each waits for.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, OnceLock},
    time::Duration,
};

use leasehold_core::{LeaseRef, Revocation, limits::LEASE_MIN};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Outcome, Task};

/// How a handler is told that it runs in vain.
#[derive(Debug, Clone)]
pub(super) struct Alarm {
    pub(super) cancelled: CancellationToken,
    pub(super) stop_asked: CancellationToken,
    pub(super) revoked: Arc<OnceLock<Revocation>>,
}

#[derive(Debug)]
enum Phase {
    /// For a slot.
    Waiting(Box<Task>),
    Running(Alarm),
    /// Its outcome has yet to be confirmed.
    Finished(Outcome),
}

#[derive(Debug)]
struct Held {
    /// The place of its pool.
    place: usize,
    /// How long it runs from the grant or the last extension.
    lease: Duration,
    /// When to extend it, or to give it back unstarted; a third into it.
    due: Instant,
    phase: Phase,
}

/// What became of a lease that was lost.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It was not held, or its outcome is on its way and will be answered.
    None,
    /// The task waited for a slot; this is the place of its pool.
    Waiting(usize),
    /// The handler was told.
    Running,
}

#[derive(Debug, Default)]
pub(super) struct Leases {
    held: HashMap<LeaseRef, Held>,
    /// When each lease that waits or runs is due.
    due: BTreeSet<(Instant, LeaseRef)>,
    /// Those that wait for a slot, longest first.
    waiting: VecDeque<LeaseRef>,
    /// Those whose outcome is to be sent.
    outbox: VecDeque<LeaseRef>,
    /// Those whose outcome is to be sent again, and when.
    later: BTreeSet<(Instant, LeaseRef)>,
}

impl Leases {
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn holds(&self, proof: LeaseRef) -> bool {
        self.held.contains_key(&proof)
    }

    pub(super) fn all(&self) -> Vec<LeaseRef> {
        self.held.keys().copied().collect()
    }

    /// A task came, and waits for a slot.
    pub(super) fn deliver(&mut self, task: Task, place: usize, lease: Duration) {
        let (proof, lease) = (task.lease, lease.max(LEASE_MIN));
        let due = Instant::now() + lease / 3;
        let phase = Phase::Waiting(Box::new(task));
        self.due.insert((due, proof));
        self.waiting.push_back(proof);
        let held = Held {
            place,
            lease,
            due,
            phase,
        };
        self.held.insert(proof, held);
    }

    /// The task that waited longest, now running, and the place of its pool.
    pub(super) fn start(&mut self) -> Option<(Task, usize)> {
        while let Some(proof) = self.waiting.pop_front() {
            let Some(held) = self.held.get_mut(&proof) else {
                continue;
            };
            let Phase::Waiting(task) = &held.phase else {
                continue;
            };
            let alarm = Alarm {
                cancelled: task.cancelled.clone(),
                stop_asked: task.stop_asked.clone(),
                revoked: Arc::clone(&task.revoked),
            };
            let phase = std::mem::replace(&mut held.phase, Phase::Running(alarm));
            if let Phase::Waiting(task) = phase {
                return Some((*task, held.place));
            }
        }
        None
    }

    /// There is an outcome; false if the lease was lost before.
    pub(super) fn finish(&mut self, proof: LeaseRef, outcome: Outcome) -> bool {
        let Some(held) = self.held.get_mut(&proof) else {
            return false;
        };
        self.due.remove(&(held.due, proof));
        held.phase = Phase::Finished(outcome);
        self.outbox.push_back(proof);
        true
    }

    /// Gives back all that wait for a slot; the places of their pools.
    pub(super) fn release_waiting(&mut self) -> Vec<usize> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting
            .into_iter()
            .filter_map(|proof| self.release(proof))
            .collect()
    }

    fn release(&mut self, proof: LeaseRef) -> Option<usize> {
        let place = self.held.get(&proof)?.place;
        self.finish(proof, Outcome::Release);
        Some(place)
    }

    /// Tells the handler, or gives the task back that waits for a slot; then the place of its pool.
    pub(super) fn ask_to_stop(&mut self, proof: LeaseRef) -> Option<usize> {
        match &self.held.get(&proof)?.phase {
            Phase::Finished(_) => None,
            Phase::Running(alarm) => {
                alarm.stop_asked.cancel();
                None
            }
            Phase::Waiting(_) => self.release(proof),
        }
    }

    pub(super) fn lose(&mut self, proof: LeaseRef, why: Revocation) -> Loss {
        let Some(held) = self.held.get(&proof) else {
            return Loss::None;
        };
        let loss = match &held.phase {
            Phase::Finished(_) => return Loss::None,
            Phase::Waiting(_) => Loss::Waiting(held.place),
            Phase::Running(alarm) => {
                // The first reason stands.
                let _ = alarm.revoked.set(why);
                alarm.cancelled.cancel();
                Loss::Running
            }
        };
        self.due.remove(&(held.due, proof));
        self.held.remove(&proof);
        self.waiting.retain(|waiting| *waiting != proof);
        loss
    }

    /// Tells every running handler to stop.
    pub(super) fn cancel_all(&self) {
        for held in self.held.values() {
            if let Phase::Running(alarm) = &held.phase {
                alarm.cancelled.cancel();
            }
        }
    }

    /// The hub said how long a lease runs from now.
    pub(super) fn extended(&mut self, proof: LeaseRef, lease: Duration) {
        if let Some(held) = self.held.get_mut(&proof) {
            let lease = lease.max(LEASE_MIN);
            held.lease = lease;
            self.set_due(proof, Instant::now() + lease / 3);
        }
    }

    pub(super) fn set_due(&mut self, proof: LeaseRef, due: Instant) {
        let Some(held) = self.held.get_mut(&proof) else {
            return;
        };
        if !matches!(held.phase, Phase::Finished(_)) {
            self.due.remove(&(held.due, proof));
            held.due = due;
            self.due.insert((due, proof));
        }
    }

    /// Something else just extends all of them.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.due.clear();
        for (proof, held) in &mut self.held {
            held.due = now + held.lease / 3;
            if !matches!(held.phase, Phase::Finished(_)) {
                self.due.insert((held.due, *proof));
            }
        }
    }

    /// Running leases that are due or will soon be, put off by a third of their length; and the
    /// places of pools whose tasks waited too long for a slot, and are given back.
    pub(super) fn take_due(&mut self, now: Instant) -> (Vec<LeaseRef>, Vec<usize>) {
        let (mut extend, mut places) = (Vec::new(), Vec::new());
        while let Some(&(due, proof)) = self.due.first() {
            let Some(held) = self.held.get(&proof) else {
                self.due.pop_first();
                continue;
            };
            // Those of the next moments come along, so that a hundred leases are few requests.
            let (lease, waits) = (held.lease, matches!(held.phase, Phase::Waiting(_)));
            if due > now && (waits || due > now + lease / 10) {
                break;
            }
            if waits {
                places.extend(self.release(proof));
            } else {
                self.set_due(proof, now + lease / 3);
                extend.push(proof);
            }
        }
        (extend, places)
    }

    /// Outcomes to send now, as `fit` makes them: that is what is remembered and told of, too.
    pub(super) fn take_outbox(
        &mut self,
        fit: impl Fn(Outcome) -> Outcome,
    ) -> Vec<(LeaseRef, Outcome)> {
        let mut fitted = Vec::new();
        for proof in std::mem::take(&mut self.outbox) {
            if let Some(held) = self.held.get_mut(&proof)
                && let Phase::Finished(outcome) = &mut held.phase
            {
                *outcome = fit(outcome.clone());
                fitted.push((proof, outcome.clone()));
            }
        }
        fitted
    }

    pub(super) fn outcome(&self, proof: LeaseRef) -> Option<&Outcome> {
        match &self.held.get(&proof)?.phase {
            Phase::Finished(outcome) => Some(outcome),
            Phase::Waiting(_) | Phase::Running(_) => None,
        }
    }

    /// The hub has had its say; the outcome it was about.
    pub(super) fn settle(&mut self, proof: LeaseRef) -> Option<Outcome> {
        self.outcome(proof)?;
        match self.held.remove(&proof)?.phase {
            Phase::Finished(outcome) => Some(outcome),
            Phase::Waiting(_) | Phase::Running(_) => None,
        }
    }

    /// The outcome is to be sent once more.
    pub(super) fn send_later(&mut self, proof: LeaseRef, at: Instant) {
        self.later.insert((at, proof));
    }

    pub(super) fn take_later(&mut self, now: Instant) {
        while let Some(&(at, proof)) = self.later.first()
            && at <= now
        {
            self.later.pop_first();
            self.outbox.push_back(proof);
        }
    }

    /// A new session: every outcome that was not confirmed is to be sent again.
    pub(super) fn send_all_again(&mut self) {
        self.later.clear();
        let finished = |(proof, held): (&LeaseRef, &Held)| {
            matches!(held.phase, Phase::Finished(_)).then_some(*proof)
        };
        self.outbox = self.held.iter().filter_map(finished).collect();
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let due = self.due.first().map(|(at, _)| *at);
        let later = self.later.first().map(|(at, _)| *at);
        due.into_iter().chain(later).min()
    }
}
