//! Granting leases: at once, to parked claims, and against credit.

use alloc::vec::Vec;
use core::{mem, time::Duration};

use super::{
    Pool,
    enqueue::within,
    runtime::bounded,
    tasks::{At, EndsBy, Hand, Hold, Slot},
    waiters::Waiter,
};
use crate::{
    Answer, Await, Cause, Change, Claim, Credit, Grant, Lease, LeaseId, LeaseRef, Rejection, Reply,
    RequestId, Revocation, SessionId, State, StateKind, Timestamp, Transition,
    limits::{CLAIM_MAX, LEASE_MAX, LEASE_MIN, PARKED_MAX, WAIT_MAX},
    time::millis,
};

/// What a grant weighs beside its payload, at the most, on its way to a node.
const GRANT_BYTES: usize = 64;

const fn weight(payload_len: u32) -> usize {
    GRANT_BYTES + payload_len as usize
}

impl Pool {
    pub(super) fn claim(
        &mut self,
        session: SessionId,
        request: RequestId,
        claim: Claim,
        out: &mut Transition,
    ) -> Option<Answer> {
        let lease = match self.check_claim(session, &claim) {
            Ok(lease) => lease,
            Err(refusal) => return Some(Answer::Refused(refusal)),
        };
        // Whoever waits came first.
        self.serve(out);
        let grants = self.grant_up_to(session, claim.tasks_max, lease, out);
        if !grants.is_empty() || claim.wait.is_zero() {
            return Some(Answer::Claimed(grants));
        }
        let until = self.now + claim.wait;
        let tasks_max = claim.tasks_max;
        self.waiters.park(Waiter::Claim {
            session,
            request,
            tasks_max,
            lease,
            until,
        });
        None
    }

