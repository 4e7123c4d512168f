//! Tasks that have ended: brought back changed, or forgotten by request.

use std::collections::BTreeSet;

use leasehold_core::{
    Edit, Node, Reply, RequestId, ReviveWith, SessionId, StateKind, TaskId, Told, Where, Which,
    limits::{ATTEMPTS_MAX, BATCH_MAX},
};

use super::{
    Verdict, Violation,
    books::Books,
    holders::Extension,
    replies::{No, Said},
    seen::{Phase, Seen},
    step::Step,
};

/// All of a task, as a fraction.
const WHOLE: u16 = 10_000;

/// A purge that is under way.
#[derive(Debug)]
pub(super) struct Purging {
    pub(super) asked: (SessionId, RequestId),
    which: Vec<Where>,
    tasks_max: u64,
    forgotten: u64,
}

impl Books {
    pub(super) fn revive_with(
        &mut self,
        step: &mut Step<'_>,
        revive: &ReviveWith,
    ) -> Verdict<Said> {
        if let Some(no) = self.refuses_edits(&revive.edits) {
            return Ok(Said::Refused(no));
        }
        let ids = match &revive.which {
            Which::Tasks(ids) => ids.clone(),
            Which::All => self.all_dead(),
            Which::Where(which) => {
                let holds = |id: &TaskId| self.holds(*id, which);
                self.all_dead().into_iter().filter(holds).collect()
            }
        };
        let mut answers = Vec::new();
        for id in ids {
            let answer = self.revive_edited(step, id, &revive.edits)?;
            answers.push((id, answer));
        }
        Ok(Said::Revived(answers))
    }

    fn refuses_edits(&self, edits: &[Edit]) -> Option<No> {
        let kinds: BTreeSet<_> = edits.iter().map(kind).collect();
        if kinds.len() < edits.len() {
            return Some(No::Elsewhere);
        }
        let is_out = |edit: &Edit| match edit {
            Edit::Payload(payload) => payload.len() > self.settings.payload_bytes_max,
            Edit::AttemptsMax(attempts) => !(1..=ATTEMPTS_MAX).contains(attempts),
            Edit::ExpiresAfter(after) => *after == Some(0),
            Edit::Priority(_) => false,
        };
        edits.iter().any(is_out).then_some(No::OutOfBounds)
    }

    pub(super) fn edit(&mut self, step: &mut Step<'_>, id: TaskId, edits: &[Edit]) -> Verdict {
        let seen = self.seen(id)?;
        for edit in edits {
            step.remarks.push("revived otherwise");
            match edit {
                Edit::Payload(payload) => seen.payload_bytes = payload.len() as u64,
                Edit::Priority(priority) => seen.priority = *priority,
                Edit::AttemptsMax(attempts) => seen.attempts_max = *attempts,
                Edit::ExpiresAfter(after) => {
                    let after = after.map(std::time::Duration::from_millis);
                    seen.terms.expires_after = after;
                }
            }
        }
        Ok(())
    }

    /// Whatever of it has ended and has no child that waits on, but no more than were asked for.
    /// Where a look at one that is waited for cost a turn, the rest comes with the time.
    pub(super) fn purge(
        &mut self,
        step: &mut Step<'_>,
        asked: (SessionId, RequestId),
        which: &[Where],
        tasks_max: u32,
    ) -> Verdict<Option<Said>> {
        let is_live = |one: &Where| matches!(one, Where::State(kind) if !kind.is_end());
        if !(1..=BATCH_MAX as u64).contains(&u64::from(tasks_max)) {
            return Ok(Some(Said::Refused(No::OutOfBounds)));
        }
        if which.iter().any(is_live) {
            return Ok(Some(Said::Refused(No::Elsewhere)));
        }
        let can = self.tasks.values();
        let can = can.filter(|seen| self.can_purge(seen, which)).count();
        let due = (can as u64).min(tasks_max.into());
        self.purging.push_back(Purging {
            asked,
            which: which.to_vec(),
            tasks_max: tasks_max.into(),
            forgotten: 0,
        });
        while let Some(id) = step.next_forgotten() {
            self.purge_one(step, id)?;
        }
        let is_it =
            |reply: &Reply| matches!(reply, Reply::Answer(of, to, _) if (*of, *to) == asked);
        if !step.replies().iter().any(is_it) {
            step.remarks.push("purged bit by bit");
            return Ok(None);
        }
        let done = self
            .purging
            .pop_back()
            .map_or(0, |purging| purging.forgotten);
        if done != due {
            let what = format!("a purge forgot {done} tasks, not {due}");
            return Err(Violation::general(what));
        }
        Ok(Some(Said::Purged(due)))
    }

