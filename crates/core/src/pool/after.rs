//! Tasks that wait for others.
//!
//! Parents are known when a child comes, so no ring can arise later. What an end means for those
//! that waited for it is settled after the command that brought it, child by child and not one in
//! the hand of the other: a chain may be as long as a pool has tasks.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    format,
    string::String,
    sync::Arc,
    vec::Vec,
};

use super::{
    Pool,
    enqueue::within,
    tasks::{At, Slot},
};
use crate::{
    After, Cause, Change, Death, NewTask, Rejection, State, StateKind, Task, TaskId, Timestamp,
    Transition, Wish, limits::AFTER_MAX,
};

/// As many are settled in the call that ended their parent; the rest goes with the time.
const AT_ONCE_MAX: usize = 4096;

/// Which tasks wait for a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Children(BTreeSet<(TaskId, At)>);

impl Children {
    pub(super) fn enter(&mut self, at: At, task: &Task) {
        for parent in waits_for(task) {
            self.0.insert((*parent, at));
        }
    }

    pub(super) fn leave(&mut self, at: At, task: &Task) {
        for parent in waits_for(task) {
            self.0.remove(&(*parent, at));
        }
    }

    fn of(&self, parent: TaskId) -> impl Iterator<Item = At> {
        let all = self.0.range((parent, At::MIN)..=(parent, At::MAX));
        all.map(|(_, at)| *at)
    }

    pub(super) fn has(&self, parent: TaskId) -> bool {
        !self.0.is_empty() && self.of(parent).next().is_some()
    }
}

/// Those for which it waits, while it does.
fn waits_for(task: &Task) -> &[TaskId] {
    let after = after_of(task).filter(|_| task.waits_for_others());
    after.map_or(&[], |after| &after.left)
}

fn after_of(task: &Task) -> Option<&After> {
    task.extras.as_ref()?.after.as_deref()
}

/// What became of a task for which others wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Completed,
    /// It may yet be revived.
    Dead,
    /// Called off, or forgotten.
    Gone,
}

/// Ends that are still to be followed, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Following(VecDeque<(TaskId, Fate)>);

impl Following {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Pool {
    pub(super) fn check_after(&self, parents: &[TaskId]) -> Result<(), Rejection> {
        if self.settings.partitions > 1 {
            let what = "waiting for other tasks in a pool in partitions";
            return Err(Rejection::unsupported(what));
        }
        let what = "the number of tasks to wait for";
        within(what, parents.len() as u64, 1, AFTER_MAX as u64)
    }

    /// Refuses a task whose parents are not known, or that would wait for itself.
    pub(super) fn check_parents(&self, new: &NewTask) -> Result<(), Rejection> {
        if new.wishes.is_empty() {
            return Ok(());
        }
        self.check_parents_beside(new, &[])
    }

    /// As [`Pool::check_parents`], where these will be known, too.
    pub(super) fn check_parents_beside(
        &self,
        new: &NewTask,
        known: &[TaskId],
    ) -> Result<(), Rejection> {
        for parent in parents_of(new) {
            if *parent == new.id {
                return Err(Rejection::Cycle(new.id));
            }
            if self.tasks.find(*parent).is_none() && !known.contains(parent) {
                return Err(Rejection::UnknownParent(*parent));
            }
        }
        Ok(())
    }

    /// A new task as it is beside its parents: it waits for those that have not done what it waits
    /// for.
    pub(super) fn beside_parents(&self, task: &mut Task) {
        let Some(extras) = &mut task.extras else {
            return;
        };
        if extras.after.is_none() {
            return;
        }
        let extras = Arc::make_mut(extras);
        let Some(after) = &mut extras.after else {
            return;
        };
        let any_end = after.any_end;
        let is_done = |parent: &TaskId| match self.state(*parent).map(|state| state.kind()) {
            Some(StateKind::Completed) => true,
            Some(StateKind::Dead | StateKind::Cancelled) => any_end,
            Some(StateKind::Ready | StateKind::Scheduled | StateKind::Claimed) | None => false,
        };
        after.left.retain(|parent| !is_done(parent));
        if after.left.is_empty() {
            (extras.after, extras.run_at) = (None, None);
            return;
        }
        extras.run_at = (task.ready_at > self.now).then_some(task.ready_at);
        task.state = State::Scheduled {
            run_at: Timestamp::NEVER,
        };
    }

    /// One that came after a parent was called off.
    pub(super) fn settle_new_child(&mut self, at: At, out: &mut Transition) {
        let task = self.tasks.shelf.task(at);
        let is_gone = |parent: &TaskId| self.fate(*parent) == Some(Fate::Gone);
        if waits_for(&task).iter().any(is_gone) {
            self.orphan(at, out);
        }
    }

