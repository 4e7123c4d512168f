//! Keys, what follows a completion, and tasks that wait for others.

use std::time::Duration;

use leasehold_core::{Cause, Completion, Death, NewTask, StateKind, Task, TaskId, Timestamp};

use super::{
    Verdict, Violation,
    books::Books,
    replies::No,
    seen::{Phase, Seen},
    step::Step,
};

/// What ties a task to others.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    /// With how long it is the task's, if that is no matter of its end.
    pub(super) key: Option<(String, Option<Duration>)>,
    pub(super) enqueued_at: Timestamp,
    /// For whom it waits still.
    pub(super) left: Vec<TaskId>,
    pub(super) any_end: bool,
    /// Not before this moment, once it waits for nobody any more; through a death and a revival.
    run_at: Option<Timestamp>,
}

/// What became of a task, for those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Completed,
    /// It may come back.
    Dead,
    /// Called off, given up for want of a parent, or forgotten.
    Gone,
}

impl Seen {
    /// Whether it waits for others, and not for its time.
    pub(super) fn waits_for_others(&self) -> bool {
        self.phase == Phase::Scheduled(Timestamp::NEVER)
    }

    fn has_key(&self, key: &str, now: Timestamp) -> bool {
        let links = &self.terms.links;
        let Some((_, window)) = links.key.as_ref().filter(|(of, _)| of == key) else {
            return false;
        };
        match window {
            None => !self.phase.has_ended(),
            Some(window) => now < links.enqueued_at + *window,
        }
    }
}

impl Books {
    /// The task that stands for a key now: one that lives before one whose window is open.
    pub(super) fn key_holder(&self, key: &str, now: Timestamp) -> Option<TaskId> {
        let of = self.tasks.values().filter(|seen| seen.has_key(key, now));
        let is_live = |seen: &&Seen| {
            seen.terms
                .links
                .key
                .as_ref()
                .is_some_and(|of| of.1.is_none())
        };
        let newest = |seen: &&Seen| (is_live(seen), seen.order);
        of.max_by_key(newest).map(|seen| seen.id)
    }

    /// Whether this dead task's key is another's now.
    pub(super) fn key_is_taken(&self, id: TaskId, now: Timestamp) -> bool {
        let seen = self.tasks.get(&id);
        let key = seen.and_then(|seen| seen.terms.links.key.as_ref());
        let holder = key.and_then(|(key, _)| self.key_holder(key, now));
        holder.is_some_and(|holder| holder != id)
    }

    pub(super) fn knows_parents(&self, of: &[TaskId]) -> bool {
        of.iter().all(|parent| self.tasks.contains_key(parent))
    }

    fn fate(&self, id: TaskId) -> Fate {
        let Some(seen) = self.tasks.get(&id) else {
            return Fate::Gone;
        };
        match seen.phase {
            Phase::Completed(_) => Fate::Completed,
            Phase::Cancelled(_) => Fate::Gone,
            Phase::Dead(_) if seen.terms.died == Some(Death::ParentGone) => Fate::Gone,
            Phase::Dead(_) => Fate::Dead,
            Phase::Scheduled(_) | Phase::Ready | Phase::Held(..) => Fate::Open,
        }
    }

    /// Whether this parent is none any more.
    fn is_satisfied(&self, parent: TaskId, any_end: bool) -> bool {
        match self.fate(parent) {
            Fate::Completed => true,
            Fate::Dead | Fate::Gone => any_end,
            Fate::Open => false,
        }
    }

    /// Whether nothing brings it back.
    fn is_lost(&self, id: TaskId) -> bool {
        let phase = self.tasks.get(&id).map(|seen| seen.phase);
        matches!(phase, None | Some(Phase::Cancelled(_)))
    }

    /// Whether it waits for a task that will never complete, and wants just that.
    fn is_orphan(&self, seen: &Seen) -> bool {
        let links = &seen.terms.links;
        let is_gone = |parent: &TaskId| self.fate(*parent) == Fate::Gone;
        !links.any_end && links.left.iter().any(is_gone)
    }

    /// A task that is new, or brought back, beside its parents.
    pub(super) fn beside_parents(&self, seen: &mut Seen) {
        let any_end = seen.terms.links.any_end;
        let mut left = std::mem::take(&mut seen.terms.links.left);
        left.retain(|parent| !self.is_satisfied(*parent, any_end));
        if !left.is_empty() {
            if let Phase::Scheduled(at) = seen.phase {
                seen.terms.links.run_at = Some(at);
            }
            seen.phase = Phase::Scheduled(Timestamp::NEVER);
        }
        seen.terms.links.left = left;
    }

    /// Those that may yet complete are waited for again.
    pub(super) fn wait_again(&self, seen: &mut Seen) {
        if !seen.terms.links.any_end {
            let left = &mut seen.terms.links.left;
            left.retain(|parent| !self.is_lost(*parent));
        }
        self.beside_parents(seen);
    }

    /// One that was accepted after a parent was called off goes at once.
    pub(super) fn settle_new_child(&mut self, step: &mut Step<'_>, id: TaskId) -> Verdict {
        let is_orphan = self.tasks.get(&id).is_some_and(|seen| self.is_orphan(seen));
        if !is_orphan {
            return Ok(());
        }
        let said = step.expect(id, Cause::ParentGone)?;
        self.orphan(step, said)
    }

