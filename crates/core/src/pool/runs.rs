//! An index in ascending order that costs four bytes an entry where entries come in order.
//!
//! What comes in order goes to the end of a *run*, and finding the first is looking at the first of
//! each run. Several runs take what comes in several orders at once, as the priorities of a pool
//! do: each entry goes behind the greatest that is not greater (patience sorting, Mallows 1963).
//! What fits nowhere goes into a tree. Keys are not kept with the entries of runs: the caller
//! knows the key of each.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::iter;

/// Entries of a page of a run.
const PAGE: usize = 1024;

/// Runs that are begun for what comes one at a time.
const RUNS_MAX: usize = 16;

/// Marks an entry of a run that was taken out of its middle.
const GONE: u32 = u32::MAX;

/// A run is written anew once so many of its entries are gone, and half of all.
const GONE_FREE: usize = 64;

/// Entries that fit no run and are sorted at a time when many are loaded.
const SORTED_MAX: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(super) struct Runs<K> {
    runs: Vec<Run<K>>,
    rest: BTreeSet<(K, u32)>,
    /// Loaded, and in no run yet.
    unsorted: Vec<(K, u32)>,
    len: usize,
}

/// Never empty, and its first is never gone.
#[derive(Debug, Clone)]
struct Run<K> {
    entries: Pages,
    first: K,
    last: K,
    gone: usize,
}

