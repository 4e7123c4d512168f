//! What may be granted now, of the pool and of each group, and whose turn it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use leasehold_core::{TaskId, Timestamp};

use super::{
    Verdict, Violation,
    books::Books,
    seen::{Phase, Seen},
    step::Step,
};

/// Whom a task is counted to.
pub(super) type Group = Option<String>;

/// For each group that had something to grant all the while: how many tasks of each other group
/// were granted since its own last one.
#[derive(Debug, Default)]
pub(super) struct Turns(BTreeMap<Group, BTreeMap<Group, u32>>);

impl Books {
    /// Whether the pool still works off, at the rate that is set, more than this world lives to see
    /// the end of.
    pub(super) fn is_at_it(&self, now: Timestamp) -> bool {
        const LATELY: Duration = Duration::from_secs(60);
        let is_limited = self.settings.rate.is_some() || self.settings.group_rate.is_some();
        is_limited && now.since(self.ended_at) < LATELY
    }

    /// Whether the pool as a whole may grant a task now.
    pub(super) fn has_permit(&self, now: Timestamp) -> bool {
        let rate = self.buckets.pool;
        self.has_room() && rate.is_none_or(|(rate, bucket)| bucket.has_permit(rate, now))
    }

    /// As far as it is no matter of rates.
    fn has_room(&self) -> bool {
        let max = self.settings.concurrency_max;
        !self.is_paused() && max.is_none_or(|max| self.held(|_| true) < u64::from(max))
    }

    fn held(&self, is_counted: impl Fn(&Seen) -> bool) -> u64 {
        let held = |seen: &&Seen| matches!(seen.phase, Phase::Held(..)) && is_counted(seen);
        self.tasks.values().filter(held).count() as u64
    }

    /// Whether a task of this one's group may be granted, as far as the group goes.
    pub(super) fn is_open(&self, of: &Seen, now: Timestamp) -> bool {
        let Some(group) = &of.terms.group else {
            return true;
        };
        let rate = self.buckets.of_group(group);
        self.has_room_in(group) && rate.is_none_or(|(rate, bucket)| bucket.has_permit(rate, now))
    }

    fn has_room_in(&self, group: &String) -> bool {
        let is_of_it = |seen: &Seen| seen.terms.group.as_ref() == Some(group);
        let max = self.settings.group_concurrency_max;
        max.is_none_or(|max| self.held(is_of_it) < u64::from(max))
    }

    /// Those that could be granted, were it not for the pool as a whole; in their order.
    fn open_tasks(&self, now: Timestamp) -> Vec<&Seen> {
        let mut known: BTreeMap<&Group, bool> = BTreeMap::new();
        let mut open: Vec<&Seen> = Vec::new();
        for seen in self.tasks.values() {
            if seen.phase == Phase::Ready
                && *known
                    .entry(&seen.terms.group)
                    .or_insert_with(|| self.is_open(seen, now))
            {
                open.push(seen);
            }
        }
        open.sort_by_key(|seen| seen.rank(self.settings.aging));
        open
    }

    /// Those of which the next grant must be one: the first, or where groups take turns the first
    /// of each.
    pub(super) fn next_ready(&self, now: Timestamp) -> Vec<TaskId> {
        let mut first: Vec<&Seen> = Vec::new();
        for seen in self.open_tasks(now) {
            let is_of_it = |other: &&Seen| other.terms.group == seen.terms.group;
            let is_later = if self.settings.fair_share {
                first.iter().any(is_of_it)
            } else {
                !first.is_empty()
            };
            if !is_later {
                first.push(seen);
            }
        }
        first.into_iter().map(|seen| seen.id).collect()
    }

    /// Between two grants of a group that always has something to grant, each other group gets at
    /// most one.
    pub(super) fn take_turn(&mut self, step: &mut Step<'_>, id: TaskId) -> Verdict {
        let group = self.seen(id)?.terms.group.clone();
        self.settle_turns(step.now);
        if self.settings.fair_share {
            step.remarks.push("took its turn");
            for (waits, others) in self.turns.0.iter_mut().filter(|(of, _)| **of != group) {
                let times = others.entry(group.clone()).or_default();
                *times += 1;
                if *times > 1 {
                    let what = format!(
                        "two of {group:?} were granted while {waits:?} waited for its turn"
                    );
                    return Err(Violation::of(id, what));
                }
            }
            self.turns.0.insert(group, BTreeMap::new());
        }
        Ok(())
    }

    /// Whoever has nothing to grant saves up no turns.
    pub(super) fn settle_turns(&mut self, now: Timestamp) {
        if !self.settings.fair_share {
            self.turns.0.clear();
            return;
        }
        let open = self.open_tasks(now);
        let open: BTreeSet<Group> = open.iter().map(|seen| seen.terms.group.clone()).collect();
        self.turns.0.retain(|group, _| open.contains(group));
        for group in open {
            self.turns.0.entry(group).or_default();
        }
    }

    /// A late answer takes its task back first, and for that moment its group may be at its limit:
    /// it has nothing to grant then.
    pub(super) fn lose_turn(&mut self, id: TaskId) {
        let is_late = |seen: &&Seen| !matches!(seen.phase, Phase::Held(..));
        if let Some(seen) = self.tasks.get(&id).filter(is_late) {
            self.turns.0.remove(&seen.terms.group);
        }
    }

    /// A late resume takes a task back before it gives back what its node does not name: a group that
    /// is at its limit for that moment has nothing to grant then.
    pub(super) fn crowd(&mut self, id: TaskId, now: Timestamp) -> Verdict {
        let seen = self.seen(id)?.clone();
        if !self.is_open(&seen, now) {
            self.turns.0.remove(&seen.terms.group);
        }
        Ok(())
    }

    /// With its last ready task a group leaves the line, be it for a moment: what makes the next one
    /// ready may come of that very change.
    pub(super) fn leave_line(&mut self, group: &Group) {
        let is_there = |seen: &Seen| seen.phase == Phase::Ready && seen.terms.group == *group;
        if self.turns.0.contains_key(group) && !self.tasks.values().any(is_there) {
            self.turns.0.remove(group);
        }
    }

    /// When the next one that waits can be served that only a rate keeps back.
    pub(super) fn next_permit(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.is_anyone_waiting() || !self.has_room() {
            return None;
        }
        let of_pool = self.buckets.pool;
        let of_pool = of_pool.map_or(now, |(rate, bucket)| bucket.permit_at(rate, now));
        let of = |seen: &Seen| {
            let Some(group) = &seen.terms.group else {
                return Some(of_pool);
            };
            let rate = self.buckets.of_group(group);
            let at = rate.map_or(now, |(rate, bucket)| bucket.permit_at(rate, now));
            self.has_room_in(group).then(|| at.max(of_pool))
        };
        let mut known: BTreeMap<&Group, Option<Timestamp>> = BTreeMap::new();
        let tasks = self.tasks.values();
        for seen in tasks.filter(|seen| seen.phase == Phase::Ready) {
            known.entry(&seen.terms.group).or_insert_with(|| of(seen));
        }
        known.into_values().flatten().min()
    }
}