    /// What became of a task, if it has ended.
    fn fate(&self, id: TaskId) -> Option<Fate> {
        self.state(id).map_or(Some(Fate::Gone), fate_of)
    }

    /// Settles those that waited for a task that has ended: soon, and in any case before anything
    /// else is asked.
    pub(super) fn follow_end(&mut self, id: TaskId, end: State) {
        if let Some(fate) = fate_of(end) {
            self.follow(id, fate);
        }
    }

    /// As [`Pool::follow_end`], of a task that is remembered no longer.
    pub(super) fn parent_forgotten(&mut self, id: TaskId) {
        self.follow(id, Fate::Gone);
    }

    fn follow(&mut self, id: TaskId, fate: Fate) {
        if self.tasks.side.children.has(id) {
            self.following.0.push_back((id, fate));
        }
    }

    /// After a restore: what ended without word of it to those that waited.
    pub(super) fn follow_what_ended(&mut self) {
        let parents: BTreeSet<TaskId> = self.tasks.side.children.0.iter().map(|of| of.0).collect();
        for parent in parents {
            match self.fate(parent) {
                // Its children were given up with it. Those that wait were brought back since.
                Some(Fate::Gone) if self.state(parent).is_some_and(is_dead) => {
                    self.follow(parent, Fate::Dead);
                }
                Some(fate) => self.follow(parent, fate),
                None => {}
            }
        }
    }

    /// After a command: as many as one call settles.
    pub(super) fn follow_ends(&mut self, out: &mut Transition) {
        if !self.following.is_empty() {
            self.free_children(&mut { AT_ONCE_MAX }, out);
            self.forget_beyond_max(out);
        }
    }

    /// Settles some of those for which an end left too many to do at once.
    pub(super) fn free_children(&mut self, left: &mut usize, out: &mut Transition) {
        while *left > 0
            && let Some((parent, fate)) = self.following.0.front().copied()
        {
            let found = self.touched_by(parent, fate, *left);
            *left -= found.len();
            for at in &found {
                self.settle_child(*at, parent, fate, out);
            }
            if *left > 0 {
                self.following.0.pop_front();
            }
        }
    }

    /// Those for which this end means something.
    fn touched_by(&self, parent: TaskId, fate: Fate, most: usize) -> Vec<At> {
        let is_touched = |at: &At| {
            let after = self.tasks.shelf.extras(*at);
            let any_end = after.and_then(|extras| Some(extras.after.as_ref()?.any_end));
            fate != Fate::Dead || any_end == Some(true)
        };
        let all = self.tasks.side.children.of(parent);
        all.filter(is_touched).take(most).collect()
    }

    fn settle_child(&mut self, at: At, parent: TaskId, fate: Fate, out: &mut Transition) {
        let any_end = self.tasks.shelf.extras(at).is_some_and(|extras| {
            let after = extras.after.as_ref();
            after.is_some_and(|after| after.any_end)
        });
        if fate == Fate::Gone && !any_end {
            return self.orphan(at, out);
        }
        let now = self.now;
        let (task, ()) = self.tasks.update(at, |slot| strike(slot, parent, now));
        out.changes.push(Change::put(task, Cause::Freed));
    }

    /// Ends a task for which what it waits for will never be.
    fn orphan(&mut self, at: At, out: &mut Transition) {
        let (now, cause) = (self.now, Death::ParentGone);
        let (task, ()) = self.tasks.update(at, |slot| {
            slot.task.state = State::Dead { at: now, cause };
        });
        self.ended(task, Cause::ParentGone, None, Vec::new(), out);
    }

    /// For whom a task that is brought back waits again: for those who may yet complete.
    pub(super) fn waits_again_for(&self, at: At) -> Vec<TaskId> {
        let extras = self.tasks.shelf.extras(at);
        let Some(after) = extras.and_then(|extras| extras.after.as_ref()) else {
            return Vec::new();
        };
        let may_complete = |parent: &&TaskId| match self.state(**parent).map(|of| of.kind()) {
            Some(StateKind::Ready | StateKind::Scheduled | StateKind::Claimed) => true,
            Some(StateKind::Dead) => !after.any_end,
            Some(StateKind::Completed | StateKind::Cancelled) | None => false,
        };
        after.left.iter().filter(may_complete).copied().collect()
    }