    /// Somebody has asked for that.
    pub(super) fn purge_one(&mut self, step: &mut Step<'_>, id: TaskId) -> Verdict {
        let seen = self.tasks.get(&id);
        let is_asked_for = |of: &Purging| {
            of.forgotten < of.tasks_max && seen.is_some_and(|seen| self.can_purge(seen, &of.which))
        };
        let Some(at) = self.purging.iter().position(is_asked_for) else {
            return Err(Violation::of(
                id,
                "it was purged, and nobody asked for that",
            ));
        };
        self.purging[at].forgotten += 1;
        self.tasks.remove(&id);
        step.remarks.push("purged");
        self.durable.will_hold(id, None);
        Ok(())
    }

    /// The answer to a purge that took a while, if it is one.
    pub(super) fn end_purge(&mut self, of: (SessionId, RequestId), tasks: u64) -> bool {
        let is_it = |purging: &Purging| purging.asked == of && purging.forgotten == tasks;
        let at = self.purging.iter().position(is_it);
        at.is_some_and(|at| self.purging.remove(at).is_some())
    }

    fn can_purge(&self, seen: &Seen, which: &[Where]) -> bool {
        let waits =
            |child: &Seen| child.waits_for_others() && child.terms.links.left.contains(&seen.id);
        seen.phase.has_ended() && self.holds(seen.id, which) && !self.tasks.values().any(waits)
    }

    fn holds(&self, id: TaskId, which: &[Where]) -> bool {
        let seen = self.tasks.get(&id);
        seen.is_some_and(|seen| which.iter().all(|one| seen.is_one(one)))
    }

    /// Holders say how far they are: an extension, and a word that the disk keeps.
    pub(super) fn progress(
        &mut self,
        step: &mut Step<'_>,
        who: (SessionId, &Node),
        items: &[Told],
    ) -> Verdict<Said> {
        let mut answers = Vec::new();
        for told in items {
            answers.push(if told.fraction > WHOLE {
                Err(No::OutOfBounds)
            } else {
                self.extend_one(step, who, told.proof, Extension::Progress(told.fraction))?
            });
        }
        Ok(Said::Extended(answers))
    }
}

impl Seen {
    fn is_one(&self, which: &Where) -> bool {
        match which {
            Where::State(kind) => self.phase.kind() == *kind,
            Where::Cause(death) => {
                let died = self.terms.died.or_else(|| self.died_of());
                self.phase.kind() == StateKind::Dead && died == Some(*death)
            }
            Where::EndedBefore(moment) => match self.phase {
                Phase::Completed(at) | Phase::Cancelled(at) | Phase::Dead(at) => at < *moment,
                Phase::Scheduled(_) | Phase::Ready | Phase::Held(..) => false,
            },
            Where::Group(group) => self.terms.group.as_ref() == Some(group),
            Where::Key(key) => {
                let own = self.terms.links.key.as_ref();
                own.is_some_and(|(own, _)| own == key)
            }
            // No world asks for it.
            Where::Reason(_) => false,
        }
    }
}

fn kind(edit: &Edit) -> u8 {
    match edit {
        Edit::Payload(_) => 0,
        Edit::Priority(_) => 1,
        Edit::AttemptsMax(_) => 2,
        Edit::ExpiresAfter(_) => 3,
    }
}
