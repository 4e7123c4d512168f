//! The judge. It shares no code with the core: it is told what the hub heard, changed, stored and
//! said, keeps its own books by the documented rules, and objects where the two part.

mod books;
mod durable;
mod ended;
mod expiry;
mod govern;
mod grants;
mod groups;
mod holders;
mod links;
mod rates;
mod replies;
mod schedules;
mod seen;
mod step;
mod stops;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};

use leasehold_core::{
    Change, Command, LeaseId, PoolSettings, Reply, RequestId, SessionId, State, Task, TaskId,
    Timestamp, Transition,
};

use self::{books::Books, step::Step};
use crate::trace::short;

/// What the oracle objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The task that suffered, if it was one.
    pub task: Option<TaskId>,
    /// What was wrong.
    pub what: String,
}

impl Violation {
    pub(crate) fn of(task: TaskId, what: impl Into<String>) -> Self {
        let what = format!("{}: {}", short(task), what.into());
        Self {
            task: Some(task),
            what,
        }
    }

    /// Which rule was broken, whoever suffered: what was wrong without names and numbers.
    #[must_use]
    pub fn rule(&self) -> String {
        let what = match self.task {
            Some(_) => self.what.split_once(": ").map_or("", |(_, what)| what),
            None => &self.what,
        };
        let words = what.split([':', '(', '{', '[']).next().unwrap_or_default();
        let is_name = |word: &&str| !word.chars().any(|c| c.is_ascii_digit());
        words
            .split_whitespace()
            .filter(is_name)
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(crate) fn general(what: impl Into<String>) -> Self {
        Self {
            task: None,
            what: what.into(),
        }
    }
}

pub(crate) type Verdict<T = ()> = Result<T, Violation>;

/// Books for each pool, and what is true over all of them.
#[derive(Debug)]
pub(crate) struct Oracle {
    pools: Vec<Books>,
    /// Every lease ever issued.
    issued: BTreeSet<LeaseId>,
    /// What was seen, and how often: worlds in which nothing happens prove nothing.
    pub(crate) figures: BTreeMap<String, u64>,
    /// The time that no clock shows.
    pub(crate) real: Timestamp,
}

/// What a pool did in one call.
pub(crate) struct Call<'a> {
    pub(crate) now: Timestamp,
    /// As it came from the network; none if only time passed.
    pub(crate) asked: Option<(SessionId, RequestId, &'a Command)>,
    pub(crate) outcome: &'a Transition,
}

impl Oracle {
    pub(crate) fn new(settings: &[Vec<PoolSettings>]) -> Self {
        Self {
            pools: settings.iter().cloned().map(Books::new).collect(),
            issued: BTreeSet::new(),
            figures: BTreeMap::new(),
            real: Timestamp::default(),
        }
    }

    /// A pool was restored from the disk; nothing else is left of what was before.
    pub(crate) fn restored(&mut self, pool: usize, now: Timestamp) -> Verdict {
        self.count("restored");
        let real = self.real;
        self.pools[pool].restore(now, real)
    }

    /// A pool was called.
    pub(crate) fn called(&mut self, pool: usize, call: &Call<'_>) -> Verdict {
        self.count_call(call);
        for grant in replies::grants(&call.outcome.replies) {
            if !self.issued.insert(grant.lease) {
                let what = format!("lease {} was issued twice", grant.lease);
                return Err(Violation::of(grant.task, what));
            }
        }
        let mut step = Step::new(call, self.real);
        let verdict = self.pools[pool].judge(&mut step);
        step.remarks.iter().for_each(|what| self.count(what));
        verdict
    }

    /// So many changes, of which the disk holds the first `kept`, left the pool's memory.
    pub(crate) fn stored(&mut self, pool: usize, at: Timestamp, changes: usize, kept: usize) {
        self.pools[pool].stored(at, changes, kept);
    }

    /// A reply left the hub, which was worded after so many durable changes of its pool.
    pub(crate) fn left(&mut self, pool: usize, reply: &Reply, after: u64) -> Verdict {
        self.pools[pool].left(reply, after)
    }

    /// Durable changes that the pool has made since the world began.
    pub(crate) fn changes_made(&self, pool: usize) -> u64 {
        self.pools[pool].changes_made()
    }

    /// Whether every task that is known has ended.
    pub(crate) fn all_ended(&self) -> bool {
        self.pools.iter().all(Books::all_ended)
    }

    /// The world is over: judges it by what the disk of this pool holds.
    pub(crate) fn finish(&self, pool: usize, now: Timestamp, disk: &[Task]) -> Verdict {
        self.pools[pool].finish(now, disk)
    }

    fn count_call(&mut self, call: &Call<'_>) {
        for change in &call.outcome.changes {
            match change {
                Change::Put { task, cause, .. } => {
                    self.count(&format!("{cause:?}"));
                    if let State::Dead { cause, .. } = task.state {
                        self.count(&format!("died({cause:?})"));
                    }
                }
                Change::Note { .. } => self.count("Noted"),
                Change::Forget(_) => self.count("Forgotten"),
            }
        }
        for refusal in replies::refusals(&call.outcome.replies) {
            let text = format!("{refusal:?}");
            let kind = text.split(['(', '{', ' ']).next().unwrap_or_default();
            self.count(kind);
        }
        for reply in &call.outcome.replies {
            if let Reply::Revoke(.., why) = reply {
                self.count(&format!("Revoked({why:?})"));
            }
        }
    }

    pub(crate) fn count(&mut self, what: &str) {
        *self.figures.entry(what.to_string()).or_default() += 1;
    }
}
