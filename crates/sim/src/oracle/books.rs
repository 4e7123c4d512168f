//! The books of one pool: what it must look like by what it was asked and by the time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use leasehold_core::{
    AttemptEnding, Cause, Change, LeaseRef, Node, Policy, PoolSettings, RequestId, Revocation,
    SessionId, State, Task, TaskId, Timestamp,
};

use super::{
    Verdict, Violation,
    durable::Durable,
    ended::Purging,
    expiry::then_of,
    groups::Turns,
    rates::Buckets,
    schedules::{Fired, Schedules},
    seen::{By, Phase, Seen},
    step::Step,
};
use crate::trace::short;

#[derive(Debug)]
pub(super) struct Books {
    /// Those that the pool begins with, and those that it may be given.
    pub(super) variants: Vec<PoolSettings>,
    pub(super) settings: PoolSettings,
    pub(super) policy: Option<Policy>,
    pub(super) buckets: Buckets,
    pub(super) turns: Turns,
    pub(super) purging: VecDeque<Purging>,
    /// When somebody was to be served whom only a rate kept back.
    permit_at: Option<Timestamp>,
    /// The hub's clock and the real time at its start.
    started: (Timestamp, Timestamp),
    pub(super) tasks: BTreeMap<TaskId, Seen>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// By the order in which they came.
    pub(super) parked: BTreeMap<u64, Parked>,
    pub(super) next_ticket: u64,
    pub(super) next_order: u64,
    pub(super) durable: Durable,
    pub(super) schedules: Schedules,
    /// Which task each instant made, whether that was stored or not.
    pub(super) fired: Fired,
    /// When there was last no room.
    pub(super) full_at: Timestamp,
    restored_at: Timestamp,
    /// When a task ended last.
    pub(super) ended_at: Timestamp,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) node: Node,
    pub(super) credit: u32,
    pub(super) credit_lease: Duration,
    /// Its node goes on in a later session, where it has resumed.
    pub(super) is_left_behind: bool,
}

/// A request that was not answered at once.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) session: SessionId,
    pub(super) request: RequestId,
    pub(super) until: Timestamp,
    pub(super) wants: Wants,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Wants {
    Tasks { max: u32, lease: Duration },
    EndOf(TaskId),
}

impl Books {
    pub(super) fn new(variants: Vec<PoolSettings>) -> Self {
        Self {
            settings: variants.first().cloned().unwrap_or_default(),
            variants,
            policy: None,
            buckets: Buckets::default(),
            turns: Turns::default(),
            purging: VecDeque::new(),
            permit_at: None,
            started: (Timestamp::default(), Timestamp::default()),
            tasks: BTreeMap::new(),
            sessions: BTreeMap::new(),
            parked: BTreeMap::new(),
            next_ticket: 0,
            next_order: 0,
            durable: Durable::default(),
            schedules: Schedules::default(),
            fired: Fired::default(),
            full_at: Timestamp::default(),
            restored_at: Timestamp::default(),
            ended_at: Timestamp::default(),
        }
    }

    /// Judges one call: what time brought about, what was asked, what that made possible.
    pub(super) fn judge(&mut self, step: &mut Step<'_>) -> Verdict {
        self.check_pace(step)?;
        self.check_on_time(step.now)?;
        if self.permit_at.take().is_some_and(|at| at < step.now) {
            let what = "somebody waits for a task, and a permit came unnoticed";
            return Err(Violation::general(what));
        }
        self.check_instants(step.now, self.restored_at)?;
        self.pass_time(step)?;
        let expected = match step.call.asked {
            Some((session, request, command)) => {
                step.is_heard = true;
                self.remember((session, request), command);
                self.ask(step, session, request, command)?
            }
            None => None,
        };
        self.pass_time(step)?;
        step.expect_no_more()?;
        self.check_replies(step, expected.as_ref())?;
        if !step.ended.is_empty() {
            self.ended_at = step.now;
        }
        self.settle_turns(step.now);
        self.permit_at = self.next_permit(step.now);
        self.check_rest(step)
    }

    /// All is gone but what the disk held: every lease is good for a grace, every session closed.
    pub(super) fn restore(&mut self, now: Timestamp, real: Timestamp) -> Verdict {
        self.check_clock(now)?;
        self.permit_at = None;
        self.started = (now, real);
        self.turns = Turns::default();
        self.sessions.clear();
        self.purging.clear();
        self.parked.clear();
        self.restored_at = now;
        self.tasks = self.durable.recall();
        self.schedules = self.durable.noted();
        self.recall_policy(now);
        for seen in self.tasks.values_mut() {
            if let Some(newest) = &mut seen.newest {
                newest.session = None;
            }
            if let Phase::Held(..) = seen.phase {
                seen.hold(now, now + self.settings.restart_grace, By::Hub);
            }
        }
        Ok(())
    }

    /// Whatever the wall clock does, what was to end after so long does so then.
    fn check_pace(&self, step: &Step<'_>) -> Verdict {
        let (clock, real) = self.started;
        let (by_clock, by_real) = (step.now.since(clock), step.real.since(real));
        if by_clock == by_real {
            return Ok(());
        }
        let what = "the hub's clock jumped while it ran, so leases end early or late";
        Err(Violation::general(format!(
            "{what}: {by_clock:?} since its start, not {by_real:?}"
        )))
    }