    /// It waits for one task less.
    pub(super) fn free(&mut self, step: &mut Step<'_>, said: &Task) -> Verdict {
        let now = step.now;
        let seen = self.seen(said.id)?.clone();
        let links = &seen.terms.links;
        let after = said
            .extras
            .as_ref()
            .and_then(|extras| extras.after.as_ref());
        let left = after.map_or(Vec::new(), |after| after.left.clone());
        let struck: Vec<TaskId> = links
            .left
            .iter()
            .filter(|parent| !left.contains(parent))
            .copied()
            .collect();
        let is_one = struck.windows(2).all(|pair| pair[0] == pair[1]) && !struck.is_empty();
        let is_due = struck
            .iter()
            .all(|of| self.is_satisfied(*of, links.any_end));
        if !seen.waits_for_others() || !is_one || !is_due {
            let what = format!("it waits no longer for {struck:?}, being {:?}", seen.phase);
            return Err(Violation::of(said.id, what));
        }
        step.remarks.push("waits for one less");
        let seen = self.seen(said.id)?;
        seen.terms.links.left = left;
        if seen.terms.links.left.is_empty() {
            let run_at = seen.terms.links.run_at.take();
            seen.ready_at = run_at.map_or(now, |at| at.max(now));
            seen.phase = if seen.ready_at > now {
                Phase::Scheduled(seen.ready_at)
            } else {
                Phase::Ready
            };
        }
        self.agree(said)
    }

    /// It is given up with its parent.
    pub(super) fn orphan(&mut self, step: &mut Step<'_>, said: &Task) -> Verdict {
        let seen = self.seen(said.id)?.clone();
        let goes_along = step.orphans.remove(&said.id);
        if !seen.waits_for_others() || !(goes_along || self.is_orphan(&seen)) {
            return Err(Violation::of(
                said.id,
                "it was given up, and its parents are there",
            ));
        }
        step.remarks.push("given up with its parent");
        let now = step.now;
        let seen = self.seen(said.id)?;
        seen.phase = Phase::Dead(now);
        seen.terms.died = Some(Death::ParentGone);
        step.ended.insert(said.id);
        let waits_for_it = |of: &&Seen| {
            let links = &of.terms.links;
            of.waits_for_others() && !links.any_end && links.left.contains(&said.id)
        };
        let along = self.tasks.values().filter(waits_for_it);
        step.orphans.extend(along.map(|of| of.id));
        self.agree(said)
    }

    /// Nobody is left to wait for a task that has ended.
    pub(super) fn check_children(&self, step: &Step<'_>) -> Verdict {
        if let Some(orphan) = step.orphans.first() {
            let what = "its parent was given up, and it waits on";
            return Err(Violation::of(*orphan, what));
        }
        for seen in self.tasks.values().filter(|seen| seen.waits_for_others()) {
            let links = &seen.terms.links;
            let is_done = |parent: &&TaskId| self.is_satisfied(**parent, links.any_end);
            if let Some(parent) = links.left.iter().find(is_done) {
                let what = format!("it waits for {parent}, which has ended");
                return Err(Violation::of(seen.id, what));
            }
            let is_lost = |parent: &TaskId| self.is_lost(*parent);
            if !links.any_end && links.left.iter().any(is_lost) {
                return Err(Violation::of(seen.id, "it waits for one that is gone"));
            }
        }
        Ok(())
    }

    /// Whether nothing but a revival will ever move it.
    pub(super) fn is_stuck(&self, seen: &Seen) -> bool {
        let is_stuck = |parent: &TaskId| match self.fate(*parent) {
            Fate::Dead => true,
            Fate::Gone => !self.is_lost(*parent),
            Fate::Open => self.tasks.get(parent).is_some_and(|of| self.is_stuck(of)),
            Fate::Completed => false,
        };
        seen.waits_for_others() && seen.terms.links.left.iter().any(is_stuck)
    }

    /// It is to run at a moment that this world does not live to see, its clock having been set back
    /// by hours; or it waits for one that is.
    pub(super) fn is_for_later(&self, seen: &Seen, now: Timestamp) -> bool {
        let is_later = |parent: &TaskId| {
            let parent = self.tasks.get(parent);
            parent.is_some_and(|of| self.is_for_later(of, now))
        };
        if seen.waits_for_others() {
            return seen.terms.links.left.iter().any(is_later);
        }
        matches!(seen.phase, Phase::Scheduled(at) if at > now)
    }

    /// Why the follow-ups of a completion cannot be.
    pub(super) fn refuses_follow_ups(&self, item: &Completion) -> Option<No> {
        let forgets = u64::from(self.finished() >= self.settings.completed_kept_max);
        let is_new = |new: &&NewTask| !self.tasks.contains_key(&new.id);
        for (earlier, new) in item.then.iter().filter(is_new).enumerate() {
            let there = self.tasks.len() as u64 + earlier as u64;
            if there >= self.settings.tasks_max + forgets {
                return Some(No::PoolFull);
            }
            if new.payload.len() > self.settings.payload_bytes_max {
                return Some(No::OutOfBounds);
            }
        }
        None
    }

    fn finished(&self) -> u64 {
        let finished = self.tasks.values().filter(|seen| seen.phase.is_finished());
        finished.count() as u64
    }

    /// Finished tasks beyond those that may be remembered.
    fn too_many(&self) -> u64 {
        let most = self.settings.completed_kept_max;
        self.finished().saturating_sub(most)
    }

    /// They come with the completion, in their order.
    pub(super) fn follow_up(&mut self, step: &mut Step<'_>, then: &[NewTask]) -> Verdict {
        for new in then {
            if !self.tasks.contains_key(&new.id) {
                step.remarks.push("followed a completion");
                if let Err(no) = self.enqueue_one(step, new, self.too_many())? {
                    let what = format!("it was to follow, and is refused: {no:?}");
                    return Err(Violation::of(new.id, what));
                }
            }
        }
        Ok(())
    }
}

/// Whether the disk may end with it so: it waits for a task that is dead.
pub(super) fn waits_on_disk(seen: &Seen) -> bool {
    seen.phase.kind() == StateKind::Scheduled && seen.waits_for_others()
}