    pub(super) fn credit(&mut self, session: SessionId, credit: Credit) -> Answer {
        match self.check_credit(session, credit) {
            Ok(total) => Answer::Credited(total),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    pub(super) fn await_end(
        &mut self,
        session: SessionId,
        request: RequestId,
        wait: Await,
    ) -> Option<Answer> {
        let Some(at) = self.tasks.find(wait.task) else {
            return Some(Answer::Refused(Rejection::NoSuchTask));
        };
        let shelf = &self.tasks.shelf;
        if shelf.kind(at).is_end() || wait.wait.is_zero() {
            return Some(Answer::Awaited(shelf.task(at).into()));
        }
        if let Err(refusal) = self.check_wait(session, wait.wait) {
            return Some(Answer::Refused(refusal));
        }
        let (task, until) = (wait.task, self.now + wait.wait);
        self.waiters.park(Waiter::Await {
            session,
            request,
            task,
            until,
        });
        None
    }

    /// Grants what is ready to those who wait, in their order.
    pub(super) fn serve(&mut self, out: &mut Transition) {
        if !self.waiters.is_anyone_in_line() {
            return;
        }
        let mut on_credit = Vec::new();
        while let Some(at) = self.next_grantable() {
            let sessions = &self.sessions;
            let has_credit = |id| sessions.get(&id).is_some_and(|of| of.credit > 0);
            match self.waiters.next_in_line(has_credit) {
                Some(Waiter::Claim {
                    session,
                    request,
                    tasks_max,
                    lease,
                    ..
                }) => {
                    let grants = self.grant_up_to(session, tasks_max, lease, out);
                    out.replies
                        .push(Reply::Answer(session, request, Answer::Claimed(grants)));
                }
                Some(Waiter::Credit { session }) => {
                    if self.grant_on_credit(at, session, out) {
                        on_credit.push(session);
                    }
                }
                Some(Waiter::Await { .. }) => unreachable!("an await is in no line"),
                None => break,
            }
        }
        for session in on_credit {
            if let Some(of) = self.sessions.get_mut(&session) {
                let grants = mem::take(&mut of.delivered);
                out.replies.push(Reply::Deliver(session, grants));
            }
        }
    }

    fn check_claim(&self, session: SessionId, claim: &Claim) -> Result<Duration, Rejection> {
        within(
            "the number of tasks claimed",
            claim.tasks_max.into(),
            1,
            CLAIM_MAX.into(),
        )?;
        self.check_wait(session, claim.wait)?;
        self.check_lease(claim.lease)
    }

    fn check_wait(&self, session: SessionId, wait: Duration) -> Result<(), Rejection> {
        within(
            "the wait in milliseconds",
            millis(wait),
            0,
            millis(WAIT_MAX),
        )?;
        let parked = self.waiters.count_of(session) + usize::from(!wait.is_zero());
        within(
            "the number of requests parked in a pool",
            parked as u64,
            0,
            PARKED_MAX as u64,
        )
    }

    /// How long a lease is to run that was asked for in these words.
    pub(super) fn check_lease(&self, wish: Option<Duration>) -> Result<Duration, Rejection> {
        let Some(lease) = wish else {
            return Ok(self.settings.lease);
        };
        within(
            "the lease in milliseconds",
            millis(lease),
            millis(LEASE_MIN),
            millis(LEASE_MAX),
        )?;
        Ok(lease)
    }

    fn check_credit(&mut self, session: SessionId, credit: Credit) -> Result<u32, Rejection> {
        let lease = self.check_lease(credit.lease)?;
        let Some(of) = self.sessions.get_mut(&session) else {
            return Err(Rejection::SessionEnded);
        };
        let total = of.credit.saturating_add(credit.tasks);
        within(
            "the credit of a session in a pool",
            total.into(),
            0,
            CLAIM_MAX.into(),
        )?;
        if of.credit == 0 && total > 0 {
            self.waiters.park(Waiter::Credit { session });
        }
        of.credit = total;
        if credit.tasks > 0 || credit.lease.is_some() {
            of.credit_lease = lease;
        }
        Ok(total)
    }

    /// Whether it is the first grant on this session's credit in this call.
    fn grant_on_credit(&mut self, at: At, session: SessionId, out: &mut Transition) -> bool {
        let Some(of) = self.sessions.get_mut(&session) else {
            return false;
        };
        of.credit -= 1;
        let (lease, is_first) = (of.credit_lease, of.delivered.is_empty());
        if of.credit > 0 {
            self.waiters.park(Waiter::Credit { session });
        }
        let grant = self.grant(at, session, lease, out);
        if let Some(of) = self.sessions.get_mut(&session) {
            of.delivered.extend(grant);
        }
        is_first
    }

    fn grant_up_to(
        &mut self,
        session: SessionId,
        tasks_max: u32,
        lease: Duration,
        out: &mut Transition,
    ) -> Vec<Grant> {
        let weight_max = self.settings.payload_bytes_max + GRANT_BYTES;
        let ready = self.tasks.counts.of(StateKind::Ready);
        let tasks_max = usize::try_from(ready.min(tasks_max.into())).unwrap_or(0);
        let (mut grants, mut bytes) = (Vec::new(), 0);
        while grants.len() < tasks_max {
            let Some(next) = self.next_grantable() else {
                break;
            };
            bytes += weight(self.tasks.shelf.packed(next).payload_len);
            if grants.is_empty() {
                grants = Vec::with_capacity(self.permitted(tasks_max));
            } else if bytes > weight_max {
                break;
            }
            grants.extend(self.grant(next, session, lease, out));
        }
        grants
    }

    /// Leases a ready task.
    fn grant(
        &mut self,
        at: At,
        session: SessionId,
        lease: Duration,
        out: &mut Transition,
    ) -> Option<Grant> {
        let of = self.sessions.get(&session)?.node;
        let node = self.tasks.shelf.nodes[of].node.clone();
        let (id, now) = (self.next_lease_id(), self.now);
        let (task, (lost, lease_for)) = self.tasks.update(at, |slot| {
            let lost = slot.give_up();
            let (granted_at, lease_ms) = (now, millis(lease));
            slot.node = Some(of);
            let ends_at = slot.lease_to(
                session,
                Lease {
                    id,
                    node,
                    granted_at,
                    lease_ms,
                },
            );
            (lost, lease.min(ends_at.since(now)))
        });
        self.tasks.note_grant(id.number, at);
        if self.tasks.gate.is_some() {
            self.tasks.take_permit(at);
        }
        self.revoke(lost, Revocation::Lost, out);
        let grant = Grant {
            task: task.id,
            lease: id,
            attempt: task.attempt,
            lease_for,
            priority: task.priority,
            enqueued_at: task.enqueued_at,
            payload_len: task.payload_len,
            extras: task.extras.clone(),
        };
        out.changes.push(Change::put(task, Cause::Claimed));
        Some(grant)
    }

    /// The grant of a lease that the session has in hand, as it stands at `now`: for a session that
    /// was not told of it at once. Nothing if the lease is over, or another session's by now.
    #[must_use]
    pub fn granted(&self, now: Timestamp, session: SessionId, proof: LeaseRef) -> Option<Grant> {
        let at = self.tasks.find_leased(proof)?;
        let shelf = &self.tasks.shelf;
        let hold = shelf.hold(at)?;
        let is_its = hold.hand.session() == Some(session) && self.is_good(session, at, proof);
        if !is_its || shelf.kind(at) != StateKind::Claimed {
            return None;
        }
        let task = shelf.task(at);
        Some(Grant {
            task: task.id,
            lease: proof.lease,
            attempt: task.attempt,
            lease_for: hold.ends_at.since(now),
            priority: task.priority,
            enqueued_at: task.enqueued_at,
            payload_len: task.payload_len,
            extras: task.extras,
        })
    }

    fn next_lease_id(&mut self) -> LeaseId {
        self.grants += 1;
        LeaseId {
            pool: self.id,
            epoch: self.epoch,
            number: self.grants,
        }
    }

    /// Tells a holder whose session is open that its lease is over.
    pub(super) fn revoke(
        &self,
        lost: Option<(SessionId, LeaseRef)>,
        why: Revocation,
        out: &mut Transition,
    ) {
        if let Some((session, proof)) = lost.filter(|(of, _)| self.sessions.contains_key(of)) {
            out.replies.push(Reply::Revoke(session, proof, why));
        }
    }
}

impl Slot {
    /// Says until when.
    fn lease_to(&mut self, session: SessionId, lease: Lease) -> Timestamp {
        let ends_at = lease.granted_at + Duration::from_millis(lease.lease_ms);
        self.task.forget_progress();
        self.task.attempt += 1;
        self.task.state = State::Claimed;
        self.task.lease = Some(lease);
        let (ends_at, ends_by) = bounded(&self.task, ends_at, EndsBy::Deadline);
        self.hold = Some(Hold {
            hand: Hand::Of(session),
            ends_at,
            ends_by,
        });
        ends_at
    }
}
