//! What a task may be.

use std::fmt;

use crate::{Change, Life};

/// What a task may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// None while the hub knows nothing of it.
    pub(crate) life: Option<Life>,
    pub(crate) attempt: u32,
    pub(crate) failures: u32,
    pub(crate) losses: u32,
    pub(crate) interruptions: u32,
    /// The newest lease that may still be answered under.
    pub(crate) lease: Option<String>,
    /// The newest of all.
    pub(crate) newest: Option<String>,
    /// How the last attempt ended, if its holder may come back and take that back.
    pub(crate) ending: Option<Ending>,
}

/// As what an ending counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Failure,
    Loss,
    Interruption,
}

impl Ending {
    /// In the hub's words.
    pub(crate) fn parse(cause: &str) -> Option<Self> {
        match cause {
            "Requeued(Failed)" | "Requeued(Expired)" | "Requeued(Overran)" => Some(Self::Failure),
            "Requeued(Cut)" | "Requeued(Silence)" => Some(Self::Loss),
            "Requeued(Released)" | "Requeued(Interrupted)" => Some(Self::Interruption),
            _ => None,
        }
    }
}

impl State {
    /// After a change that could not be: the best there is.
    pub(crate) fn as_told(change: &Change) -> Self {
        Self {
            life: Some(change.life),
            attempt: change.attempt,
            lease: change.lease.clone(),
            newest: change.lease.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.life.is_some_and(Life::is_end)
    }

    /// What it may be after its pool was loaded: whose time had come meanwhile is ready.
    pub(crate) fn reloaded(self) -> Vec<Self> {
        if self.life != Some(Life::Scheduled) {
            return vec![self];
        }
        let ready = Self {
            life: Some(Life::Ready),
            ..self.clone()
        };
        vec![self, ready]
    }

    /// Counts an attempt that ends without success.
    pub(crate) fn count(&mut self, ending: Ending) {
        match ending {
            Ending::Failure => self.failures += 1,
            Ending::Loss => self.losses += 1,
            Ending::Interruption => {
                self.interruptions += 1;
                self.attempt = self.attempt.saturating_sub(1);
            }
        }
        self.ending = Some(ending);
    }

    /// The holder is there after all: takes the ending back.
    pub(crate) fn take_back(&mut self) {
        match self.ending.take() {
            Some(Ending::Failure) => self.failures = self.failures.saturating_sub(1),
            Some(Ending::Loss) => self.losses = self.losses.saturating_sub(1),
            Some(Ending::Interruption) => {
                self.interruptions = self.interruptions.saturating_sub(1);
                self.attempt += 1;
            }
            None => {}
        }
        self.life = Some(Life::Claimed);
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.life {
            None => f.write_str("not known to the hub"),
            Some(life) => write!(
                f,
                "{life}, attempt {} ({} failures, {} losses, {} interruptions)",
                self.attempt, self.failures, self.losses, self.interruptions
            ),
        }
    }
}

/// Whether the first lease of a task was granted after the second: the numbers of a lease id grow
/// with each grant of a pool.
pub(crate) fn is_newer(lease: &str, than: &str) -> bool {
    match (numbers(lease), numbers(than)) {
        (Some(lease), Some(than)) => lease > than,
        (None, _) | (_, None) => false,
    }
}

/// Epoch and number.
fn numbers(lease: &str) -> Option<(u64, u64)> {
    let mut parts = lease.split('-').skip(1);
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}
