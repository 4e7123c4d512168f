//! Bugs about what tasks have beyond plain ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use leasehold_core::{
    Accepted, Aging, Answer, AttemptEnding, Cause, Change, Command, Govern, LeaseId, LeaseRef,
    NewTask, Note, NoteName, Plan, Policy, Pool, PoolSettings, Rejection, Reply, RequestId,
    Schedule, SessionId, Task, TaskId, Timestamp, Transition, When, Where, Wish,
};

use super::Mutation;

/// The pool's settings as a sick pool takes them.
pub(super) const fn twist_settings(settings: &mut PoolSettings, bug: Option<Mutation>) {
    if matches!(bug, Some(Mutation::BudgetsConfused)) {
        settings.losses_max = settings.attempts_max;
    }
    if matches!(bug, Some(Mutation::PriorityStarved)) {
        settings.aging = Aging::Strict;
    }
    if matches!(bug, Some(Mutation::ExpiredRuns)) {
        settings.expires_after = None;
    }
    if matches!(bug, Some(Mutation::GroupLimitPassed)) {
        settings.group_concurrency_max = None;
    }
    if matches!(bug, Some(Mutation::GroupRateForgotten)) {
        settings.group_rate = None;
    }
    if matches!(bug, Some(Mutation::TurnsForgotten)) {
        settings.fair_share = false;
    }
    if let (Some(Mutation::RateDoubled), Some(rate)) = (bug, &mut settings.rate) {
        rate.tasks *= 2;
        rate.burst *= 2;
    }
}

/// What is asked for beside a plain task, as a sick pool hears it.
pub(super) fn twist_wishes(bug: Mutation, command: &mut Command) {
    match (bug, &mut *command) {
        (_, Command::Govern(govern)) => {
            twist_settings(&mut govern.settings, Some(bug));
        }
        (Mutation::PurgedTooMuch, Command::Purge(which, _)) => {
            which.retain(|one| matches!(one, Where::State(_)));
        }
        (Mutation::EditsForgotten, Command::ReviveWith(revive)) => revive.edits.clear(),
        _ => {}
    }
    if let Command::Enqueue(tasks) = command {
        if bug == Mutation::ExpiredRuns {
            strip_expiry(tasks);
        } else if bug == Mutation::ChildOrphaned {
            want_success(tasks);
        }
    } else if let Command::Complete(items) = command
        && bug == Mutation::FollowUpTorn
    {
        items.iter_mut().for_each(|item| item.then.clear());
    }
}

fn strip_expiry(tasks: &mut [NewTask]) {
    for task in tasks {
        task.wishes
            .retain(|wish| !matches!(wish, Wish::ExpiresAfter(_)));
    }
}

/// How far it has come is not stored.
pub(super) fn forget_progress(task: &mut Task) {
    if let Some(extras) = &mut task.extras {
        Arc::make_mut(extras).progress = None;
    }
}

