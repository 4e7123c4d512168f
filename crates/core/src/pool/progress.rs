//! How far tasks have come, by their holders' word.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;

use super::{Pool, enqueue::within};
use crate::{
    Answer, Cause, Change, Progress, Rejection, SessionId, Task, Told, Transition,
    limits::NOTE_BYTES_MAX,
};

/// All of a task, as a fraction.
const WHOLE: u64 = 10_000;

impl Pool {
    pub(super) fn progress(
        &mut self,
        session: SessionId,
        items: &[Told],
        out: &mut Transition,
    ) -> Answer {
        let one = |told: &Told| self.progress_one(session, told, out);
        Answer::Extended(items.iter().map(one).collect())
    }

    /// It is an extension by as long as was granted, and a word besides: one change says both.
    fn progress_one(
        &mut self,
        session: SessionId,
        told: &Told,
        out: &mut Transition,
    ) -> Result<Duration, Rejection> {
        within("the fraction", told.fraction.into(), 0, WHOLE)?;
        let before = out.changes.len();
        let runs = self.extend_alone(session, told, out)?;
        out.changes.truncate(before);
        let Some(at) = self.tasks.find_leased(told.proof) else {
            return Err(Rejection::LeaseLost);
        };
        let progress = Progress {
            at: self.now,
            fraction: told.fraction,
            note: cut(&told.note),
        };
        let (task, ()) = self.tasks.update(at, |slot| {
            let extras = slot.task.extras.get_or_insert_default();
            Arc::make_mut(extras).progress = Some(Box::new(progress));
        });
        out.changes.push(Change::put(task, Cause::Progressed));
        Ok(runs)
    }

    fn extend_alone(
        &mut self,
        session: SessionId,
        told: &Told,
        out: &mut Transition,
    ) -> Result<Duration, Rejection> {
        match self.extend(session, &[told.proof], None, out) {
            Answer::Extended(items) => {
                let answers: Vec<_> = items;
                answers
                    .into_iter()
                    .next()
                    .unwrap_or(Err(Rejection::LeaseLost))
            }
            Answer::Refused(refusal) => Err(refusal),
            Answer::Enqueued(_)
            | Answer::Claimed(_)
            | Answer::Credited(_)
            | Answer::Done(_)
            | Answer::Revived(_)
            | Answer::Awaited(_)
            | Answer::Purged(_) => unreachable!("an extension is answered otherwise"),
        }
    }
}

impl Task {
    /// A new attempt begins at nothing. What the last one said is kept until then, so that a dead
    /// task says how far it came.
    pub(super) fn forget_progress(&mut self) {
        let extras = self.extras.as_ref();
        if extras.is_some_and(|extras| extras.progress.is_some()) {
            self.extras_mut().progress = None;
        }
    }
}

fn cut(note: &str) -> String {
    note[..note.floor_char_boundary(NOTE_BYTES_MAX)].to_string()
}
