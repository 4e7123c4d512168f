//! Schedules: what they fire, and what of them is to be planned.
//!
//! The pool knows no calendar. Its owner asks which schedules are due ([`Pool::due_schedules`]),
//! finds their instants, and answers with a [`Plan`] in the same turn. What a plan fires and the
//! instant up to which that is dealt with go into one commit; and an instant makes the id of its
//! task ([`TaskId::fired`]), so nothing fires twice, whenever the owner dies.
//!
//! What is due is said in the time by which the schedule goes ([`Pool::schedule_now`]).

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::{Pool, enqueue::within};
use crate::{
    Answer, Change, Misfire, NewTask, Note, NoteName, Plan, Rejection, Schedule, ScheduleAsk,
    ScheduleName, TaskId, Timestamp, Transition, When, Wish,
    limits::{
        ATTEMPTS_MAX, EVERY_MAX, EVERY_MIN, ON_TIME, SCHEDULE_PAYLOAD_BYTES_MAX, SCHEDULES_MAX,
    },
    time::millis,
};

/// How soon an instant for which the pool had no room is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A calendar that is set back by more than this was wrong before: then its instants come again. By
/// less, they pass a second time without a task.
const SET_BACK_MAX: Duration = Duration::from_secs(24 * 3600);

/// The schedules of a pool, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedules(BTreeMap<ScheduleName, Kept>);

#[derive(Debug, Clone)]
struct Kept {
    schedule: Schedule,
    /// When it next wants a plan; none: never again.
    wants_plan: Option<Timestamp>,
}

