//! Grants: to whom, in which order, on which terms.

use std::time::Duration;

use leasehold_core::{Command, Credit, Revocation, Task, TaskId, Timestamp};

use super::{
    Verdict, Violation,
    books::{Books, Wants},
    replies::Granted,
    seen::{By, Newest, Phase},
    step::Step,
};

/// What a grant weighs beside its payload.
const GRANT_BYTES: u64 = 64;

impl Books {
    /// A lease was granted: the task was ready, none went before it, nobody else's lease is live.
    pub(super) fn grant(&mut self, step: &mut Step<'_>, said: &Task) -> Verdict {
        let id = said.id;
        let phase = self.seen(id)?.phase;
        if phase != Phase::Ready {
            return Err(Violation::of(id, format!("it was granted being {phase:?}")));
        }
        if self.seen(id)?.expires_at().is_some_and(|at| at <= step.now) {
            return Err(Violation::of(id, "it was granted, and had waited too long"));
        }
        if self.is_paused() {
            return Err(Violation::of(id, "it was granted in a pool that is paused"));
        }
        if !self.has_permit(step.now) {
            let what = "it was granted past a limit of its pool, or sooner than its rate allows";
            return Err(Violation::of(id, what));
        }
        let seen = self.seen(id)?.clone();
        if !self.is_open(&seen, step.now) {
            let what = "it was granted past a limit of its group, or sooner than its rate allows";
            return Err(Violation::of(id, what));
        }
        self.check_is_first(id, step.now)?;
        self.take_turn(step, id)?;
        self.buckets.take(seen.terms.group.as_deref(), step.now);
        let granted = said
            .lease
            .as_ref()
            .and_then(|lease| step.grants.remove(&lease.id))
            .ok_or_else(|| Violation::of(id, "it was granted to nobody"))?;
        self.lose_lease(step, id, Revocation::Lost)?;
        self.take_on(step, id, &granted)?;
        self.agree(said)
    }

    fn check_is_first(&self, id: TaskId, now: Timestamp) -> Verdict {
        let next = self.next_ready(now);
        match next.first() {
            Some(first) if !next.contains(&id) => {
                let first = crate::trace::short(*first);
                Err(Violation::of(
                    id,
                    format!("it was granted before {first}, which is first"),
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn take_on(&mut self, step: &Step<'_>, id: TaskId, granted: &Granted) -> Verdict {
        let grant = &granted.grant;
        let expected = self.terms(step, granted)?;
        let Some(session) = self.sessions.get(&granted.session) else {
            return Err(Violation::of(
                id,
                "it was granted to a session that is closed",
            ));
        };
        let newest = Newest {
            lease: grant.lease,
            node: session.node.clone(),
            session: Some(granted.session),
            lease_for: expected,
        };
        let seen = self.seen(id)?;
        seen.attempt += 1;
        seen.terms.granted_at = step.now;
        seen.terms.progress = None;
        seen.hold(step.now, step.now + expected, By::Deadline);
        seen.newest = Some(newest);
        let expected = seen.held_for(step.now);
        let said = (grant.task, grant.attempt, grant.priority, grant.lease_for);
        if said != (id, seen.attempt, seen.priority, expected) {
            return Err(Violation::of(
                id,
                format!("the grant is not the task's: {grant:?}"),
            ));
        }
        Ok(())
    }

    /// How long the lease is to run, by what the one who got it had asked for.
    fn terms(&self, step: &Step<'_>, granted: &Granted) -> Verdict<Duration> {
        let id = granted.grant.task;
        let Some(request) = granted.request else {
            return self.terms_of_credit(step, granted);
        };
        if let Some((session, asked, Command::Claim(claim))) = step.call.asked
            && (session, asked) == (granted.session, request)
        {
            return Ok(claim.lease.unwrap_or(self.settings.lease));
        }
        let is_it = |parked: &&super::books::Parked| {
            (parked.session, parked.request) == (granted.session, request)
        };
        match self.parked.values().find(is_it).map(|parked| parked.wants) {
            Some(Wants::Tasks { lease, .. }) => Ok(lease),
            Some(Wants::EndOf(_)) | None => {
                Err(Violation::of(id, "it was granted to one who did not ask"))
            }
        }
    }

    /// What the credit said, or what it says from this call on.
    fn terms_of_credit(&self, step: &Step<'_>, granted: &Granted) -> Verdict<Duration> {
        let grant = &granted.grant;
        let Some(session) = self.sessions.get(&granted.session) else {
            return Err(Violation::of(
                grant.task,
                "it was delivered to a closed session",
            ));
        };
        if let Some((asked, _, Command::Credit(credit))) = step.call.asked
            && asked == granted.session
            && let Some(lease) = self.lease_of(*credit)
            && self.capped(grant.task, lease) == grant.lease_for
        {
            return Ok(lease);
        }
        Ok(session.credit_lease)
    }

    /// What leases on credit run for from now on, if this says anything of it: who asks for no more
    /// and names no lease only wants to know.
    pub(super) fn lease_of(&self, credit: Credit) -> Option<Duration> {
        let says_nothing = credit.tasks == 0 && credit.lease.is_none();
        (!says_nothing).then(|| credit.lease.unwrap_or(self.settings.lease))
    }

    /// One answer to a claim is no heavier than the longest payload makes it, unless it is of one
    /// task only.
    pub(super) fn check_weight(&self, granted: &[TaskId]) -> Verdict {
        match granted {
            [.., last] if granted.len() > 1 && !self.fit(granted) => {
                let what = "it was granted with others that are a frame without it";
                Err(Violation::of(*last, what))
            }
            _ => Ok(()),
        }
    }

    /// A claim gets less than it asked for only if nothing is left, or if what is next would have
    /// been too much.
    pub(super) fn check_own_claim(&self, step: &mut Step<'_>) -> Verdict {
        let next = self.next_ready(step.now);
        let (Some(granted), Some(first)) = (step.cut_short.take(), next.first()) else {
            return Ok(());
        };
        if !self.has_permit(step.now) {
            step.remarks.push("cut short by a bound");
            return Ok(());
        }
        let is_too_much = |next: &TaskId| {
            let with_it: Vec<TaskId> = granted.iter().chain([next]).copied().collect();
            !self.fit(&with_it)
        };
        if granted.is_empty() || !next.iter().any(is_too_much) {
            let what = "it is ready, and fits a claim that got less than it asked for";
            return Err(Violation::of(*first, what));
        }
        step.remarks.push("full before its number");
        Ok(())
    }

    fn fit(&self, of: &[TaskId]) -> bool {
        let seen = of.iter().filter_map(|id| self.tasks.get(id));
        let weight: u64 = seen.map(|seen| GRANT_BYTES + seen.payload_bytes).sum();
        weight <= GRANT_BYTES + self.settings.payload_bytes_max as u64
    }
}
