//! Keeping and showing schedules, and planning for the pool which instants of them are due.

use std::time::Duration;

use leasehold_core::{
    Answer, Command, Plan, Rejection, Reply, RequestId, Schedule, ScheduleAsk, SessionId, Timestamp,
};
use leasehold_wire::{Response, ScheduleSpec, ScheduleVerb, ScheduleView};

use super::{
    instants::{self, Instants},
    outlet::{Part, Said},
    shell::Shell,
};

/// How soon what is due is looked at again while tasks are refused for want of disk.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the clock on the wall is looked at while schedules go by it: an instant is on time for
/// a minute.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// By how much that clock must be set for the log to say so; less is what keeping it right takes.
const WORTH_A_LINE_MS: u64 = 1000;

/// Instants that are shown of each schedule.
const NEXT: usize = 5;

impl Shell {
    /// Does what is asked, and answers with all schedules that there are now.
    pub(super) fn ask_schedule(
        &mut self,
        session: SessionId,
        request: RequestId,
        verb: ScheduleVerb,
    ) {
        let now = self.clock.now();
        self.heed_calendar();
        let refused = match self.ask(verb) {
            Ok(Some(ask)) => self.do_schedule(session, request, ask, now),
            Ok(None) => None,
            Err(refusal) => Some(refusal),
        };
        let response = match refused {
            Some(refusal) => Response::Refused(refusal),
            None => Response::Schedules(self.views()),
        };
        let said = Said::Part(request, Part::Whole(response));
        self.outbox.say((session, said));
    }

    /// Says why not.
    fn do_schedule(
        &mut self,
        session: SessionId,
        request: RequestId,
        ask: ScheduleAsk,
        now: Timestamp,
    ) -> Option<Rejection> {
        let command = Command::Schedule(ask);
        self.pool
            .apply(now, session, request, command, &mut self.transition);
        let replies = &mut self.transition.replies;
        let own = |reply: &mut Reply| matches!(reply, Reply::Answer(to, of, _) if (*to, *of) == (session, request));
        let answer = replies.extract_if(.., own).last();
        self.take_transition();
        self.plan_due();
        match answer {
            Some(Reply::Answer(_, _, Answer::Refused(refusal))) => Some(refusal),
            Some(_) | None => None,
        }
    }

    /// What the verb asks of the pool, if anything.
    fn ask(&self, verb: ScheduleVerb) -> Result<Option<ScheduleAsk>, Rejection> {
        Ok(Some(match verb {
            ScheduleVerb::List => return Ok(None),
            ScheduleVerb::Put(spec) => {
                Instants::of(&spec.when, self.pool.schedule_now(&spec.when))?;
                // It takes disk with each task that it fires.
                self.gauge.admit(spec.payload.len() as u64)?;
                ScheduleAsk::Put(Box::new(schedule(*spec)))
            }
            ScheduleVerb::Remove(name) => ScheduleAsk::Remove(name),
            ScheduleVerb::Pause(name) => ScheduleAsk::Pause(name, true),
            ScheduleVerb::Resume(name) => ScheduleAsk::Pause(name, false),
        }))
    }

    /// Fires what is due. Under the free-space reserve it waits, as any other enqueue does.
    pub(super) fn plan_due(&mut self) {
        if self.pool.wants_calendar() {
            self.heed_calendar();
        }
        let plan = |of: &Schedule| {
            let now = self.pool.schedule_now(&of.when);
            match self.gauge.admit(of.payload.len() as u64) {
                Ok(()) => instants::plan(of, now),
                Err(_) => Plan {
                    name: of.name.clone(),
                    due: Vec::new(),
                    more: false,
                    next: Some(now + AGAIN),
                },
            }
        };
        let plans: Vec<Plan> = self.pool.due_schedules().map(plan).collect();
        for plan in plans {
            tracing::debug!(pool = %self.name, schedule = %plan.name, due = plan.due.len(), "planned");
            if plan.more {
                tracing::warn!(
                    pool = %self.name, schedule = %plan.name, made_up_at_most = plan.due.len(),
                    "more instants were missed than are looked at",
                );
            }
            self.apply_own(Command::Plan(Box::new(plan)));
        }
    }

    /// Cron goes by the clock on the wall, whenever that is set.
    fn heed_calendar(&mut self) {
        let now = self.clock.now();
        self.pool.advance(now, &mut self.transition);
        self.take_transition();
        let Some(set_by) = self.pool.set_calendar(self.clock.on_the_wall()) else {
            return;
        };
        if self.pool.wants_calendar() && set_by.unsigned_abs() >= WORTH_A_LINE_MS {
            let pool = &self.name;
            tracing::warn!(%pool, set_by_ms = set_by, "the machine's clock was set: schedules follow it");
        }
    }

    /// When the clock on the wall is to be looked at again, if anything goes by it.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        let wants = self.pool.wants_calendar();
        wants.then(|| self.clock.now() + LOOK_EVERY)
    }

    fn views(&self) -> Vec<ScheduleView> {
        let of = |of: &Schedule| view(of, self.pool.schedule_now(&of.when));
        self.pool.schedules().map(of).collect()
    }
}

/// As it is kept; the pool says what of it goes on from an earlier one.
pub(super) fn schedule(spec: ScheduleSpec) -> Schedule {
    Schedule {
        name: spec.name,
        seed: spec.seed,
        when: spec.when,
        misfire: spec.misfire,
        priority: spec.priority,
        attempts_max: spec.attempts_max,
        wishes: spec.wishes,
        payload: spec.payload,
        paused: spec.paused,
        done_until: Timestamp::default(),
        fired: 0,
        skipped: 0,
        last: None,
    }
}

fn view(of: &Schedule, now: Timestamp) -> ScheduleView {
    let next = Instants::of(&of.when, now).map(|instants| instants.next(now, NEXT));
    let next = next.unwrap_or_default();
    ScheduleView {
        spec: ScheduleSpec {
            name: of.name.clone(),
            seed: of.seed,
            when: of.when.clone(),
            misfire: of.misfire,
            priority: of.priority,
            attempts_max: of.attempts_max,
            wishes: of.wishes.clone(),
            payload: of.payload.clone(),
            paused: of.paused,
        },
        done_until_ms: of.done_until.as_millis(),
        fired: of.fired,
        skipped: of.skipped,
        last: of.last,
        next_ms: next.into_iter().map(Timestamp::as_millis).collect(),
    }
}
