//! What nodes did and were told, kept apart from the hub and from the node library.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use leasehold_node::{LeaseId, LeaseRef, Rejection, RequestError, StateKind, TaskId};
use tokio::sync::watch;

/// How the hub says that a task ended.
pub(crate) type State = Result<StateKind, RequestError>;

/// Clones are the same books.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pages: Arc<Mutex<Pages>>,
    acknowledgements: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Pages {
    enqueued: HashSet<TaskId>,
    /// The leases under which a handler of the task was started, in the order of the starts.
    began: HashMap<TaskId, Vec<LeaseId>>,
    /// What the hub said to the outcome under a lease.
    ended: HashMap<LeaseRef, Result<(), Rejection>>,
    /// Leases that no death of the hub may take.
    safe: HashSet<LeaseRef>,
    resumed: usize,
}

impl Books {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("nobody panics over the books")
    }

    /// How many enqueues and completions were acknowledged.
    pub(crate) fn acknowledgements(&self) -> watch::Receiver<u64> {
        self.acknowledgements.subscribe()
    }

    pub(crate) fn enqueued(&self) -> Vec<TaskId> {
        self.pages().enqueued.iter().copied().collect()
    }

    pub(crate) fn acknowledged(&self, task: TaskId) {
        self.pages().enqueued.insert(task);
        self.acknowledgements.send_modify(|count| *count += 1);
    }

    pub(crate) fn began(&self, proof: LeaseRef) {
        let mut pages = self.pages();
        pages.began.entry(proof.task).or_default().push(proof.lease);
    }

    pub(crate) fn ended(&self, proof: LeaseRef, accepted: Result<(), Rejection>) {
        let is_ok = accepted.is_ok();
        self.pages().ended.insert(proof, accepted);
        if is_ok {
            self.acknowledgements.send_modify(|count| *count += 1);
        }
    }

    pub(crate) fn is_safe(&self, proof: LeaseRef) {
        self.pages().safe.insert(proof);
    }

    pub(crate) fn resumed(&self, leases: usize) {
        self.pages().resumed += leases;
    }

    /// Holds what was promised against what happened; figures for people.
    pub(crate) fn judge(&self, states: &[(TaskId, State)], deaths: usize) -> String {
        let pages = self.pages();
        pages.no_enqueue_was_lost(states);
        pages.no_completion_was_undone();
        pages.handlers_ran_on();
        let runs: usize = pages.began.values().map(Vec::len).sum();
        let (tasks, safe, resumed) = (pages.began.len(), pages.safe.len(), pages.resumed);
        let again = runs - tasks;
        let figures = format!(
            "{tasks} tasks in {runs} runs ({again} in flight unacknowledged ran again); \
             {resumed} leases resumed, {safe} handlers had to outlast a death and did"
        );
        assert!(
            tasks > deaths && safe > deaths / 2,
            "too little happened: {figures}"
        );
        figures
    }
}

impl Pages {
    fn no_enqueue_was_lost(&self, states: &[(TaskId, State)]) {
        assert_eq!(states.len(), self.enqueued.len());
        for (task, state) in states {
            assert_eq!(state, &Ok(StateKind::Completed), "{task} was acknowledged");
            assert!(self.began.contains_key(task), "{task} never ran");
        }
    }

    /// Of each task one outcome was accepted, and that under the newest lease that ever ran: so
    /// nothing started once more after that. Every other run had lost its lease.
    fn no_completion_was_undone(&self) {
        for (task, leases) in &self.began {
            let ending = |lease: &LeaseId| {
                let proof = LeaseRef {
                    task: *task,
                    lease: *lease,
                };
                self.ended.get(&proof)
            };
            assert!(
                leases.is_sorted(),
                "{task} started under {leases:?}, in this order"
            );
            let (newest, older) = leases.split_last().expect("it began at least once");
            assert_eq!(
                ending(newest),
                Some(&Ok(())),
                "{task} under {newest}, of {leases:?}"
            );
            for lease in older {
                let lost = Some(&Err(Rejection::LeaseLost));
                assert_eq!(ending(lease), lost, "{task} under {lease}, of {leases:?}");
            }
        }
    }

    fn handlers_ran_on(&self) {
        for proof in &self.safe {
            let ended = self.ended.get(proof);
            assert_eq!(
                ended,
                Some(&Ok(())),
                "{proof:?} was to outlast a death of the hub"
            );
        }
    }
}
