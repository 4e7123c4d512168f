//! Bugs about what tasks have beyond plain ones.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use leasehold_core::{
    Answer, AttemptEnding, Cause, Change, Command, LeaseId, LeaseRef, NewTask, PoolSettings,
    Rejection, Reply, RequestId, Task, Transition, Wish,
};

use super::Mutation;

/// The pool's settings as a sick pool takes them.
pub(super) const fn twist_settings(settings: &mut PoolSettings, bug: Option<Mutation>) {
    if matches!(bug, Some(Mutation::BudgetsConfused)) {
        settings.losses_max = settings.attempts_max;
    }
    if matches!(bug, Some(Mutation::ExpiredRuns)) {
        settings.expires_after = None;
    }
}

pub(super) fn strip_expiry(tasks: &mut [NewTask]) {
    for task in tasks {
        task.wishes
            .retain(|wish| !matches!(wish, Wish::ExpiresAfter(_)));
    }
}

pub(super) fn forget_stop(task: &mut Task) {
    if let Some(extras) = &mut task.extras {
        Arc::make_mut(extras).stop = None;
    }
}

/// Leases that were given up because their attempts ran too long.
#[derive(Debug, Default)]
pub(super) struct Overran(BTreeSet<LeaseId>);

impl Overran {
    pub(super) fn note(&mut self, out: &Transition) {
        for change in &out.changes {
            if let Change::Put { task, cause, .. } = change
                && *cause == Cause::Requeued(AttemptEnding::Overran)
            {
                self.0.extend(task.history.last().map(|of| of.lease));
            }
        }
    }

    /// Says yes where the pool said that such a lease is lost.
    pub(super) fn relent(&self, asked: (RequestId, &[LeaseRef]), out: &mut Transition) {
        for reply in &mut out.replies {
            if let Reply::Answer(_, request, Answer::Extended(items)) = reply
                && *request == asked.0
            {
                for (item, proof) in items.iter_mut().zip(asked.1) {
                    if *item == Err(Rejection::LeaseLost) && self.0.contains(&proof.lease) {
                        *item = Ok(Duration::from_secs(1));
                    }
                }
            }
        }
    }
}

/// What an extension or a resume names.
pub(super) fn named(command: &Command) -> Vec<LeaseRef> {
    if let Command::Extend(leases, _) | Command::Resume(leases) = command {
        return leases.clone();
    }
    Vec::new()
}
