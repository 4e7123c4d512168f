//! Keeping leases: extending them, and going on under them in a new session.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use super::{
    Pool,
    tasks::{EndsBy, Hand, Hold},
};
use crate::{
    Answer, AttemptEnding, Cause, LeaseRef, Rejection, SessionId, State, TaskId, Transition,
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
        self.supersede_earlier(session);
        for id in self.never_arrived(session, leases) {
            self.end_attempt(
                id,
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
        let node = of.node.clone();
        for (id, earlier) in self.sessions.range_mut(..session) {
            if earlier.node == node {
                earlier.credit = 0;
                earlier.is_superseded = true;
                self.waiters.leave_all(*id);
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
        let holder = self.latest_holder(session, proof.task);
        let cause = self.take_up(session, proof)?;
        let (id, now) = (proof.task, self.now);
        let runs = self.tasks.update(id, |slot| {
            let granted = slot.task.lease.as_ref().map_or(0, |lease| lease.lease_ms);
            let runs = lease.unwrap_or(Duration::from_millis(granted));
            slot.hold = Some(Hold {
                hand: Hand::Of(holder),
                ends_at: now + runs,
                ends_by: EndsBy::Deadline,
            });
            runs
        });
        self.changed(id, cause, None, out);
        Ok(runs)
    }

    /// Which of its node's sessions has the lease in hand from now on: one that is heard late takes
    /// nothing from the one that came after it.
    fn latest_holder(&self, session: SessionId, id: TaskId) -> SessionId {
        self.tasks
            .get(id)
            .and_then(|slot| slot.hold?.hand.session())
            .filter(|other| self.sessions.contains_key(other))
            .map_or(session, |other| session.max(other))
    }

    /// The rule of all answers: a lease is good until its task was granted to someone else or has
    /// ended. Running out made the task claimable by others; while nobody claimed it, its holder
    /// goes on as if nothing had been.
    pub(super) fn take_up(
        &mut self,
        session: SessionId,
        proof: LeaseRef,
    ) -> Result<Cause, Rejection> {
        if !self.is_good(session, proof) {
            self.lease_lost += 1;
            return Err(Rejection::LeaseLost);
        }
        let (id, now) = (proof.task, self.now);
        Ok(self.tasks.update(id, |slot| {
            let was_claimed = slot.task.state == State::Claimed;
            if !was_claimed {
                slot.withdraw_ending();
                let (ends_at, ends_by) = (now, EndsBy::Deadline);
                slot.hold = Some(Hold {
                    hand: Hand::Of(session),
                    ends_at,
                    ends_by,
                });
            }
            if was_claimed {
                Cause::Extended
            } else {
                Cause::Resumed
            }
        }))
    }

    fn is_good(&self, session: SessionId, proof: LeaseRef) -> bool {
        let node = self.sessions.get(&session).map(|of| &of.node);
        let is_its_own = |lease: &crate::Lease| Some(&lease.node) == node;
        self.tasks.get(proof.task).is_some_and(|slot| {
            slot.task.is_held_under(proof)
                && slot.task.lease.as_ref().is_some_and(is_its_own)
                && !slot.task.state.kind().is_end()
        })
    }

    /// What was granted to this session's node in earlier sessions, or before a restart, and is not
    /// among `named`. What a later session had is not this one's to give back: its node knew
    /// nothing of that yet when it spoke.
    fn never_arrived(&self, session: SessionId, named: &[LeaseRef]) -> Vec<TaskId> {
        let Some(of) = self.sessions.get(&session) else {
            return Vec::new();
        };
        let named: BTreeSet<_> = named
            .iter()
            .map(|proof| (proof.task, proof.lease))
            .collect();
        let earlier = self
            .sessions
            .range(..session)
            .filter(|(_, other)| other.node == of.node)
            .flat_map(|(id, _)| self.tasks.held_by(*id));
        let unnamed = |id: &TaskId| {
            let lease = self
                .tasks
                .get(*id)
                .and_then(|slot| slot.task.lease.as_ref());
            !lease.is_some_and(|lease| named.contains(&(*id, lease.id)))
        };
        let was_earlier = |id: &TaskId| {
            let hold = self.tasks.get(*id).and_then(|slot| slot.hold);
            hold.and_then(|hold| hold.hand.last())
                .is_none_or(|last| last < session)
        };
        self.tasks
            .adrift_of(&of.node)
            .filter(was_earlier)
            .chain(earlier)
            .filter(unnamed)
            .collect()
    }
}
