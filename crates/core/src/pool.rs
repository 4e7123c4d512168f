//! A pool: the one state machine.
//!
//! ```text
//!             enqueue(delay)                          deadline, cut, silence, fail (attempts left)
//!                  v                                   ┌──────────────────────────────┐
//!             scheduled ──── run_at ────> ready ── claim ──> claimed ── complete ──> completed
//!                  ^                        │  ^  └─────────────┤ release
//!                  └──── back-off ──────────┼──┘                ├── no attempts left ──> dead ── revive ──> ready
//!                                           └────── cancel ─────┴─────────────────> cancelled
//! ```
//!
//! Three calls are the whole of it: [`Pool::apply`], [`Pool::advance`], [`Pool::next_deadline`].
//! The caller owns the clock, makes the changes durable and lets the replies leave after them.

mod after;
mod budget;
mod calendar;
mod cancel;
mod claim;
mod dead;
mod deadlines;
mod enqueue;
mod expire;
mod expiry;
mod extend;
mod filter;
mod finish;
mod finished;
mod follow;
mod gate;
mod govern;
mod ids;
mod inspect;
mod invariants;
mod keys;
mod lanes;
mod listing;
mod lists;
mod nodes;
mod progress;
mod rate;
mod requeue;
mod restore;
mod room;
mod runs;
mod runtime;
mod schedules;
mod search;
mod session;
mod shelf;
mod side;
mod slab;
mod spares;
mod stop;
mod tasks;
mod waiters;

use alloc::{collections::VecDeque, vec::Vec};

pub use inspect::PoolSummary;
pub use listing::{Listed, Listing};
pub use spares::Spent;
pub use tasks::Counts;

use self::{
    after::Following,
    calendar::Calendar,
    schedules::Schedules,
    search::Search,
    session::Session,
    tasks::{At, Numbered, Tasks},
    waiters::Waiters,
};
use crate::{
    Answer, Command, Epoch, LeaseRef, Policy, PoolId, PoolSettings, Rejection, Reply, RequestId,
    SessionId, Timestamp, Transition, limits, time::earliest,
};

/// A named set of tasks under one policy.
#[derive(Debug, Clone)]
pub struct Pool {
    id: PoolId,
    epoch: Epoch,
    settings: PoolSettings,
    /// The latest time that was heard of: it never goes back.
    now: Timestamp,
    /// What its owner decided while the hub ran.
    policy: Policy,
    schedules: Schedules,
    /// By which some of them go.
    calendar: Calendar,
    following: Following,
    tasks: Tasks,
    sessions: Numbered<SessionId, Session>,
    waiters: Waiters,
    /// Looks at many tasks that are under way, the first of them first.
    searches: VecDeque<Search>,
    /// Where the last purge left off.
    purged_until: At,
    /// Grants of this epoch so far.
    grants: u64,
    /// The place of the next task to be enqueued.
    next_place: u64,
    /// Answers and extensions that were refused because their lease was lost, in this epoch.
    lease_lost: u64,
}

impl Pool {
    /// Does what a session asks. What is due at `now` happens first, as far as one call goes.
    pub fn apply(
        &mut self,
        now: Timestamp,
        session: SessionId,
        request: RequestId,
        command: Command,
        out: &mut Transition,
    ) {
        self.advance(now, out);
        if let Some(answer) = self.dispatch(session, request, command, out) {
            out.replies.push(Reply::Answer(session, request, answer));
        }
        self.follow_ends(out);
        self.serve(out);
        self.check_if_cheap();
    }

    /// Does what is due at `now`, but no more than [`limits::DUE_MAX`] of it in one call. If that
    /// leaves something, [`Pool::next_deadline`] is not after `now`: call again, with whatever else
    /// there is to do in between.
    pub fn advance(&mut self, now: Timestamp, out: &mut Transition) {
        self.now = self.now.max(now);
        self.tasks.pass_time(self.now);
        if !self.is_quiet() {
            self.expire(out);
            self.search(out);
        }
        self.serve(out);
    }