impl Pool {
    pub(super) fn schedule(&mut self, ask: ScheduleAsk, out: &mut Transition) -> Answer {
        let done = match ask {
            ScheduleAsk::Put(schedule) => self.put_schedule(*schedule, out),
            ScheduleAsk::Remove(name) => self.remove_schedule(&name, out),
            ScheduleAsk::Pause(name, paused) => self.pause_schedule(&name, paused, out),
        };
        match done {
            Ok(()) => Answer::Done([Ok(())].into()),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    /// In place of one of the same name it goes on where that one was, as far as its instants are
    /// the same.
    fn put_schedule(&mut self, new: Schedule, out: &mut Transition) -> Result<(), Rejection> {
        self.check_schedule(&new)?;
        let known = self.schedules.0.get(&new.name).map(|kept| &kept.schedule);
        if known.is_none() {
            let number = self.schedules.0.len() as u64 + 1;
            within("the number of schedules", number, 0, SCHEDULES_MAX as u64)?;
        }
        let now = self.schedule_now(&new.when);
        let schedule = match known {
            Some(known) => succeed(new, known, now),
            None => Schedule {
                when: begun(new.when, now),
                done_until: now,
                fired: 0,
                skipped: 0,
                last: None,
                ..new
            },
        };
        self.keep_schedule(schedule, Some(self.now), out);
        Ok(())
    }

    fn check_schedule(&self, new: &Schedule) -> Result<(), Rejection> {
        if self.settings.partitions > 1 {
            return Err(Rejection::unsupported("schedules of a pool in partitions"));
        }
        if let When::Every { ms, .. } = new.when {
            let what = "the interval in milliseconds";
            within(what, ms, millis(EVERY_MIN), millis(EVERY_MAX))?;
        }
        within(
            "the length of a schedule's payload in bytes",
            new.payload.len() as u64,
            0,
            SCHEDULE_PAYLOAD_BYTES_MAX as u64,
        )?;
        let attempts = u64::from(new.attempts_max.unwrap_or(self.settings.attempts_max));
        within("attempts_max", attempts, 1, u64::from(ATTEMPTS_MAX))?;
        let is_of_one_task =
            |wish: &Wish| matches!(wish, Wish::RunAt(_) | Wish::After { .. } | Wish::Trace(_));
        if new.wishes.iter().any(is_of_one_task) {
            let why = "a schedule's tasks have no run_at, no after and no trace of their own";
            return Err(Rejection::Invalid(why.into()));
        }
        self.check_wishes(&fired(new, self.now))
    }

    fn remove_schedule(
        &mut self,
        name: &ScheduleName,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        if self.schedules.0.remove(name).is_none() {
            return Err(no_such(name));
        }
        out.changes.push(Change::Note {
            name: NoteName::Schedule(name.clone()),
            body: None,
        });
        Ok(())
    }

    /// Of a pool that is deleted.
    pub(super) fn drop_schedules(&mut self, out: &mut Transition) {
        for name in core::mem::take(&mut self.schedules.0).into_keys() {
            let name = NoteName::Schedule(name);
            out.changes.push(Change::Note { name, body: None });
        }
    }

    fn pause_schedule(
        &mut self,
        name: &ScheduleName,
        paused: bool,
        out: &mut Transition,
    ) -> Result<(), Rejection> {
        let kept = self.schedules.0.get(name).ok_or_else(|| no_such(name))?;
        if kept.schedule.paused == paused {
            return Ok(());
        }
        let mut schedule = kept.schedule.clone();
        if !paused {
            // What passed meanwhile passed without a task, planned or not.
            let now = self.schedule_now(&schedule.when);
            schedule.done_until = schedule.done_until.max(now);
        }
        schedule.paused = paused;
        self.keep_schedule(schedule, Some(self.now), out);
        Ok(())
    }

    /// Enqueues what a schedule's due instants are for. No answer.
    pub(super) fn fire(&mut self, plan: Plan, out: &mut Transition) -> Option<Answer> {
        let kept = self.schedules.0.get(&plan.name)?;
        let mut schedule = kept.schedule.clone();
        let now = self.schedule_now(&schedule.when);
        if schedule.done_until.since(now) > SET_BACK_MAX {
            schedule.done_until = now;
        }
        let fresh = |at: &Timestamp| *at > schedule.done_until;
        let due: Vec<Timestamp> = plan.due.iter().copied().filter(fresh).collect();
        let mut wants_plan = plan.next.map(|at| self.now + at.since(now));
        for (at, fires) in verdicts(&schedule, &due, now) {
            if fires && self.fire_one(&mut schedule, at, out) == Fired::NoRoom {
                wants_plan = Some(self.now + AGAIN);
                break;
            }
            schedule.skipped += u64::from(!fires);
            schedule.done_until = at;
        }
        let kept = self.schedules.0.get_mut(&plan.name)?;
        if schedule == kept.schedule {
            kept.wants_plan = wants_plan;
        } else {
            self.keep_schedule(schedule, wants_plan, out);
        }
        None
    }

    fn fire_one(&mut self, of: &mut Schedule, at: Timestamp, out: &mut Transition) -> Fired {
        let task = fired(of, at);
        let id = task.id;
        match self.enqueue_one(task, Some(&of.name), out) {
            // Another task has the key that its tasks have.
            Ok(accepted) if accepted.id != id => {
                of.skipped += 1;
                Fired::Done
            }
            Ok(_) => {
                of.fired += 1;
                of.last = Some(id);
                Fired::Done
            }
            Err(Rejection::PoolFull { .. } | Rejection::Full { .. }) => Fired::NoRoom,
            // The pool's settings have changed since it was put.
            Err(_) => {
                of.skipped += 1;
                Fired::Done
            }
        }
    }

    fn keep_schedule(
        &mut self,
        schedule: Schedule,
        wants_plan: Option<Timestamp>,
        out: &mut Transition,
    ) {
        out.changes.push(Note::Schedule(schedule.clone()).into());
        let kept = Kept {
            schedule,
            wants_plan,
        };
        self.schedules.0.insert(kept.schedule.name.clone(), kept);
    }

    pub(super) fn recall_schedule(&mut self, schedule: Schedule) {
        let kept = Kept {
            wants_plan: Some(self.now),
            schedule,
        };
        self.schedules.0.insert(kept.schedule.name.clone(), kept);
    }

    /// All schedules, by name.
    pub fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.schedules.0.values().map(|kept| &kept.schedule)
    }

    /// Schedules that want a [`Plan`] now. [`Pool::next_deadline`] is not after now until they have
    /// it.
    pub fn due_schedules(&self) -> impl Iterator<Item = &Schedule> {
        let is_due = |kept: &&Kept| kept.wants_plan.is_some_and(|at| at <= self.now);
        let due = self.schedules.0.values().filter(is_due);
        due.map(|kept| &kept.schedule)
    }

    /// What goes by the calendar wants a plan: that was set.
    pub(super) fn plan_by_calendar(&mut self) {
        for kept in self.schedules.0.values_mut() {
            if goes_by_calendar(&kept.schedule) {
                kept.wants_plan = Some(self.now);
            }
        }
    }

    /// Whether any schedule goes by the calendar.
    #[must_use]
    pub fn wants_calendar(&self) -> bool {
        self.schedules().any(goes_by_calendar)
    }

    /// When a schedule next wants a [`Plan`].
    pub(super) fn next_instant(&self) -> Option<Timestamp> {
        let wanted = self.schedules.0.values().filter_map(|kept| kept.wants_plan);
        wanted.min()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fired {
    Done,
    NoRoom,
}

const fn goes_by_calendar(schedule: &Schedule) -> bool {
    matches!(schedule.when, When::Cron { .. })
}

fn no_such(name: &ScheduleName) -> Rejection {
    Rejection::NoSuchSchedule(name.as_str().into())
}

/// Which instants fire. Those of the last minute are on time, whatever the policy says of missed
/// ones.
fn verdicts(of: &Schedule, due: &[Timestamp], now: Timestamp) -> Vec<(Timestamp, bool)> {
    let is_missed = |at: &Timestamp| now.since(*at) >= ON_TIME;
    let newest_missed = due.iter().copied().rfind(is_missed);
    let makes_up = |at: &Timestamp| match of.misfire {
        Misfire::Skip => false,
        Misfire::Once => Some(*at) == newest_missed,
        Misfire::All => true,
    };
    let fires = |at: &Timestamp| !of.paused && (!is_missed(at) || makes_up(at));
    due.iter().map(|at| (*at, fires(at))).collect()
}

/// The task of an instant.
fn fired(of: &Schedule, at: Timestamp) -> NewTask {
    NewTask {
        id: TaskId::fired(of.seed, at),
        priority: of.priority,
        attempts_max: of.attempts_max,
        delay: Duration::ZERO,
        payload: of.payload.clone(),
        wishes: of.wishes.clone(),
    }
}

/// What was put in place of a known one.
fn succeed(new: Schedule, known: &Schedule, now: Timestamp) -> Schedule {
    let when = match (&new.when, &known.when) {
        // Nobody said from when, so it goes on as it was.
        (When::Every { ms, from }, When::Every { ms: before, .. })
            if *from == Timestamp::default() && ms == before =>
        {
            known.when.clone()
        }
        _ => begun(new.when.clone(), now),
    };
    let goes_on = when == known.when && new.paused == known.paused;
    Schedule {
        seed: known.seed,
        done_until: if goes_on {
            known.done_until
        } else {
            known.done_until.max(now)
        },
        fired: known.fired,
        skipped: known.skipped,
        last: known.last,
        when,
        ..new
    }
}

/// An interval of which nobody said when it begins has its first instant at the end of the first.
fn begun(when: When, now: Timestamp) -> When {
    match when {
        When::Every { ms, from } if from == Timestamp::default() => When::Every {
            ms,
            from: now + Duration::from_millis(ms),
        },
        When::Every { .. } | When::Cron { .. } => when,
    }
}
