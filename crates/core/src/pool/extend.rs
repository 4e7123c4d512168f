//! Keeping leases: extending them, and going on under them in a new session.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use super::{
    Pool,
    runtime::bounded,
    tasks::{At, EndsBy, Hand, Hold},
};
use crate::{
    Answer, AttemptEnding, Cause, Change, LeaseRef, Rejection, SessionId, StateKind, Transition,
};

impl Pool {
    pub(super) fn extend(
        &mut self,
        session: SessionId,
        leases: &[LeaseRef],
        lease: Option<Duration>,
        out: &mut Transition,
    ) -> Answer {
        if let Err(refusal) = self.check_lease(lease) {
            return Answer::Refused(refusal);
        }
        Answer::Extended(self.each(leases, |pool, proof| {
            pool.extend_one(session, proof, lease, out)
        }))
    }

    pub(super) fn resume(
        &mut self,
        session: SessionId,
        leases: &[LeaseRef],
        out: &mut Transition,
    ) -> Answer {
        let answers = self.each(leases, |pool, proof| {
            pool.extend_one(session, proof, None, out)
        });
        self.ask_again(session, leases, out);
        self.supersede_earlier(session);
        for at in self.never_arrived(session, leases) {
            self.end_attempt(
                at,
                AttemptEnding::Released,
                "the grant never reached its node",
                out,
            );
        }
        Answer::Extended(answers)
    }

    /// Earlier sessions of the node are granted nothing more: nobody reads what they are told.
    fn supersede_earlier(&mut self, session: SessionId) {
        let Some(of) = self.sessions.get(&session) else {
            return;
        };
        for id in self.tasks.shelf.nodes[of.node].sessions.clone() {
            if id < session
                && let Some(earlier) = self.sessions.get_mut(&id)
            {
                self.waiters.leave_all(id, earlier.credit > 0);
                earlier.credit = 0;
                earlier.is_superseded = true;
            }
        }
    }

    fn extend_one(
        &mut self,
        session: SessionId,
        proof: LeaseRef,
        lease: Option<Duration>,
        out: &mut Transition,
    ) -> Result<Duration, Rejection> {
        let found = self.tasks.find_leased(proof);
        let holder = self.latest_holder(session, found);
        let (at, cause) = self.take_up(session, found, proof)?;
        let now = self.now;
        let (task, runs) = self.tasks.update(at, |slot| {
            let granted = slot.task.lease.as_ref().map_or(0, |lease| lease.lease_ms);
            let runs = lease.unwrap_or(Duration::from_millis(granted));
            let (ends_at, ends_by) = bounded(&slot.task, now + runs, EndsBy::Deadline);
            slot.hold = Some(Hold {
                hand: Hand::Of(holder),
                ends_at,
                ends_by,
            });
            runs.min(ends_at.since(now))
        });
        out.changes.push(Change::put(task, cause));
        Ok(runs)
    }

    /// Which of its node's sessions has the lease in hand from now on: one that is heard late takes
    /// nothing from the one that came after it.
    fn latest_holder(&self, session: SessionId, found: Option<At>) -> SessionId {
        found
            .and_then(|at| self.tasks.shelf.hold(at)?.hand.session())
            .filter(|other| self.sessions.contains_key(other))
            .map_or(session, |other| session.max(other))
    }

    /// The rule of all answers: a lease is good until its task was granted to someone else or has
    /// ended. Running out made the task claimable by others; while nobody claimed it, its holder
    /// goes on as if nothing had been.
    ///
    /// The task is claimed again when this returns where it is, and what has made it so.
    pub(super) fn take_up(
        &mut self,
        session: SessionId,
        found: Option<At>,
        proof: LeaseRef,
    ) -> Result<(At, Cause), Rejection> {
        let Some(at) = found.filter(|at| self.is_good(session, *at, proof)) else {
            self.lease_lost += 1;
            return Err(Rejection::LeaseLost);
        };
        if self.tasks.shelf.kind(at) == StateKind::Claimed {
            return Ok((at, Cause::Extended));
        }
        let now = self.now;
        self.tasks.update(at, |slot| {
            slot.withdraw_ending();
            let (ends_at, ends_by) = bounded(&slot.task, now, EndsBy::Deadline);
            slot.hold = Some(Hold {
                hand: Hand::Of(session),
                ends_at,
                ends_by,
            });
        });
        Ok((at, Cause::Resumed))
    }

    pub(super) fn is_good(&self, session: SessionId, at: At, proof: LeaseRef) -> bool {
        let (of, shelf) = (self.sessions.get(&session), &self.tasks.shelf);
        shelf.lease(at).is_some_and(|(lease, node)| {
            lease == proof.lease && of.is_some_and(|of| of.node == node) && !shelf.kind(at).is_end()
        })
    }

    /// What was granted to this session's node in earlier sessions, or before a restart, and is not
    /// among `named`. What a later session had is not this one's to give back: its node knew
    /// nothing of that yet when it spoke.
    fn never_arrived(&self, session: SessionId, named: &[LeaseRef]) -> Vec<At> {
        let Some(of) = self.sessions.get(&session) else {
            return Vec::new();
        };
        let shelf = &self.tasks.shelf;
        let named: BTreeSet<_> = named
            .iter()
            .map(|proof| (proof.task, proof.lease))
            .collect();
        let sessions = shelf.nodes[of.node].sessions.iter();
        let earlier = sessions
            .filter(|other| **other < session)
            .flat_map(|other| self.tasks.held_by(*other));
        let unnamed = |at: &At| {
            let lease = shelf.lease(*at);
            !lease.is_some_and(|(lease, _)| named.contains(&(shelf.id(*at), lease)))
        };
        let was_earlier = |at: &At| {
            let hold = shelf.hold(*at);
            hold.and_then(|hold| hold.hand.last())
                .is_none_or(|last| last < session)
        };
        let adrift = self.tasks.adrift_of(of.node).into_iter();
        adrift
            .filter(was_earlier)
            .chain(earlier)
            .filter(unnamed)
            .collect()
    }
}
