//! Looks at more tasks than one call may: what is found is revived or forgotten bit by bit, and
//! other work goes on in between. The request is answered when all were looked at, or as many were
//! found as one answer tells of.

use alloc::{collections::VecDeque, vec::Vec};
use core::{mem, ops::Bound};

use super::{Pool, enqueue::within, filter::holds, shelf::Shelf, tasks::At};
use crate::{
    Answer, Edit, Rejection, Reply, RequestId, SessionId, TaskId, Timestamp, Transition, Where,
    limits::{BATCH_MAX, DUE_MAX, PARKED_MAX},
};

/// Tasks that are looked at in one call.
const STEPS: usize = 4096;

/// A request that is under way. Nothing of it is stored: it goes with the session that asked.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub(super) session: SessionId,
    pub(super) request: RequestId,
    pub(super) aim: Aim,
}

/// What is done with what is found.
#[derive(Debug, Clone)]
pub(super) enum Aim {
    Revive(Revival),
    Purge(Purge),
}

/// Dead tasks on their way back, those that died first before others.
#[derive(Debug, Clone)]
pub(super) struct Revival {
    which: Vec<Where>,
    edits: Vec<Edit>,
    /// Those that died after it are not looked at: else a task that dies again at once would be
    /// revived again by the same request.
    begun_at: Timestamp,
    /// The last that was looked at.
    after: Option<(Timestamp, TaskId, At)>,
    found: Vec<(TaskId, Result<(), Rejection>)>,
}

/// Ended tasks on their way out, from where the last purge left off once around.
#[derive(Debug, Clone)]
pub(super) struct Purge {
    which: Vec<Where>,
    tasks_max: u64,
    began_at: At,
    /// The first place that was not looked at yet.
    next: At,
    has_turned: bool,
    purged: u64,
}

impl Revival {
    pub(super) const fn new(which: Vec<Where>, edits: Vec<Edit>, begun_at: Timestamp) -> Self {
        Self {
            which,
            edits,
            begun_at,
            after: None,
            found: Vec::new(),
        }
    }
}

impl Purge {
    /// Whether that was all.
    fn find_some(&mut self, shelf: &Shelf, found: &mut Vec<(At, TaskId)>) -> bool {
        let most = (self.tasks_max - self.purged).min(DUE_MAX as u64);
        let mut places = shelf.iter_from(self.next);
        for _ in 0..STEPS {
            if found.len() as u64 == most {
                return false;
            }
            let next = places.next().map(|(at, packed)| (at, packed.id));
            let is_ahead = |at: At| !self.has_turned || at < self.began_at;
            match next.filter(|(at, _)| is_ahead(*at)) {
                Some((at, id)) => {
                    self.next = at + 1;
                    let is_it = shelf.kind(at).is_end() && holds(&self.which, shelf, at);
                    found.extend(is_it.then_some((at, id)));
                }
                None if self.has_turned => return true,
                None => {
                    (self.has_turned, self.next) = (true, 0);
                    places = shelf.iter_from(0);
                }
            }
        }
        false
    }
}

impl Pool {
    /// A purge that is repeated until nothing is left looks at each task once, not once a call.
    pub(super) fn new_purge(&self, which: Vec<Where>, tasks_max: u32) -> Purge {
        Purge {
            which,
            tasks_max: tasks_max.into(),
            began_at: self.purged_until,
            next: self.purged_until,
            has_turned: false,
            purged: 0,
        }
    }

    /// Answers at once where few tasks are to be looked at; else whoever came first is first.
    pub(super) fn begin_search(
        &mut self,
        mut search: Search,
        out: &mut Transition,
    ) -> Option<Answer> {
        let (mine, max) = (search.session, PARKED_MAX as u64);
        let under_way = self.searches.iter().filter(|of| of.session == mine).count() + 1;
        let what = "the number of searches of a session under way in a pool";
        if let Err(refusal) = within(what, under_way as u64, 0, max) {
            return Some(Answer::Refused(refusal));
        }
        let answer = if self.searches.is_empty() {
            self.go_on(&mut search.aim, out)
        } else {
            None
        };
        if answer.is_none() {
            self.searches.push_back(search);
        }
        answer
    }

    /// Some of what the first one is to look at.
    pub(super) fn search(&mut self, out: &mut Transition) {
        let Some(mut first) = self.searches.pop_front() else {
            return;
        };
        match self.go_on(&mut first.aim, out) {
            Some(answer) => {
                let reply = Reply::Answer(first.session, first.request, answer);
                out.replies.push(reply);
            }
            None => self.searches.push_front(first),
        }
    }

    /// Nobody hears the answers to what this session asked.
    pub(super) fn end_searches(&mut self, session: SessionId) {
        if !self.searches.is_empty() {
            let of = mem::take(&mut self.searches).into_iter();
            let others: VecDeque<_> = of.filter(|of| of.session != session).collect();
            self.searches = others;
        }
    }

    fn go_on(&mut self, aim: &mut Aim, out: &mut Transition) -> Option<Answer> {
        match aim {
            Aim::Revive(revival) => self
                .revive_some(revival, out)
                .then(|| Answer::Revived(mem::take(&mut revival.found))),
            Aim::Purge(purge) => self
                .purge_some(purge, out)
                .then_some(Answer::Purged(purge.purged)),
        }
    }

    /// Whether that was all.
    fn revive_some(&mut self, revival: &mut Revival, out: &mut Transition) -> bool {
        let shelf = &self.tasks.shelf;
        let most = DUE_MAX.min(BATCH_MAX - revival.found.len());
        let from = revival.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut dead = self.tasks.dead.range((from, Bound::Unbounded));
        let mut found = Vec::new();
        let mut is_all = false;
        for _ in 0..STEPS {
            let next = dead.next().filter(|(at, ..)| *at <= revival.begun_at);
            is_all = next.is_none();
            let Some(next) = next.filter(|_| found.len() < most) else {
                break;
            };
            revival.after = Some(*next);
            if holds(&revival.which, shelf, next.2) {
                found.push(next.1);
            }
        }
        for id in found {
            let revived = self.revive_one(id, &revival.edits, out);
            revival.found.push((id, revived));
        }
        is_all || revival.found.len() == BATCH_MAX
    }

    /// Whether that was all.
    fn purge_some(&mut self, purge: &mut Purge, out: &mut Transition) -> bool {
        // How a task ended is not forgotten before all who waited for it have heard.
        if !self.following.is_empty() {
            self.follow_ends(out);
            return false;
        }
        let mut found = Vec::new();
        let is_all = purge.find_some(&self.tasks.shelf, &mut found);
        self.purged_until = purge.next;
        for (at, id) in found {
            // What one of them takes with it is not forgotten twice; and what would take a task with
            // it that has not ended stays.
            if self.tasks.shelf.is(at, id) && !self.tasks.side.children.has(id) {
                self.forget(at, out);
                purge.purged += 1;
            }
        }
        is_all || purge.purged == purge.tasks_max
    }
}