    pub(super) fn all_ended(&self) -> bool {
        let is_over = |seen: &Seen| seen.phase.has_ended() || self.is_stuck(seen);
        self.tasks.values().all(is_over)
    }

    pub(super) fn seen(&mut self, id: TaskId) -> Verdict<&mut Seen> {
        let unknown = || Violation::of(id, "it changed, and no such task should be known");
        self.tasks.get_mut(&id).ok_or_else(unknown)
    }

    /// Takes the change as it was said, if it is what the oracle expects, for what will be stored.
    pub(super) fn agree(&mut self, said: &Task) -> Verdict {
        let seen = self.seen(said.id)?;
        seen.agrees(said)
            .map_err(|what| Violation::of(said.id, what))?;
        let (snapshot, group) = (seen.clone(), seen.terms.group.clone());
        self.durable.will_hold(said.id, Some(snapshot));
        self.leave_line(&group);
        Ok(())
    }

    fn pass_time(&mut self, step: &mut Step<'_>) -> Verdict {
        let now = step.now;
        loop {
            let is_due = |id| self.is_due_to_be_forgotten(now, id) || !self.purging.is_empty();
            let Some(change) = step.next_of_time(is_due) else {
                let Some(task) = step.next_forced(|id| self.is_forced(id, now)) else {
                    return Ok(());
                };
                self.force_stop(step, task)?;
                continue;
            };
            match change {
                Change::Note { name, .. } => {
                    return Err(Violation::general(format!("nobody asked for {name:?}")));
                }
                Change::Forget(id) if self.is_due_to_be_forgotten(now, *id) => {
                    self.forget(now, *id)?;
                }
                Change::Forget(id) if self.purging.is_empty() => self.forget(now, *id)?,
                Change::Forget(id) => self.purge_one(step, *id)?,
                Change::Put { task, cause, .. } => self.pass_change(step, task, *cause)?,
            }
        }
    }

    fn pass_change(&mut self, step: &mut Step<'_>, said: &Task, cause: Cause) -> Verdict {
        match cause {
            Cause::Claimed => self.grant(step, said),
            Cause::Due => self.fall_due(step.now, said),
            Cause::Requeued(ending) => self.run_out(step, said, ending),
            Cause::Expired => self.expire(step, said),
            Cause::Freed => self.free(step, said),
            Cause::ParentGone => self.orphan(step, said),
            Cause::Enqueued
            | Cause::Extended
            | Cause::Resumed
            | Cause::Completed
            | Cause::Cancelled
            | Cause::Revived
            | Cause::StopAsked
            | Cause::Progressed => Err(Violation::of(said.id, format!("{cause:?} by itself"))),
        }
    }

    fn fall_due(&mut self, now: Timestamp, said: &Task) -> Verdict {
        let seen = self.seen(said.id)?;
        let is_due = matches!(seen.phase, Phase::Scheduled(run_at) if run_at <= now);
        if !is_due {
            let what = format!("it became ready at {now:?}, being {:?}", seen.phase);
            return Err(Violation::of(said.id, what));
        }
        seen.phase = Phase::Ready;
        seen.agrees(said)
            .map_err(|what| Violation::of(said.id, what))
    }

    fn run_out(&mut self, step: &mut Step<'_>, said: &Task, ending: AttemptEnding) -> Verdict {
        let why = match ending {
            AttemptEnding::Cut => By::Cut,
            AttemptEnding::Interrupted => By::Hub,
            AttemptEnding::Overran => By::Runtime,
            AttemptEnding::Expired
            | AttemptEnding::Completed
            | AttemptEnding::Failed
            | AttemptEnding::Silence
            | AttemptEnding::Released
            | AttemptEnding::Cancelled => By::Deadline,
        };
        let phase = self.seen(said.id)?.phase;
        if let Phase::Held(until, by) = phase
            && by == why
            && until <= step.now
        {
            return self.end_attempt(step, said, ending);
        }
        let what = format!("its lease ended by {ending:?} at {:?}: {phase:?}", step.now);
        Err(Violation::of(said.id, what))
    }

    /// An attempt ends in any way but success or a cancel.
    pub(super) fn end_attempt(
        &mut self,
        step: &mut Step<'_>,
        said: &Task,
        ending: AttemptEnding,
    ) -> Verdict {
        let of_pool = self.settings.clone();
        let seen = self.seen(said.id)?;
        let then = then_of(step, seen, ending);
        let counted = seen.count_end_by(ending, &of_pool);
        if matches!(ending, AttemptEnding::Failed | AttemptEnding::Released) {
            seen.newest = None;
        }
        if self.stop_at_end(step, said.id)? {
            step.ended.insert(said.id);
            self.agree(said)?;
            return self.forget_some(step);
        }
        if ending == AttemptEnding::Overran {
            self.lose_lease(step, said.id, Revocation::Overran)?;
        }
        let seen = self.seen(said.id)?;
        seen.phase = match seen.wait_after(counted, then, step.now) {
            None => Phase::Dead(step.now),
            Some(wait) => waits(step.now, wait, said)?,
        };
        if let (Phase::Scheduled(at), AttemptEnding::Cut | AttemptEnding::Silence) =
            (seen.phase, ending)
        {
            seen.ready_at = at;
        }
        if seen.phase.has_ended() {
            step.ended.insert(said.id);
            self.lose_lease(step, said.id, Revocation::Lost)?;
        }
        self.agree(said)
    }

