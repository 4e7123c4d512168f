//! The pool's policy, as its owner changes it; pause, and the end of a pool.

use alloc::{format, string::String, vec, vec::Vec};
use core::time::Duration;

use super::{Pool, tasks::At};
use crate::{
    Answer, Command, Govern, Note, Policy, PoolSettings, Rejection, StateKind, Transition,
};

/// When to try again what a pool that is being deleted has refused.
const DELETED_SOON: Duration = Duration::from_secs(1);

impl Pool {
    /// From here on the settings hold. The policy is stored if it is another.
    pub(super) fn govern(&mut self, govern: Govern, out: &mut Transition) -> Answer {
        let Govern { settings, policy } = govern;
        self.settle_for(settings);
        if policy.deleted {
            self.drop_schedules(out);
        }
        if policy != self.policy {
            out.changes.push(Note::Policy(policy.clone()).into());
            self.policy = policy;
        }
        Answer::Done(vec![Ok(())])
    }

    fn settle_for(&mut self, settings: PoolSettings) {
        if settings != self.settings {
            self.tasks.rebuild(&settings, self.now);
            self.settings = settings;
        }
    }

    /// What was decided about it while the hub ran.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether nothing is granted, whoever waits.
    pub(super) const fn paused(&self) -> bool {
        self.policy.paused.is_some() || self.policy.deleted
    }

    /// What keeps ready tasks from being granted, for people.
    #[must_use]
    pub fn blocked_by(&self) -> Vec<String> {
        let paused = self.policy.paused.as_ref().map(|note| match &**note {
            "" => "paused".into(),
            note => format!("paused: {note}"),
        });
        let deleted = self.policy.deleted.then(|| "being deleted".into());
        let limits = self.limited_by();
        paused.into_iter().chain(deleted).chain(limits).collect()
    }

    /// Tasks that have not ended.
    #[must_use]
    pub fn live(&self) -> u64 {
        use StateKind::{Claimed, Ready, Scheduled};
        let counts = &self.tasks.counts;
        [Scheduled, Ready, Claimed]
            .map(|kind| counts.of(kind))
            .iter()
            .sum()
    }

    /// It was deleted, and there are tasks left.
    pub(super) const fn is_to_be_emptied(&self) -> bool {
        self.policy.deleted && self.tasks.len() > 0
    }

    /// It was deleted, and nothing is left of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.policy.deleted && self.tasks.len() == 0
    }

    /// A pool that is being deleted takes nothing in any more.
    pub(super) fn admit_while_deleted(&self, command: &Command) -> Result<(), Rejection> {
        let is_new = matches!(
            command,
            Command::Enqueue(_) | Command::Schedule(_) | Command::Plan(_)
        );
        if !self.policy.deleted || !is_new {
            return Ok(());
        }
        Err(Rejection::Unavailable {
            reason: "it is being deleted".into(),
            retry_after: DELETED_SOON,
        })
    }

    /// Tasks of a deleted pool are called off and forgotten, some in each call.
    pub(super) fn empty_deleted(&mut self, left: &mut usize, out: &mut Transition) {
        if !self.policy.deleted {
            return;
        }
        let first = self.tasks.shelf.iter_from(0).take(*left);
        let first: Vec<_> = first.map(|(at, packed)| (at, packed.id)).collect();
        for (at, id) in first {
            // One that waited for another may have gone with it.
            if self.tasks.find(id) == Some(at) {
                self.call_off_and_forget(at, out);
                *left -= 1;
            }
        }
    }

    fn call_off_and_forget(&mut self, at: At, out: &mut Transition) {
        let id = self.tasks.shelf.id(at);
        if !self.tasks.shelf.kind(at).is_end() {
            self.call_off(at, out);
        }
        if self.tasks.find(id) == Some(at) {
            self.forget(at, out);
        }
    }
}
