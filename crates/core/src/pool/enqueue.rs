//! Accepting tasks, each id once.

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use core::{mem::discriminant, time::Duration};

use super::{Pool, after::in_rings, room::Beside, tasks::Slot};
use crate::{
    Accepted, Answer, Cause, Change, Extras, NewTask, Rejection, ScheduleName, State, Task, TaskId,
    Timestamp, Transition, Wish,
    limits::{
        ATTEMPTS_MAX, DELAY_MAX, EXPIRES_MAX, INTERRUPTIONS_MAX, LEASE_MIN, RUNTIME_MAX,
        TRACE_BYTES_MAX, TRACE_BYTES_MIN,
    },
    time::millis,
};

impl Pool {
    pub(super) fn enqueue(&mut self, tasks: Vec<NewTask>, out: &mut Transition) -> Answer {
        let mut answers = Vec::with_capacity(tasks.len());
        if tasks.iter().all(|new| new.wishes.is_empty()) {
            let one = |new| self.enqueue_one(new, None, out);
            answers.extend(tasks.into_iter().map(one));
        } else {
            let rings = in_rings(&tasks);
            let one = |new| self.enqueue_wished(new, &rings, out);
            answers.extend(tasks.into_iter().map(one));
        }
        Answer::Enqueued(answers)
    }

    fn enqueue_wished(
        &mut self,
        new: NewTask,
        rings: &BTreeSet<TaskId>,
        out: &mut Transition,
    ) -> Result<Accepted, Rejection> {
        if rings.contains(&new.id) && self.tasks.find(new.id).is_none() {
            return Err(Rejection::Cycle(new.id));
        }
        self.enqueue_one(new, None, out)
    }

    /// A task that somebody enqueues, or a schedule.
    pub(super) fn enqueue_one(
        &mut self,
        new: NewTask,
        by: Option<&ScheduleName>,
        out: &mut Transition,
    ) -> Result<Accepted, Rejection> {
        self.enqueue_beside(new, by, Beside::default(), out)
    }

    /// As [`Pool::enqueue_one`], where others go in the same moment.
    #[inline]
    pub(super) fn enqueue_beside(
        &mut self,
        new: NewTask,
        by: Option<&ScheduleName>,
        others: Beside,
        out: &mut Transition,
    ) -> Result<Accepted, Rejection> {
        let id = new.id;
        if let Some(at) = self.tasks.find(id) {
            let known_as = Some(self.tasks.shelf.kind(at));
            return Ok(Accepted { id, known_as });
        }
        self.check_wishes(&new)?;
        if let Some(first) = self.known_by_key(&new.wishes) {
            return Ok(first);
        }
        self.check_new_beside(&new, others)?;
        self.check_parents(&new)?;
        let slot = Slot::of(self.new_task(&new, by)?);
        let at = self.tasks.insert(&slot);
        let waits = slot.task.waits_for_others();
        out.changes.push(Change::Put {
            task: slot.task,
            cause: Cause::Enqueued,
            blob: Some(new.payload),
        });
        if waits {
            self.settle_new_child(at, out);
        }
        Ok(Accepted { id, known_as: None })
    }

    /// Refuses wishes that are out of bounds, that contradict each other, or that nothing in this
    /// pool grants.
    pub(super) fn check_wishes(&self, new: &NewTask) -> Result<(), Rejection> {
        let kind = |wish: &Wish| discriminant(wish);
        let earlier = |at: usize| new.wishes[..at].iter().map(kind);
        for (at, wish) in new.wishes.iter().enumerate() {
            if earlier(at).any(|other| other == kind(wish)) {
                return Err(Rejection::Invalid("it has two wishes of one kind".into()));
            }
            self.check_wish(new, wish)?;
        }
        Ok(())
    }

    fn check_wish(&self, new: &NewTask, wish: &Wish) -> Result<(), Rejection> {
        match wish {
            Wish::RunAt(at) => self.check_run_at(new, *at),
            Wish::ExpiresAfter(ms) => {
                let what = "expires_after in milliseconds";
                within(what, *ms, 1, millis(EXPIRES_MAX))
            }
            Wish::MaxRuntime(ms) => {
                let what = "max_runtime in milliseconds";
                within(what, *ms, millis(LEASE_MIN), millis(RUNTIME_MAX))
            }
            Wish::BackOff { .. } => check_back_off(wish),
            Wish::LossesMax(max) => within("losses_max", (*max).into(), 1, u64::from(ATTEMPTS_MAX)),
            Wish::InterruptionsMax(max) => {
                let what = "interruptions_max";
                within(what, (*max).into(), 1, u64::from(INTERRUPTIONS_MAX))
            }
            Wish::Key { key, window_ms } => self.check_key(key, *window_ms),
            Wish::Group(group) => self.check_group(group),
            Wish::After { tasks, .. } => self.check_after(tasks),
            Wish::Trace(trace) => check_trace(trace),
        }
    }

