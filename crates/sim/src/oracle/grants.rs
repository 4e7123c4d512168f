//! Grants: to whom, in which order, on which terms.

use std::time::Duration;

use leasehold_core::{Command, Revocation, Task, TaskId};

use super::{
    Verdict, Violation,
    books::{Books, Wants},
    replies::Granted,
    seen::{By, Newest, Phase},
    step::Step,
};

impl Books {
    /// A lease was granted: the task was ready, none went before it, nobody else's lease is live.
    pub(super) fn grant(&mut self, step: &mut Step<'_>, said: &Task) -> Verdict {
        let id = said.id;
        let phase = self.seen(id)?.phase;
        if phase != Phase::Ready {
            return Err(Violation::of(id, format!("it was granted being {phase:?}")));
        }
        self.check_is_first(id)?;
        let granted = said
            .lease
            .as_ref()
            .and_then(|lease| step.grants.remove(&lease.id))
            .ok_or_else(|| Violation::of(id, "it was granted to nobody"))?;
        self.lose_lease(step, id, Revocation::Lost)?;
        self.take_on(step, id, &granted)?;
        self.agree(said)
    }

    fn check_is_first(&self, id: TaskId) -> Verdict {
        let aging = self.settings.aging;
        let ready = self
            .tasks
            .values()
            .filter(|seen| seen.phase == Phase::Ready);
        match ready.min_by_key(|seen| seen.rank(aging)) {
            Some(first) if first.id != id => {
                let first = crate::trace::short(first.id);
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
        seen.phase = Phase::Held(step.now + expected, By::Deadline);
        seen.newest = Some(newest);
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
            && grant.lease_for == credit.lease.unwrap_or(self.settings.lease)
        {
            return Ok(grant.lease_for);
        }
        Ok(session.credit_lease)
    }
}