    /// When [`Pool::advance`] next has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let is_owing = self.is_owing();
        earliest([
            self.tasks.next_deadline(),
            self.waiters.next_deadline(),
            is_owing.then_some(self.now),
            self.next_instant(),
            self.next_permit(),
        ])
    }

    /// Whether nothing is due, at the cost of hardly more than a look at the clock.
    fn is_quiet(&self) -> bool {
        let waits = self.waiters.next_deadline();
        self.now < self.tasks.quiet_until
            && waits.is_none_or(|at| self.now < at)
            && !self.is_owing()
    }

    /// Whether more was begun than one call does.
    fn is_owing(&self) -> bool {
        self.has_too_many_finished()
            || self.is_to_be_emptied()
            || !self.following.is_empty()
            || !self.searches.is_empty()
    }

    /// One line a verb: each is a file of its own.
    fn dispatch(
        &mut self,
        session: SessionId,
        request: RequestId,
        command: Command,
        out: &mut Transition,
    ) -> Option<Answer> {
        if let Err(refusal) = self.admit(session, &command) {
            return Some(Answer::Refused(refusal));
        }
        match command {
            Command::Open(node) => self.open_session(session, node),
            Command::End(ending) => self.end_session(session, ending, out),
            Command::Enqueue(tasks) => Some(self.enqueue(tasks, out)),
            Command::Claim(claim) => self.claim(session, request, claim, out),
            Command::Credit(credit) => Some(self.credit(session, credit)),
            Command::Extend(leases, lease) => Some(self.extend(session, &leases, lease, out)),
            Command::Complete(items) => Some(self.complete(session, items, out)),
            Command::Fail(items) => Some(self.fail(session, items, out)),
            Command::Release(leases) => Some(self.release(session, &leases, out)),
            Command::Resume(leases) => Some(self.resume(session, &leases, out)),
            Command::Cancel(ids) => Some(self.cancel(&ids, out)),
            Command::Revive(revive) => Some(self.revive(revive, out)),
            Command::Await(wait) => self.await_end(session, request, wait),
            Command::CancelWithin(ids, grace) => Some(self.cancel_within(&ids, grace, out)),
            Command::Progress(items) => Some(self.progress(session, &items, out)),
            Command::ReviveWith(revive) => self.revive_with(session, request, *revive, out),
            Command::Purge(which, max) => self.purge(session, request, which, max, out),
            Command::Schedule(ask) => Some(self.schedule(ask, out)),
            Command::Plan(plan) => self.fire(*plan, out),
            Command::Govern(govern) => Some(self.govern(*govern, out)),
        }
    }

    /// Sessions that were never opened, or have ended, are heard no more; those that a later one of
    /// their node superseded are granted no more; batches have a bound.
    fn admit(&self, session: SessionId, command: &Command) -> Result<(), Rejection> {
        self.admit_while_deleted(command)?;
        let batch = match command {
            Command::Open(_) | Command::End(_) | Command::Plan(_) | Command::Govern(_) => {
                return Ok(());
            }
            Command::Enqueue(tasks) => tasks.len(),
            Command::Complete(items) => items.len(),
            Command::Fail(items) => items.len(),
            Command::Extend(leases, _) | Command::Release(leases) | Command::Resume(leases) => {
                leases.len()
            }
            Command::Cancel(ids)
            | Command::CancelWithin(ids, _)
            | Command::Revive(crate::Revive::Tasks(ids)) => ids.len(),
            Command::Progress(items) => items.len(),
            Command::ReviveWith(revive) => match &revive.which {
                crate::Which::Tasks(ids) => ids.len(),
                crate::Which::All | crate::Which::Where(_) => 0,
            },
            Command::Claim(_)
            | Command::Credit(_)
            | Command::Revive(_)
            | Command::Await(_)
            | Command::Purge(..)
            | Command::Schedule(_) => 0,
        };
        let is_for_work = matches!(command, Command::Claim(_) | Command::Credit(_));
        let of = self.sessions.get(&session);
        if of.is_none_or(|of| of.is_superseded && is_for_work) {
            return Err(Rejection::SessionEnded);
        }
        if batch > limits::BATCH_MAX {
            let max = limits::BATCH_MAX as u64;
            return Err(Rejection::out_of_bounds(
                "the length of a batch",
                batch as u64,
                0,
                max,
            ));
        }
        Ok(())
    }

    /// Each of a batch of proofs, one after the other.
    fn each<T>(
        &mut self,
        proofs: &[LeaseRef],
        mut one: impl FnMut(&mut Self, LeaseRef) -> Result<T, Rejection>,
    ) -> Vec<Result<T, Rejection>> {
        proofs.iter().map(|proof| one(self, *proof)).collect()
    }
}
