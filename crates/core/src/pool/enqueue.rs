//! Accepting tasks, each id once.

use alloc::{boxed::Box, vec::Vec};

use super::{Pool, tasks::Slot};
use crate::{
    Accepted, Answer, Cause, Change, Extras, NewTask, Rejection, State, Task, Transition, Wish,
    limits::{ATTEMPTS_MAX, DELAY_MAX},
    time::millis,
};

impl Pool {
    pub(super) fn enqueue(&mut self, tasks: Vec<NewTask>, out: &mut Transition) -> Answer {
        let mut answers = Vec::with_capacity(tasks.len());
        answers.extend(tasks.into_iter().map(|task| self.enqueue_one(task, out)));
        Answer::Enqueued(answers)
    }

    fn enqueue_one(&mut self, new: NewTask, out: &mut Transition) -> Result<Accepted, Rejection> {
        let id = new.id;
        if let Some(at) = self.tasks.find(id) {
            let known_as = Some(self.tasks.shelf.kind(at));
            return Ok(Accepted { id, known_as });
        }
        self.check_wishes(&new.wishes)?;
        if let Some(first) = self.known_by_key(&new.wishes) {
            return Ok(first);
        }
        self.check_new(&new)?;
        self.check_parents(&new)?;
        let slot = Slot::of(Box::new(self.new_task(&new)?));
        self.tasks.insert(&slot);
        out.changes.push(Change::Put {
            task: slot.task,
            cause: Cause::Enqueued,
            blob: Some(new.payload),
        });
        Ok(Accepted { id, known_as: None })
    }

    /// Refuses wishes that are out of bounds, or that nothing in this pool grants.
    fn check_wishes(&self, wishes: &[Wish]) -> Result<(), Rejection> {
        wishes.iter().try_for_each(|wish| match wish {
            Wish::RunAt(_) => Err(Rejection::unsupported("run_at")),
            Wish::ExpiresAfter(_) => Err(Rejection::unsupported("expires_after")),
            Wish::MaxRuntime(_) => Err(Rejection::unsupported("max_runtime")),
            Wish::BackOff { .. } => Err(Rejection::unsupported("a back-off of its own")),
            Wish::LossesMax(_) => Err(Rejection::unsupported("losses_max")),
            Wish::InterruptionsMax(_) => Err(Rejection::unsupported("interruptions_max")),
            Wish::Key { key, window_ms } => self.check_key(key, *window_ms),
            Wish::Group(group) => self.check_group(group),
            Wish::After { tasks, .. } => self.check_after(tasks),
            Wish::Trace(_) => Err(Rejection::unsupported("trace")),
        })
    }

    fn check_new(&self, new: &NewTask) -> Result<(), Rejection> {
        self.check_room(new)?;
        let attempts = u64::from(new.attempts_max.unwrap_or(self.settings.attempts_max));
        within("attempts_max", attempts, 1, u64::from(ATTEMPTS_MAX))?;
        within(
            "the delay in milliseconds",
            millis(new.delay),
            0,
            millis(DELAY_MAX),
        )?;
        let bytes_max = self.settings.payload_bytes_max as u64;
        within(
            "the payload's length in bytes",
            new.payload.len() as u64,
            0,
            bytes_max,
        )
    }

    fn new_task(&mut self, new: &NewTask) -> Result<Task, Rejection> {
        let ready_at = self.now + new.delay;
        let place = self.next_place;
        self.next_place += 1;
        Ok(Task {
            id: new.id,
            place,
            priority: new.priority,
            attempts_max: new.attempts_max.unwrap_or(self.settings.attempts_max),
            enqueued_at: self.now,
            ready_at,
            attempt: 0,
            interruptions: 0,
            losses_in_a_row: 0,
            payload_len: length("the payload's length in bytes", new.payload.len())?,
            result_len: None,
            state: if ready_at > self.now {
                State::Scheduled { run_at: ready_at }
            } else {
                State::Ready
            },
            lease: None,
            history: Vec::new(),
            extras: Extras::of(&new.wishes, &self.settings),
        })
    }
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