    /// Nothing can be answered under the newest lease any more; who has it in hand must hear so.
    pub(super) fn lose_lease(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        why: Revocation,
    ) -> Verdict {
        let Some(newest) = self.seen(id)?.newest.take() else {
            return Ok(());
        };
        if let Some(session) = newest.session.filter(|of| self.sessions.contains_key(of)) {
            let proof = LeaseRef {
                task: id,
                lease: newest.lease,
            };
            step.revocations.push((session, proof, why));
        }
        Ok(())
    }

    /// A finished task is forgotten after its time, or as the oldest of too many.
    pub(super) fn forget(&mut self, now: Timestamp, id: TaskId) -> Verdict {
        let Some(seen) = self.tasks.get(&id) else {
            return Err(Violation::of(id, "it was forgotten twice"));
        };
        if !self.is_due_to_be_forgotten(now, id) {
            return Err(Violation::of(
                id,
                format!("it was forgotten as {:?}", seen.phase),
            ));
        }
        self.tasks.remove(&id);
        self.durable.will_hold(id, None);
        Ok(())
    }

    fn is_due_to_be_forgotten(&self, now: Timestamp, id: TaskId) -> bool {
        let settings = &self.settings;
        let Some(seen) = self.tasks.get(&id) else {
            return false;
        };
        let is_over = seen.phase.has_ended() && seen.due(settings).is_some_and(|at| at <= now);
        let finished = self.tasks.values().filter(|seen| seen.phase.is_finished());
        let ended_at = |seen: &Seen| (seen.due(settings), seen.id);
        let is_oldest = finished.clone().map(ended_at).min() == Some(ended_at(seen));
        let too_many = finished.count() as u64 > settings.completed_kept_max;
        is_over || (seen.phase.is_finished() && too_many && is_oldest)
    }

    /// What was due before now has happened before now.
    pub(super) fn check_on_time(&self, now: Timestamp) -> Verdict {
        let late = |at: Timestamp| at.max(self.restored_at) < now;
        for seen in self.tasks.values() {
            if let Some(at) = seen.due(&self.settings).filter(|at| late(*at)) {
                let what = format!("{:?} was over at {at:?}, and nothing happened", seen.phase);
                return Err(Violation::of(seen.id, what));
            }
        }
        match self.parked.values().find(|parked| late(parked.until)) {
            Some(parked) => Err(Violation::general(format!("never answered: {parked:?}"))),
            None => Ok(()),
        }
    }

    /// What must hold between two calls.
    fn check_rest(&self, step: &mut Step<'_>) -> Verdict {
        if self.is_anyone_waiting()
            && self.has_permit(step.now)
            && let Some(id) = self.next_ready(step.now).first()
        {
            let what = "it is ready while somebody waits for a task";
            return Err(Violation::of(*id, what));
        }
        self.check_own_claim(step)?;
        self.check_children(step)?;
        let finished = self.tasks.values().filter(|seen| seen.phase.is_finished());
        if finished.count() as u64 > self.settings.completed_kept_max {
            return Err(Violation::general("too many finished tasks are kept"));
        }
        let mut leases = BTreeSet::new();
        let newest = |seen: &Seen| Some((seen.id, seen.newest.as_ref()?.lease));
        match self
            .tasks
            .values()
            .filter_map(newest)
            .find(|(_, lease)| !leases.insert(*lease))
        {
            Some((id, _)) => Err(Violation::of(id, "its lease is on another task, too")),
            None => Ok(()),
        }
    }

    pub(super) fn is_anyone_waiting(&self) -> bool {
        let parked = self
            .parked
            .values()
            .any(|parked| matches!(parked.wants, Wants::Tasks { .. }));
        parked || self.sessions.values().any(|session| session.credit > 0)
    }
}

/// Where a task waits by what the pool said, if that is within what it may be.
fn waits(now: Timestamp, (from, to): (u64, u64), said: &Task) -> Verdict<Phase> {
    let run_at = match said.state {
        State::Scheduled { run_at } => run_at,
        State::Ready
        | State::Claimed
        | State::Completed { .. }
        | State::Cancelled { .. }
        | State::Dead { .. } => now,
    };
    let wait = run_at.as_millis().saturating_sub(now.as_millis());
    if !(from..=to).contains(&wait) {
        let what = format!("{} waits {wait} ms, not {from} to {to}", short(said.id));
        return Err(Violation::of(said.id, what));
    }
    Ok(if wait == 0 {
        Phase::Ready
    } else {
        Phase::Scheduled(run_at)
    })
}