    /// What a task waits for, in words; of one that was given up because of it, too.
    #[must_use]
    pub fn explain_waiting(&self, task: &Task) -> Option<String> {
        let after = after_of(task)?;
        let of = |parent: &TaskId| match self.state(*parent) {
            Some(State::Dead { cause, .. }) => {
                let ways = "revive it, or cancel this task";
                format!("{parent} is dead ({cause}): {ways}")
            }
            Some(state) => format!("{parent} is {}", state.kind()),
            None => format!("{parent} is not remembered any more"),
        };
        let said: Vec<String> = after.left.iter().map(of).collect();
        Some(said.join("; "))
    }
}

impl Task {
    pub(super) fn waits_for_others(&self) -> bool {
        let never = State::Scheduled {
            run_at: Timestamp::NEVER,
        };
        self.state == never
    }

    /// It is brought back, and waits for these again.
    pub(super) fn wait_again_for(&mut self, parents: Vec<TaskId>) {
        if after_of(self).is_none() {
            return;
        }
        let waits = !parents.is_empty();
        let extras = self.extras_mut();
        if let Some(after) = &mut extras.after {
            after.left = parents;
        }
        if waits {
            self.state = State::Scheduled {
                run_at: Timestamp::NEVER,
            };
        } else {
            extras.after = None;
        }
    }
}

/// What an end means to those who waited for it; a task that was itself given up for want of a
/// parent takes its own with it.
const fn fate_of(state: State) -> Option<Fate> {
    match state {
        State::Completed { .. } => Some(Fate::Completed),
        State::Dead {
            cause: Death::ParentGone,
            ..
        }
        | State::Cancelled { .. } => Some(Fate::Gone),
        State::Dead { .. } => Some(Fate::Dead),
        State::Ready | State::Scheduled { .. } | State::Claimed => None,
    }
}

const fn is_dead(state: State) -> bool {
    matches!(state, State::Dead { .. })
}

/// One parent less to wait for; the last one frees the task.
fn strike(slot: &mut Slot, parent: TaskId, now: Timestamp) {
    let task = &mut *slot.task;
    let extras = task.extras_mut();
    if let Some(after) = &mut extras.after {
        after.left.retain(|of| *of != parent);
        if !after.left.is_empty() {
            return;
        }
    }
    extras.after = None;
    let run_at = extras.run_at.take();
    task.ready_at = run_at.map_or(now, |at| at.max(now));
    task.state = if task.ready_at > now {
        State::Scheduled {
            run_at: task.ready_at,
        }
    } else {
        State::Ready
    };
}

fn parents_of(new: &NewTask) -> &[TaskId] {
    let after = new.wishes.iter().find_map(|wish| match wish {
        Wish::After { tasks, .. } => Some(tasks.as_slice()),
        Wish::RunAt(_)
        | Wish::ExpiresAfter(_)
        | Wish::MaxRuntime(_)
        | Wish::BackOff { .. }
        | Wish::LossesMax(_)
        | Wish::InterruptionsMax(_)
        | Wish::Key { .. }
        | Wish::Group(_)
        | Wish::Trace(_) => None,
    });
    after.unwrap_or_default()
}

/// Who waits for whom, within a batch.
type Waits = BTreeMap<TaskId, Vec<TaskId>>;

/// Those of a batch that wait for themselves by way of others: no order of the batch would do.
pub(super) fn in_rings(batch: &[NewTask]) -> BTreeSet<TaskId> {
    let wished = batch.iter().filter(|new| !parents_of(new).is_empty());
    let waits: Waits = wished
        .map(|new| (new.id, parents_of(new).to_vec()))
        .collect();
    // Neither before a ring nor behind one.
    let knotted = knotted(&waits);
    let mut waited_for = Waits::new();
    for (child, parents) in waits.iter().filter(|(child, _)| knotted.contains(child)) {
        for parent in parents.iter().filter(|parent| knotted.contains(parent)) {
            waited_for.entry(*parent).or_default().push(*child);
        }
    }
    self::knotted(&waited_for)
}

/// Those that are left when all were taken out, again and again, who wait for none of the rest
/// (Kahn, "Topological sorting of large networks", 1962).
fn knotted(waits: &Waits) -> BTreeSet<TaskId> {
    let mut left = BTreeMap::new();
    let mut children = Waits::new();
    for (child, parents) in waits {
        let among = parents.iter().filter(|parent| waits.contains_key(parent));
        for parent in among.clone() {
            children.entry(*parent).or_default().push(*child);
        }
        left.insert(*child, among.count());
    }
    let free = left.iter().filter(|(_, count)| **count == 0);
    let mut free: Vec<TaskId> = free.map(|(id, _)| *id).collect();
    while let Some(id) = free.pop() {
        left.remove(&id);
        for child in children.remove(&id).unwrap_or_default() {
            if let Some(count) = left.get_mut(&child) {
                *count -= 1;
                if *count == 0 {
                    free.push(child);
                }
            }
        }
    }
    left.into_keys().collect()
}
