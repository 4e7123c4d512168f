//! When leases run out.
//!
//! Most leases end long before their deadline, and in no order: what they leave behind in a run is
//! passed over when its time comes, or swept out once it is more than what is left. So granting and
//! ending a lease cost the same however many there are.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use super::tasks::At;
use crate::Timestamp;

/// Runs, as there are leases of several lengths, and graces.
const RUNS_MAX: usize = 8;

/// Entries that are left behind before anything is swept.
const STALE_FREE: usize = 64;

type Entry = (Timestamp, At);

#[derive(Debug, Clone)]
pub(super) struct Deadlines {
    /// Each in order, none empty, and the first of each is true.
    runs: Vec<VecDeque<Entry>>,
    /// What fits no run.
    rest: BTreeSet<Entry>,
    /// How many are in the runs, true or not.
    in_runs: usize,
    /// How many are true.
    len: usize,
}

impl Deadlines {
    pub(super) const fn new() -> Self {
        Self {
            runs: Vec::new(),
            rest: BTreeSet::new(),
            in_runs: 0,
            len: 0,
        }
    }

    pub(super) fn first(&self) -> Option<Entry> {
        let of_runs = self.runs.iter().filter_map(|run| run.front().copied());
        let of_runs = of_runs.min();
        match self.rest.first().copied() {
            Some(other) => Some(of_runs.map_or(other, |one| one.min(other))),
            None => of_runs,
        }
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.len += 1;
        let fitting = self.runs.iter_mut().filter_map(|run| {
            let last = *run.back()?;
            (last.0 <= entry.0).then_some((last.0, run))
        });
        if let Some((_, run)) = fitting.max_by_key(|(last, _)| *last) {
            run.push_back(entry);
        } else if self.runs.len() < RUNS_MAX {
            self.runs.push(VecDeque::from([entry]));
        } else {
            self.rest.insert(entry);
            return;
        }
        self.in_runs += 1;
    }

    /// This one is true no longer, which `is_true` knows already.
    pub(super) fn remove(&mut self, entry: Entry, is_true: impl Fn(Entry) -> bool) {
        self.len -= 1;
        if !self.rest.is_empty() {
            self.rest.remove(&entry);
        }
        let mut is_empty = false;
        for run in &mut self.runs {
            if run.front() != Some(&entry) {
                continue;
            }
            while run.front().is_some_and(|first| !is_true(*first)) {
                run.pop_front();
                self.in_runs -= 1;
            }
            is_empty |= run.is_empty();
        }
        if is_empty {
            self.runs.retain(|run| !run.is_empty());
        }
        if self.in_runs > 2 * self.len + STALE_FREE {
            self.sweep(is_true);
        }
    }

    fn sweep(&mut self, is_true: impl Fn(Entry) -> bool) {
        for run in &mut self.runs {
            run.retain(|entry| is_true(*entry));
            run.shrink_to(2 * run.len());
        }
        self.runs.retain(|run| !run.is_empty());
        self.in_runs = self.runs.iter().map(VecDeque::len).sum();
    }

    /// Whether it holds these, and nothing else that is true.
    pub(super) fn check(&self, due: &BTreeSet<Entry>, is_true: impl Fn(Entry) -> bool) -> bool {
        let in_runs = self.runs.iter().flatten().copied();
        let mut all: BTreeSet<Entry> = in_runs.filter(|entry| is_true(*entry)).collect();
        all.extend(&self.rest);
        let is_sound = |run: &VecDeque<Entry>| {
            let at = run.iter().map(|(at, _)| *at);
            at.is_sorted() && run.front().is_some_and(|first| is_true(*first))
        };
        all == *due
            && self.len == due.len()
            && self.in_runs == self.runs.iter().map(VecDeque::len).sum::<usize>()
            && self.in_runs <= 2 * self.len + STALE_FREE
            && self.runs.iter().all(is_sound)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Deadlines, and what is true of each place.
    #[derive(Default)]
    struct Truth(BTreeMap<At, Timestamp>);

    impl Truth {
        fn set(&mut self, deadlines: &mut Deadlines, place: At, now: Option<Timestamp>) {
            let before = match now {
                Some(now) => self.0.insert(place, now),
                None => self.0.remove(&place),
            };
            let is_true = |(at, place): Entry| self.0.get(&place) == Some(&at);
            if let Some(before) = before.filter(|before| Some(*before) != now) {
                deadlines.remove((before, place), is_true);
            }
            if let Some(now) = now.filter(|now| Some(*now) != before) {
                deadlines.insert((now, place));
            }
            let due = self.0.iter().map(|(place, at)| (*at, *place)).collect();
            assert!(deadlines.check(&due, is_true));
            let time = |entry: Option<Entry>| entry.map(|(at, _)| at);
            assert_eq!(time(deadlines.first()), time(due.first().copied()));
        }
    }

    #[test]
    fn the_first_is_the_first_however_leases_come_and_go() {
        let (mut deadlines, mut truth) = (Deadlines::new(), Truth::default());
        let mut random = 1_u64;
        for step in 0..3_000_u64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            let (kind, place) = (random >> 33, u32::try_from(random >> 50).unwrap() % 40);
            let lease = [30, 30, 30, 500, 7][usize::try_from(kind % 5).unwrap()];
            // Few times, so that what was left behind comes true again.
            let until = (kind % 3 > 0).then_some(at((step / 50 + lease) / 5));
            truth.set(&mut deadlines, place, until);
        }
    }

    #[test]
    fn one_long_lease_does_not_keep_what_was_left_behind_it() {
        let (mut deadlines, mut truth) = (Deadlines::new(), Truth::default());
        truth.set(&mut deadlines, 0, Some(at(1)));
        for step in 1..1_000 {
            truth.set(&mut deadlines, 1, Some(at(step)));
            truth.set(&mut deadlines, 1, None);
        }
        assert!(deadlines.in_runs <= STALE_FREE + 4);
    }

    #[test]
    fn more_orders_than_runs_go_into_the_rest() {
        let (mut deadlines, mut truth) = (Deadlines::new(), Truth::default());
        (0..20)
            .for_each(|place| truth.set(&mut deadlines, place, Some(at(100 - u64::from(place)))));
        assert_eq!((deadlines.runs.len(), deadlines.rest.len()), (RUNS_MAX, 12));
        (0..20).for_each(|place| truth.set(&mut deadlines, place, None));
        assert_eq!((deadlines.first(), deadlines.len), (None, 0));
    }
}
