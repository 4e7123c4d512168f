//! Schedules: which instants fire, each once, and what is kept of that.

use std::{collections::BTreeMap, time::Duration};

use leasehold_core::{
    Change, Misfire, NewTask, Note, NoteName, Plan, Schedule, ScheduleAsk, ScheduleName, TaskId,
    Timestamp, When,
};

use super::{
    Verdict, Violation,
    books::Books,
    replies::{No, Said},
    step::Step,
};

/// Later than this an instant was missed.
const ON_TIME: Duration = Duration::from_secs(60);

/// A pool without room is asked again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// By name, as they must be kept.
pub(super) type Schedules = BTreeMap<ScheduleName, Schedule>;

impl Books {
    pub(super) fn schedule(&mut self, step: &mut Step<'_>, ask: &ScheduleAsk) -> Verdict<Said> {
        let now = step.now;
        let unknown = Ok(Said::Refused(No::Elsewhere));
        match ask {
            ScheduleAsk::Put(new) => {
                let known = self.schedules.get(&new.name);
                let same = |known: &&Schedule| known.when == new.when && known.paused == new.paused;
                let done_until = known.filter(same).map_or(now, |known| known.done_until);
                let kept = Schedule {
                    seed: known.map_or(new.seed, |known| known.seed),
                    done_until,
                    fired: known.map_or(0, |known| known.fired),
                    skipped: known.map_or(0, |known| known.skipped),
                    last: known.and_then(|known| known.last),
                    ..Schedule::clone(new)
                };
                self.keep(step, kept)?;
            }
            ScheduleAsk::Remove(name) => {
                if self.schedules.remove(name).is_none() {
                    return unknown;
                }
                step.remarks.push("schedule dropped");
                self.expect_note(step, name, None)?;
            }
            ScheduleAsk::Pause(name, paused) => {
                let Some(known) = self.schedules.get(name) else {
                    return unknown;
                };
                if known.paused != *paused {
                    let resumed = known.done_until.max(now);
                    let done_until = if *paused { known.done_until } else { resumed };
                    let paused = *paused;
                    let kept = Schedule {
                        paused,
                        done_until,
                        ..known.clone()
                    };
                    self.keep(step, kept)?;
                }
            }
        }
        Ok(Said::Done(vec![Ok(())]))
    }

    fn keep(&mut self, step: &mut Step<'_>, kept: Schedule) -> Verdict {
        let name = kept.name.clone();
        self.schedules.insert(name.clone(), kept.clone());
        self.expect_note(step, &name, Some(kept))
    }

    /// The hub says what is due; what fires is what the oracle finds due.
    pub(super) fn planned(&mut self, step: &mut Step<'_>, plan: &Plan) -> Verdict {
        let Some(mut kept) = self.schedules.get(&plan.name).cloned() else {
            return Ok(());
        };
        let before = kept.clone();
        let due = instants(&kept, step.now);
        let now = step.now;
        let is_missed = |at: &Timestamp| now.since(*at) >= ON_TIME;
        let newest_missed = due.iter().copied().rfind(is_missed);
        for at in due {
            let is_made_up = match kept.misfire {
                Misfire::Skip => false,
                Misfire::Once => Some(at) == newest_missed,
                Misfire::All => true,
            };
            if kept.paused || (is_missed(&at) && !is_made_up) {
                step.remarks.push("instant skipped");
                kept.skipped += 1;
            } else if self.fire(step, &mut kept, at)? {
                step.remarks.push("instant fired");
            } else {
                step.remarks.push("instant without room");
                break;
            }
            kept.done_until = at;
        }
        if kept != before {
            self.keep(step, kept)?;
        }
        Ok(())
    }

    /// Whether there was room.
    fn fire(&mut self, step: &mut Step<'_>, of: &mut Schedule, at: Timestamp) -> Verdict<bool> {
        if self.tasks.len() as u64 >= self.settings.tasks_max {
            return Ok(false);
        }
        let what = || Violation::general(format!("{} was to fire at {at:?}", of.name));
        let id = step.next_id().ok_or_else(what)?;
        if u64::try_from(id.as_u128() >> 80) != Ok(at.as_millis()) {
            return Err(Violation::of(id, format!("its id is not of {at:?}")));
        }
        let said_before = *self.fired.entry(at).or_insert(id);
        if said_before != id {
            return Err(Violation::of(
                id,
                format!("{at:?} was {said_before} before"),
            ));
        }
        let new = NewTask {
            id,
            priority: of.priority,
            attempts_max: of.attempts_max,
            delay: Duration::ZERO,
            payload: of.payload.clone(),
            wishes: of.wishes.clone(),
        };
        if let Err(no) = self.enqueue_one(step, &new, 0)? {
            return Err(Violation::of(
                id,
                format!("it was fired, and is refused: {no:?}"),
            ));
        }
        (of.fired, of.last) = (of.fired + 1, Some(id));
        Ok(true)
    }

    fn expect_note(
        &mut self,
        step: &mut Step<'_>,
        of: &ScheduleName,
        kept: Option<Schedule>,
    ) -> Verdict {
        let wanted = Change::Note {
            name: NoteName::Schedule(of.clone()),
            body: kept.clone().map(|kept| Box::new(Note::Schedule(kept))),
        };
        step.expect_change(&wanted)?;
        self.durable.will_note(of.clone(), kept);
        Ok(())
    }

    /// No instant has passed without anybody's looking, unless there was no room for it.
    pub(super) fn check_instants(&mut self, now: Timestamp, restored_at: Timestamp) -> Verdict {
        if self.tasks.len() as u64 >= self.settings.tasks_max {
            self.full_at = now;
        }
        if now.since(self.full_at) <= AGAIN {
            return Ok(());
        }
        let passed = |of: &&Schedule| {
            let all = instants(of, now);
            all.first().is_some_and(|at| (*at).max(restored_at) < now)
        };
        match self.schedules.values().find(passed) {
            Some(of) => {
                let what = format!("an instant of {} after {:?} passed", of.name, of.done_until);
                Err(Violation::general(what))
            }
            None => Ok(()),
        }
    }
}

/// Those after what is dealt with, up to now.
fn instants(of: &Schedule, now: Timestamp) -> Vec<Timestamp> {
    let When::Every { ms, from } = of.when else {
        return Vec::new();
    };
    let step = Duration::from_millis(ms);
    let done = of.done_until.since(from).as_millis() / step.as_millis();
    let passed = Duration::from_millis(ms * u64::try_from(done).unwrap_or(0));
    let all = std::iter::successors(Some(from + passed), |at| Some(*at + step));
    all.skip_while(|at| *at <= of.done_until)
        .take_while(|at| *at <= now)
        .collect()
}

/// A task that only a schedule made.
pub(super) type Fired = BTreeMap<Timestamp, TaskId>;
