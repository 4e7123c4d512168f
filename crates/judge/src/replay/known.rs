//! What of the log is known to have been on disk, and what it says of leases.

use std::collections::{HashMap, HashSet};

use crate::{
    Change, History, LogLine, Outcome,
    story::{Stories, Story},
};

/// What of the log is known to have been on disk, and what it says of leases.
pub(crate) struct Known<'a> {
    on_disk: HashSet<usize>,
    granted: HashMap<(&'a str, &'a str), usize>,
    ended: HashMap<(&'a str, &'a str, Outcome), usize>,
    /// Whether the log says which lease ended.
    names_ends: bool,
}

impl<'a> Known<'a> {
    pub(crate) fn new(history: &'a History, stories: &Stories<'a>) -> Self {
        let mut known = Self {
            on_disk: HashSet::new(),
            granted: HashMap::new(),
            ended: HashMap::new(),
            names_ends: false,
        };
        let mut enqueued = HashMap::new();
        // What was repeated because it was lost counts where it stands last.
        for (position, logged) in (1..).zip(history.logs.iter().flatten()) {
            if let LogLine::Changed(change) = &logged.line {
                if change.cause == "Enqueued" {
                    enqueued.insert(change.task.as_str(), position);
                }
                known.note(position, change);
            }
        }
        for (task, story) in stories {
            known.was_told(task, story, enqueued.get(task).copied());
        }
        known
    }

    fn note(&mut self, position: usize, change: &'a Change) {
        let task = change.task.as_str();
        if let (Some(lease), "Claimed") = (&change.lease, change.cause.as_str()) {
            self.granted.insert((task, lease), position);
        }
        if let Some(ended) = &change.ended {
            self.names_ends = true;
            if let Some(outcome) = outcome_of(&change.cause) {
                self.ended.insert((task, ended, outcome), position);
            }
        }
    }

    fn was_told(&mut self, task: &'a str, story: &Story<'a>, enqueued: Option<usize>) {
        if story.acknowledged.is_some() {
            self.on_disk.extend(enqueued);
        }
        for start in &story.starts {
            self.on_disk.extend(self.granted.get(&(task, start.lease)));
        }
        for told in story.taken() {
            let of = (task, told.lease, told.outcome);
            self.on_disk.extend(self.ended.get(&of));
        }
    }

    /// Whether somebody was told of what stands there, which happens only when it is on disk.
    pub(crate) fn is_on_disk(&self, position: usize) -> bool {
        self.on_disk.contains(&position)
    }

    pub(crate) fn was_granted(&self, task: &'a str, lease: &'a str) -> bool {
        self.granted.contains_key(&(task, lease))
    }

    /// Whether the lease ended so; true where the log does not tell.
    pub(crate) fn has_ended(&self, task: &'a str, lease: &'a str, outcome: Outcome) -> bool {
        !self.names_ends || self.ended.contains_key(&(task, lease, outcome))
    }
}

fn outcome_of(cause: &str) -> Option<Outcome> {
    match cause {
        "Completed" => Some(Outcome::Complete),
        "Requeued(Failed)" => Some(Outcome::Fail),
        "Requeued(Released)" => Some(Outcome::Release),
        _ => None,
    }
}