    fn check_run_at(&self, new: &NewTask, at: Timestamp) -> Result<(), Rejection> {
        if !new.delay.is_zero() {
            let what = "it has both run_at and a delay";
            return Err(Rejection::Invalid(what.into()));
        }
        let latest = (self.now + DELAY_MAX).as_millis();
        within("run_at in milliseconds", at.as_millis(), 0, latest)
    }

    /// Where others come with it.
    pub(super) fn check_new_beside(&self, new: &NewTask, others: Beside) -> Result<(), Rejection> {
        self.check_room(new, others)?;
        let attempts = u64::from(new.attempts_max.unwrap_or(self.settings.attempts_max));
        within("attempts_max", attempts, 1, u64::from(ATTEMPTS_MAX))?;
        check_delay(new.delay)?;
        let bytes_max = self.settings.payload_bytes_max as u64;
        within(
            "the payload's length in bytes",
            new.payload.len() as u64,
            0,
            bytes_max,
        )
    }

    fn new_task(
        &mut self,
        new: &NewTask,
        by: Option<&ScheduleName>,
    ) -> Result<Box<Task>, Rejection> {
        let run_at = new.wishes.iter().find_map(|wish| match wish {
            Wish::RunAt(at) => Some(*at),
            Wish::ExpiresAfter(_)
            | Wish::MaxRuntime(_)
            | Wish::BackOff { .. }
            | Wish::LossesMax(_)
            | Wish::InterruptionsMax(_)
            | Wish::Key { .. }
            | Wish::Group(_)
            | Wish::After { .. }
            | Wish::Trace(_) => None,
        });
        let ready_at = run_at.map_or(self.now + new.delay, |at| at.max(self.now));
        let mut task = self.tasks.shelf.spares.blank();
        task.id = new.id;
        task.place = self.next_place;
        task.priority = new.priority;
        task.attempts_max = new.attempts_max.unwrap_or(self.settings.attempts_max);
        task.enqueued_at = self.now;
        task.ready_at = ready_at;
        (task.attempt, task.interruptions, task.losses_in_a_row) = (0, 0, 0);
        task.payload_len = length("the payload's length in bytes", new.payload.len())?;
        task.result_len = None;
        task.state = if ready_at > self.now {
            State::Scheduled { run_at: ready_at }
        } else {
            State::Ready
        };
        task.extras = Extras::of(&new.wishes, by, &self.settings);
        self.next_place += 1;
        if task.extras.is_some() {
            self.beside_parents(&mut task);
        }
        Ok(task)
    }
}

/// Refuses a wait that is too long.
pub(super) fn check_delay(delay: Duration) -> Result<(), Rejection> {
    let what = "the delay in milliseconds";
    within(what, millis(delay), 0, millis(DELAY_MAX))
}

fn check_back_off(wish: &Wish) -> Result<(), Rejection> {
    let Wish::BackOff {
        base_ms,
        cap_ms,
        factor_percent,
        jitter_percent,
    } = wish
    else {
        return Ok(());
    };
    let longest = millis(DELAY_MAX);
    within("the back-off's base in milliseconds", *base_ms, 0, longest)?;
    let what = "the back-off's cap in milliseconds";
    within(what, *cap_ms, *base_ms, longest)?;
    let what = "the back-off's factor in percent";
    within(what, (*factor_percent).into(), 100, 1000)?;
    let what = "the back-off's jitter in percent";
    within(what, (*jitter_percent).into(), 0, 100)
}

/// As W3C's "Trace Context" has it, of this or a later version.
fn check_trace(trace: &str) -> Result<(), Rejection> {
    within(
        "the length of the trace in bytes",
        trace.len() as u64,
        TRACE_BYTES_MIN,
        TRACE_BYTES_MAX as u64,
    )?;
    let mut parts = trace.splitn(5, '-');
    let mut is_hex = |len: usize, other_than: char| {
        parts.next().is_some_and(|part| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            part.len() == len
                && part.bytes().all(is_digit)
                && !part.chars().all(|digit| digit == other_than)
        })
    };
    // A version, a trace, a span and flags; "g" is no digit.
    if is_hex(2, 'f') && is_hex(32, '0') && is_hex(16, '0') && is_hex(2, 'g') {
        return Ok(());
    }
    let what = "the trace is no W3C traceparent, as 00-<32 hex>-<16 hex>-<2 hex>";
    Err(Rejection::Invalid(what.into()))
}

/// Refuses a value out of its bounds.
pub(super) fn within(what: &str, value: u64, min: u64, max: u64) -> Result<(), Rejection> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Rejection::out_of_bounds(what, value, min, max))
}

/// A length as it is stored.
pub(super) fn length(what: &str, length: usize) -> Result<u32, Rejection> {
    u32::try_from(length)
        .map_err(|_| Rejection::out_of_bounds(what, length as u64, 0, u64::from(u32::MAX)))
}
