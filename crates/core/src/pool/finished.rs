//! Completed and cancelled tasks by their end, then by id: the first is the next to be forgotten.

use alloc::vec::Vec;

use super::{
    runs::Runs,
    shelf::Shelf,
    tasks::{At, ended_at},
};
use crate::{TaskId, Timestamp};

type Key = (Timestamp, TaskId);

/// Tasks end in the order of time, but within a millisecond in any order of their ids: those of
/// the newest are kept apart until it is over, and then go to the end of a run in order.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    before: Runs<Key>,
    newest: Timestamp,
    of_newest: Vec<(TaskId, At)>,
}

impl Finished {
    pub(super) fn new() -> Self {
        Self {
            before: Runs::new(),
            newest: Timestamp::default(),
            of_newest: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.of_newest.len()
    }

    /// When the first ended.
    pub(super) fn first_end(&self) -> Option<Timestamp> {
        let before = self.before.first().map(|((ended_at, _), _)| ended_at);
        let newest = (!self.of_newest.is_empty()).then_some(self.newest);
        before.into_iter().chain(newest).min()
    }

    pub(super) fn first(&self) -> Option<(Timestamp, At)> {
        let before = self.before.first();
        let of_newest = || {
            let (id, at) = *self.of_newest.iter().min()?;
            Some(((self.newest, id), at))
        };
        let first = match before {
            Some(((ended_at, _), _)) if ended_at < self.newest => before,
            Some(before) => Some(of_newest().map_or(before, |other| other.min(before))),
            None => of_newest(),
        };
        first.map(|((ended_at, _), at)| (ended_at, at))
    }

    pub(super) fn insert(&mut self, (ended_at, id): Key, at: At) {
        if ended_at > self.newest {
            self.of_newest.sort_unstable();
            for (id, at) in self.of_newest.drain(..) {
                self.before.insert((self.newest, id), at);
            }
            self.newest = ended_at;
        }
        if ended_at == self.newest {
            self.of_newest.push((id, at));
        } else {
            self.before.insert((ended_at, id), at);
        }
    }

    pub(super) fn remove(&mut self, key: Key, at: At, shelf: &Shelf) {
        let mut of_newest = self.of_newest.iter();
        let found = (key.0 == self.newest).then(|| of_newest.position(|one| *one == (key.1, at)));
        match found.flatten() {
            Some(found) => _ = self.of_newest.swap_remove(found),
            None => self.before.remove(key, at, |at| key_of(shelf, at)),
        }
    }

    /// See [`Runs::load`].
    pub(super) fn load(&mut self, key: Key, at: At) {
        self.before.load(key, at);
    }

    pub(super) fn settle(&mut self) {
        self.before.settle();
    }

    /// See [`Runs::check`].
    pub(super) fn check(&self, due: &[(Key, At)], shelf: &Shelf) -> bool {
        let is_newest =
            |(key, at): &&(Key, At)| key.0 == self.newest && self.of_newest.contains(&(key.1, *at));
        let of_newest = due.iter().filter(is_newest).count();
        let before: Vec<_> = due.iter().filter(|one| !is_newest(one)).copied().collect();
        of_newest == self.of_newest.len() && self.before.check(&before, |at| key_of(shelf, at))
    }
}

fn key_of(shelf: &Shelf, at: At) -> Key {
    (ended_at(shelf, at), shelf.id(at))
}
