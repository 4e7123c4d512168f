//! What was done, and what came of it.

use std::sync::{Arc, Mutex, PoisonError};

use leasehold_wire::Refusal;

/// What a cable counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Connections that were made to the hub.
    pub(crate) connections: u64,
    /// Those that a blow ended.
    pub(crate) struck: u64,
    /// Those that were made twice.
    pub(crate) doubled: u64,
    /// Frames to the hub that were spoilt, all of them so that the hub must notice.
    pub(crate) spoilt_up: u64,
    /// Frames from the hub that were spoilt.
    pub(crate) spoilt_down: u64,
    /// Connections with a spoilt frame to the hub that the hub ended with its reason.
    pub(crate) answered: u64,
    /// Those that the hub ended without one.
    pub(crate) unanswered: u64,
    /// The last reasons.
    pub(crate) refusals: Vec<Refusal>,
}

/// Reasons that are kept.
const REFUSALS_KEPT: usize = 16;

#[derive(Debug, Clone, Default)]
pub(super) struct Books(Arc<Mutex<Tally>>);

impl Tally {
    /// All of it, of two cables.
    #[must_use]
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.connections += other.connections;
        self.struck += other.struck;
        self.doubled += other.doubled;
        self.spoilt_up += other.spoilt_up;
        self.spoilt_down += other.spoilt_down;
        self.answered += other.answered;
        self.unanswered += other.unanswered;
        self.refusals.extend(other.refusals);
        self
    }
}

impl Books {
    pub(super) fn change(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        self.change(|tally| {
            if tally.refusals.len() == REFUSALS_KEPT {
                tally.refusals.remove(0);
            }
            tally.refusals.push(refusal);
        });
    }

    pub(super) fn tally(&self) -> Tally {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