impl<K: Ord + Copy> Runs<K> {
    pub(super) const fn new() -> Self {
        Self {
            runs: Vec::new(),
            rest: BTreeSet::new(),
            unsorted: Vec::new(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The least key, and whose it is.
    #[inline]
    pub(super) fn first(&self) -> Option<(K, u32)> {
        let of_runs = self.runs.iter().min_by_key(|run| run.first);
        let of_runs = of_runs.map(|run| (run.first, run.entries.get(0)));
        match (of_runs, self.rest.first().copied()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    pub(super) fn insert(&mut self, key: K, entry: u32) {
        self.len += 1;
        if let Some(run) = self.run_for(key) {
            run.push_back(key, entry);
        } else if self.runs.len() < RUNS_MAX {
            self.runs.push(Run::new(key, entry));
        } else {
            self.rest.insert((key, entry));
        }
    }

    /// One of many, in whatever order: [`Runs::settle`] comes after them, and before all else.
    pub(super) fn load(&mut self, key: K, entry: u32) {
        self.len += 1;
        if let Some(run) = self.run_for(key) {
            run.push_back(key, entry);
        } else if self.runs.len() < RUNS_MAX {
            self.runs.push(Run::new(key, entry));
        } else {
            self.unsorted.push((key, entry));
        }
        if self.unsorted.len() == SORTED_MAX {
            self.add_run();
        }
    }

    /// What was loaded and fits no run is sorted, and makes one.
    pub(super) fn settle(&mut self) {
        self.add_run();
        self.unsorted = Vec::new();
    }

    /// Takes out an entry that is there under this key.
    pub(super) fn remove(&mut self, key: K, entry: u32, key_of: impl Fn(u32) -> K) {
        self.len -= 1;
        let is_first = |run: &Run<K>| run.first == key && run.entries.get(0) == entry;
        if let Some(at) = self.runs.iter().position(is_first) {
            if !self.runs[at].remove_first(&key_of) {
                self.runs.swap_remove(at);
            }
        } else if self.rest.is_empty() || !self.rest.remove(&(key, entry)) {
            let mut runs = self.runs.iter_mut();
            let is_out = runs.any(|run| run.remove_within(key, entry, &key_of));
            debug_assert!(is_out, "what is taken out is there");
        }
    }

    /// The first so many, in order.
    pub(super) fn ahead(&self, count: usize, key_of: impl Fn(u32) -> K + Copy) -> Vec<u32> {
        let mut ahead = Vec::with_capacity(count.min(self.len));
        let entries = self.in_order(key_of).map(|(_, entry)| entry);
        ahead.extend(entries.take(count));
        ahead
    }

    /// All in order; each is looked at once, when its turn is near.
    pub(super) fn in_order(
        &self,
        key_of: impl Fn(u32) -> K + Copy,
    ) -> impl Iterator<Item = (K, u32)> {
        let keyed = move |entry| (key_of(entry), entry);
        let runs = self.runs.iter().map(|run| run.iter().map(keyed).peekable());
        let mut runs: Vec<_> = runs.collect();
        let mut rest = self.rest.iter().copied().peekable();
        iter::from_fn(move || {
            let firsts = runs.iter_mut().enumerate();
            let firsts = firsts.filter_map(|(at, run)| run.peek().map(|first| (*first, at)));
            match (firsts.min(), rest.peek()) {
                (Some((first, at)), other) if other.is_none_or(|other| first < *other) => {
                    runs[at].next();
                    Some(first)
                }
                (Some(_) | None, _) => rest.next(),
            }
        })
    }

    /// The run that this key goes to the end of.
    #[inline]
    fn run_for(&mut self, key: K) -> Option<&mut Run<K>> {
        let fitting = self.runs.iter_mut().filter(|run| run.last <= key);
        fitting.max_by_key(|run| run.last)
    }

    fn add_run(&mut self) {
        self.unsorted.sort_unstable();
        let mut sorted = self.unsorted.drain(..);
        if let Some((key, entry)) = sorted.next() {
            let mut run = Run::new(key, entry);
            sorted.for_each(|(key, entry)| run.push_back(key, entry));
            self.runs.push(run);
        }
    }

    /// Whether it holds these, given in order, and nothing else.
    pub(super) fn check(&self, due: &[(K, u32)], key_of: impl Fn(u32) -> K) -> bool {
        let of_runs = self.runs.iter().flat_map(|run| run.iter());
        let mut all: Vec<_> = of_runs.map(|entry| (key_of(entry), entry)).collect();
        all.extend(&self.rest);
        all.sort_unstable();
        self.len == due.len() && all == due && self.runs.iter().all(|run| run.is_sound(&key_of))
    }
}

impl<K: Ord + Copy> Run<K> {
    fn new(key: K, entry: u32) -> Self {
        let mut entries = Pages::default();
        entries.push_back(entry);
        Self {
            entries,
            first: key,
            last: key,
            gone: 0,
        }
    }

    fn push_back(&mut self, key: K, entry: u32) {
        self.last = key;
        self.entries.push_back(entry);
    }

    /// Whether anything is left.
    fn remove_first(&mut self, key_of: &impl Fn(u32) -> K) -> bool {
        self.entries.pop_front();
        while self.entries.len() > 0 && self.entries.get(0) == GONE {
            self.entries.pop_front();
            self.gone -= 1;
        }
        if self.entries.len() == 0 {
            return false;
        }
        self.first = key_of(self.entries.get(0));
        true
    }

    /// Whether it was there; it is not the first.
    fn remove_within(&mut self, key: K, entry: u32, key_of: &impl Fn(u32) -> K) -> bool {
        if !(self.first..=self.last).contains(&key) {
            return false;
        }
        let from = self.lower_bound(key, key_of);
        let found = (from..self.entries.len())
            .take_while(|at| match self.entries.get(*at) {
                GONE => true,
                other => key_of(other) == key,
            })
            .find(|at| self.entries.get(*at) == entry);
        let Some(at) = found else { return false };
        self.entries.set(at, GONE);
        self.gone += 1;
        if self.gone > GONE_FREE && self.gone > self.entries.len() / 2 {
            let mut entries = Pages::default();
            self.iter().for_each(|entry| entries.push_back(entry));
            (self.entries, self.gone) = (entries, 0);
        }
        true
    }

    /// How many are surely before this key.
    fn lower_bound(&self, key: K, key_of: &impl Fn(u32) -> K) -> usize {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low.midpoint(high);
            let there = (low..=middle)
                .rev()
                .find(|at| self.entries.get(*at) != GONE);
            match there {
                Some(at) if key_of(self.entries.get(at)) >= key => high = at,
                Some(_) | None => low = middle + 1,
            }
        }
        low
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        let all = (0..self.entries.len()).map(|at| self.entries.get(at));
        all.filter(|entry| *entry != GONE)
    }

    fn is_sound(&self, key_of: &impl Fn(u32) -> K) -> bool {
        let keys: Vec<K> = self.iter().map(key_of).collect();
        keys.is_sorted()
            && self.entries.len() == keys.len() + self.gone
            && self.entries.get(0) != GONE
            && keys.first() == Some(&self.first)
            && keys.last().is_some_and(|last| *last <= self.last)
    }
}

/// A double-ended list whose growing copies nothing.
#[derive(Debug, Clone, Default)]
struct Pages {
    /// Each is full, but for the last.
    pages: VecDeque<Vec<u32>>,
    /// How many were taken from the first page.
    taken: usize,
}

impl Pages {
    fn len(&self) -> usize {
        let last = self.pages.back().map_or(0, Vec::len);
        self.pages.len().saturating_sub(1) * PAGE + last - self.taken
    }

    fn get(&self, at: usize) -> u32 {
        let at = self.taken + at;
        self.pages[at / PAGE][at % PAGE]
    }

    fn set(&mut self, at: usize, entry: u32) {
        let at = self.taken + at;
        self.pages[at / PAGE][at % PAGE] = entry;
    }

    /// The first page grows as it is used.
    fn push_back(&mut self, entry: u32) {
        let room = if self.pages.is_empty() { 0 } else { PAGE };
        match self.pages.back_mut() {
            Some(last) if last.len() < PAGE => last.push(entry),
            Some(_) | None => {
                let mut page = Vec::with_capacity(room);
                page.push(entry);
                self.pages.push_back(page);
            }
        }
    }

    fn pop_front(&mut self) {
        self.taken += 1;
        if self.taken == PAGE {
            self.pages.pop_front();
            self.taken = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys are in a table beside, as they are with tasks.
    fn runs_of(keys: &[u64]) -> Runs<u64> {
        let mut runs = Runs::new();
        let entries = (0..).zip(keys).map(|(entry, key)| (*key, entry));
        entries.for_each(|(key, entry)| runs.insert(key, entry));
        runs
    }

    fn mixed(number: u64, below: u64) -> u64 {
        (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % below
    }

    fn drained(mut runs: Runs<u64>, keys: &[u64]) -> Vec<u64> {
        let mut drained = Vec::new();
        while let Some((key, entry)) = runs.first() {
            runs.remove(key, entry, |entry| keys[entry as usize]);
            drained.push(key);
        }
        assert!(runs.len == 0 && runs.runs.is_empty() && runs.rest.is_empty());
        drained
    }

    fn sorted(keys: &[u64]) -> Vec<u64> {
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        sorted
    }

    #[test]
    fn what_comes_in_order_makes_one_run_and_priorities_make_one_each() {
        let keys: Vec<u64> = (0..5_000).collect();
        let runs = runs_of(&keys);
        assert_eq!((runs.runs.len(), runs.rest.len()), (1, 0));
        assert_eq!(drained(runs, &keys), keys);
        let keys: Vec<u64> = (0..5_000).map(|n| n + 60_000 * mixed(n, 10)).collect();
        let runs = runs_of(&keys);
        assert!(runs.runs.len() <= 10 && runs.rest.is_empty());
        assert_eq!(drained(runs, &keys), sorted(&keys));
    }

    #[test]
    fn any_order_comes_out_sorted_put_in_one_by_one_or_all_at_once() {
        let keys: Vec<u64> = (0..20_000).map(|n| mixed(n, 1_000_000)).collect();
        let runs = runs_of(&keys);
        assert!(runs.runs.len() == RUNS_MAX && !runs.rest.is_empty());
        assert_eq!(drained(runs, &keys), sorted(&keys));
        let mut runs = Runs::new();
        (0..)
            .zip(&keys)
            .for_each(|(entry, key)| runs.load(*key, entry));
        runs.settle();
        assert!(runs.rest.is_empty());
        assert_eq!(drained(runs, &keys), sorted(&keys));
    }

    #[test]
    fn what_is_taken_out_of_the_middle_is_gone_and_its_room_comes_back() {
        for below in [10, 1_000_000] {
            let keys: Vec<u64> = (0..10_000).map(|n| n / 3 + 50 * mixed(n, below)).collect();
            let mut runs = runs_of(&keys);
            let key_of = |entry: u32| keys[entry as usize];
            let mut left = Vec::new();
            for entry in 0..10_000_u32 {
                if mixed(entry.into(), 10) < 8 {
                    runs.remove(key_of(entry), entry, key_of);
                } else {
                    left.push((key_of(entry), entry));
                }
            }
            left.sort_unstable();
            assert!(runs.check(&left, key_of));
            let kept: usize = runs.runs.iter().map(|run| run.entries.len()).sum();
            assert!(kept <= 3 * left.len() + RUNS_MAX * GONE_FREE);
            let ahead = runs.ahead(100, key_of);
            let first: Vec<u32> = left.iter().take(100).map(|(_, entry)| *entry).collect();
            assert_eq!(ahead, first);
            assert_eq!(runs.ahead(usize::MAX, key_of).len(), left.len());
        }
    }
}