/// Revivals bring no payload to the store.
pub(super) fn keep_payloads(out: &mut Transition) {
    for change in &mut out.changes {
        if let Change::Put { cause, blob, .. } = change
            && *cause == Cause::Revived
        {
            *blob = None;
        }
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

fn want_success(tasks: &mut [NewTask]) {
    for wish in tasks.iter_mut().flat_map(|task| &mut task.wishes) {
        if let Wish::After { any_end, .. } = wish {
            *any_end = false;
        }
    }
}

/// One less for each loss.
pub(super) fn leak_permits(pool: &mut Pool, out: &mut Transition) {
    let is_loss = |change: &&Change| {
        let losses = [AttemptEnding::Cut, AttemptEnding::Silence].map(Cause::Requeued);
        matches!(change, Change::Put { cause, .. } if losses.contains(cause))
    };
    let lost = u32::try_from(out.changes.iter().filter(is_loss).count()).unwrap_or(u32::MAX);
    let mut settings = pool.settings().clone();
    if let Some(max) = settings.concurrency_max.filter(|_| lost > 0) {
        settings.concurrency_max = Some(max.saturating_sub(lost).max(1));
        let policy = pool.policy().clone();
        let govern = Command::Govern(Box::new(Govern { settings, policy }));
        let mut nothing = Transition::default();
        // A pool's time never goes back.
        let now = Timestamp::default();
        pool.apply(now, SessionId(0), RequestId(0), govern, &mut nothing);
        out.changes.append(&mut nothing.changes);
        let granted = |reply: &Reply| !matches!(reply, Reply::Answer(SessionId(0), ..));
        out.replies
            .extend(nothing.replies.into_iter().filter(granted));
    }
}

/// Which task had which key last.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<String, TaskId>);

impl Keys {
    pub(super) fn note(&mut self, out: &Transition) {
        for change in &out.changes {
            if let Change::Put { task, cause, .. } = change
                && *cause == Cause::Enqueued
                && let Some(extras) = &task.extras
                && let Some(key) = &extras.key
            {
                self.0.insert(key.key.to_string(), task.id);
            }
        }
    }

    /// Of one task whose key was that of a task that has ended.
    pub(super) fn answer(&self, tasks: &[NewTask], pool: &Pool) -> Option<Answer> {
        let [new] = tasks else { return None };
        let key = new.wishes.iter().find_map(key_of)?;
        let id = *self.0.get(key).filter(|id| **id != new.id)?;
        let kind = pool.state(id)?.kind();
        let known_as = Some(kind).filter(|kind| kind.is_end());
        known_as?;
        Some(Answer::Enqueued(vec![Ok(Accepted { id, known_as })]))
    }
}

const fn key_of(wish: &Wish) -> Option<&String> {
    if let Wish::Key { key, .. } = wish {
        return Some(key);
    }
    None
}

/// A pool that says it is paused, and is not.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// What it says of its policy.
    said: Policy,
    to_say: Option<Policy>,
}

impl Pauses {
    pub(super) fn strip(&mut self, mut command: Command) -> Command {
        if let Command::Govern(govern) = &mut command {
            self.to_say = Some(govern.policy.clone());
            govern.policy.paused = None;
        }
        command
    }

    pub(super) fn pretend(&mut self, out: &mut Transition) {
        let Some(policy) = self.to_say.take() else {
            return;
        };
        out.changes.retain(
            |change| !matches!(change, Change::Note { name, .. } if *name == NoteName::Policy),
        );
        if policy != self.said {
            // It comes first: what is granted then is granted in a pause.
            out.changes.insert(0, Note::Policy(policy.clone()).into());
            self.said = policy;
        }
    }

    pub(super) fn recall(&mut self, notes: &mut [Note]) {
        for note in notes {
            if let Note::Policy(policy) = note {
                self.said = policy.clone();
                policy.paused = None;
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

/// The instant dealt with last is due once more, and makes another task.
pub(super) fn forget_instant(note: &mut Note) {
    if let Note::Schedule(schedule) = note
        && let When::Every { ms, .. } = schedule.when
        && schedule.fired > 0
    {
        schedule.done_until = schedule.done_until - Duration::from_millis(ms);
        schedule.seed = TaskId::from_u128(schedule.seed.as_u128() + 1);
    }
}

/// What a hub's calendar says of an interval.
pub(super) fn plan(of: &Schedule, now: Timestamp) -> Plan {
    let (mut due, mut next) = (Vec::new(), None);
    if let When::Every { ms, from } = of.when {
        let step = Duration::from_millis(ms);
        let mut at = from
            + step
                * u32::try_from(of.done_until.since(from).as_millis() / step.as_millis())
                    .unwrap_or(0);
        while at <= now {
            due.extend((at > of.done_until).then_some(at));
            at = at + step;
        }
        next = Some(at);
    }
    let (name, more) = (of.name.clone(), false);
    Plan {
        name,
        due,
        more,
        next,
    }
}
