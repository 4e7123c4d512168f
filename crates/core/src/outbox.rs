//! Nothing is said before it is durable.

use alloc::{collections::VecDeque, vec::Vec};
use core::mem;

use crate::{Change, Transition};

/// Orders changes and replies: while commits are on their way the next gathers, and a reply leaves
/// only when every change that happened before it is durable.
///
/// `R` is whatever the caller sends. Call [`Outbox::push`] after each transition,
/// [`Outbox::next_commit`] after each batch of work, [`Outbox::committed`] when the store is done.
/// Commits become durable in the order in which they were taken, or fail with all after them.
#[derive(Debug)]
pub struct Outbox<R> {
    /// Changes that no commit has taken yet.
    changes: Vec<Change>,
    /// Replies that wait for commits that are on their way, in the order of these.
    behind_flying: VecDeque<R>,
    /// Replies that wait for the commit after them.
    behind_gathering: VecDeque<R>,
    /// How many replies wait for each commit that is on its way, the oldest first.
    flying: VecDeque<usize>,
    /// The next commit is wanted even without changes.
    is_held: bool,
}

impl<R> Default for Outbox<R> {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
            behind_flying: VecDeque::new(),
            behind_gathering: VecDeque::new(),
            flying: VecDeque::new(),
            is_held: false,
        }
    }
}

impl<R> Outbox<R> {
    /// Takes what a call of the core brought about, its replies as the caller words them.
    pub fn push(&mut self, transition: &mut Transition, word: impl FnMut(crate::Reply) -> R) {
        // Mostly all of them are, if there are any.
        if transition.changes.iter().all(Change::is_durable) {
            self.changes.append(&mut transition.changes);
        } else {
            let durable = transition.changes.drain(..).filter(Change::is_durable);
            self.changes.extend(durable);
        }
        if !transition.replies.is_empty() {
            self.say_all(transition.replies.drain(..).map(word));
        }
    }

    /// Says something that reports of the state as it is now.
    pub fn say(&mut self, reply: R) {
        self.say_all([reply]);
    }

    /// What is said from here on waits for a commit, even for one without changes: the caller has
    /// something to fetch with it.
    pub fn hold(&mut self) {
        self.is_held = true;
    }

    fn say_all(&mut self, replies: impl IntoIterator<Item = R>) {
        if self.changes.is_empty() && !self.is_held {
            let before = self.behind_flying.len();
            self.behind_flying.extend(replies);
            if let Some(newest) = self.flying.back_mut() {
                *newest += self.behind_flying.len() - before;
            }
        } else {
            self.behind_gathering.extend(replies);
        }
    }

    /// Replies that wait for nothing.
    pub fn take_free(&mut self) -> Vec<R> {
        if self.is_flying() || self.behind_flying.is_empty() {
            Vec::new()
        } else {
            self.behind_flying.drain(..).collect()
        }
    }

    fn is_flying(&self) -> bool {
        !self.flying.is_empty()
    }

    /// The changes of the next commit, if there are any and none is on its way.
    pub fn next_commit(&mut self) -> Option<Vec<Change>> {
        if self.is_flying() {
            return None;
        }
        self.next_commit_behind()
    }

    /// The changes of the next commit, if there are any, though others are on their way.
    pub fn next_commit_behind(&mut self) -> Option<Vec<Change>> {
        if self.changes.is_empty() && !self.is_held {
            return None;
        }
        debug_assert!(
            self.is_flying() || self.behind_flying.is_empty(),
            "take_free() comes before a commit"
        );
        self.is_held = false;
        self.flying.push_back(self.behind_gathering.len());
        if self.behind_flying.is_empty() {
            // Mostly nothing else is on its way.
            mem::swap(&mut self.behind_flying, &mut self.behind_gathering);
        } else {
            self.behind_flying.append(&mut self.behind_gathering);
        }
        Some(mem::take(&mut self.changes))
    }

    /// The newest commit on its way has not begun yet: moves to `changes`, which are its own, what
    /// would have gone with the next one. Its replies wait for it, too.
    pub fn join_commit(&mut self, changes: &mut Vec<Change>) {
        changes.append(&mut self.changes);
        match self.flying.back_mut() {
            Some(newest) => *newest += self.behind_gathering.len(),
            None => debug_assert!(false, "there is nothing to join"),
        }
        self.behind_flying.append(&mut self.behind_gathering);
        self.is_held = false;
    }

    /// How many changes wait for the next commit.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// How many replies wait for the next commit.
    #[must_use]
    pub fn gathered(&self) -> usize {
        self.behind_gathering.len()
    }

    /// How many replies wait for the newest commit on its way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.flying.back().copied().unwrap_or_default()
    }

    /// The oldest commit on its way is durable: here is what may be said now.
    pub fn committed(&mut self) -> Vec<R> {
        debug_assert!(self.is_flying(), "nothing was on its way");
        let released = self.flying.pop_front().unwrap_or_default();
        self.behind_flying.drain(..released).collect()
    }

    /// Whether nothing is on its way and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.is_flying()
            && !self.is_held
            && self.changes.is_empty()
            && self.behind_flying.is_empty()
            && self.behind_gathering.is_empty()
    }
}
