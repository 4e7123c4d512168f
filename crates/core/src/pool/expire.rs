//! What each due deadline does.

use super::{
    Pool,
    tasks::{At, EndsBy, Slot, Tasks},
    waiters::Waiter,
};
use crate::{Answer, AttemptEnding, Cause, Change, Reply, State, StateKind, Timestamp, Transition};

impl Pool {
    pub(super) fn expire(&mut self, out: &mut Transition) {
        while let Some((_, at)) = self.tasks.next_due().filter(|(due, _)| *due <= self.now) {
            self.task_due(at, out);
        }
        self.forget_after_time(out);
        self.forget_beyond_max(out);
        // After the tasks that became ready: they go to those who wait, even at the last moment.
        self.serve(out);
        while let Some(waiter) = self.waiters.next_overdue(self.now) {
            self.wait_over(waiter, out);
        }
    }

    fn task_due(&mut self, at: At, out: &mut Transition) {
        let shelf = &self.tasks.shelf;
        let is_claimed = shelf.kind(at) == StateKind::Claimed;
        let Some(hold) = shelf.hold(at).filter(|_| is_claimed) else {
            let ready = |slot: &mut Slot| slot.task.state = State::Ready;
            let (task, ()) = self.tasks.update(at, ready);
            out.changes.push(Change::put(task, Cause::Due));
            return;
        };
        let (ending, reason) = match hold.ends_by {
            EndsBy::Deadline => (AttemptEnding::Expired, "the lease's deadline passed"),
            EndsBy::Cut => (
                AttemptEnding::Cut,
                "the node's connection was cut, and it did not come back",
            ),
            EndsBy::HubGone => (
                AttemptEnding::Interrupted,
                "the hub went away, and the node did not come back",
            ),
        };
        self.end_attempt(at, ending, reason, out);
    }

    fn forget_after_time(&mut self, out: &mut Transition) {
        let now = self.now;
        let finished_kept_for = self.settings.completed_kept_for;
        let dead_kept_for = self.settings.dead_kept_for;
        let over = |entry: Option<(Timestamp, At)>, kept_for| {
            entry
                .filter(|(ended_at, _)| *ended_at + kept_for <= now)
                .map(|(_, at)| at)
        };
        let finished = |tasks: &Tasks| {
            let first = tasks.finished.first_end()?;
            (first + finished_kept_for <= now).then(|| tasks.finished.first())?
        };
        while let Some(at) = over(finished(&self.tasks), finished_kept_for)
            .or_else(|| over(self.tasks.first_dead(), dead_kept_for))
        {
            self.forget(at, out);
        }
    }

    /// The oldest finished tasks make room for new ones.
    pub(super) fn forget_beyond_max(&mut self, out: &mut Transition) {
        while self.tasks.finished.len() as u64 > self.settings.completed_kept_max {
            let Some((_, at)) = self.tasks.finished.first() else {
                return;
            };
            self.forget(at, out);
        }
    }

    fn forget(&mut self, at: At, out: &mut Transition) {
        out.changes.push(Change::Forget(self.tasks.shelf.id(at)));
        self.tasks.remove(at);
    }

    fn wait_over(&mut self, waiter: Waiter, out: &mut Transition) {
        let reply = match waiter {
            Waiter::Claim {
                session, request, ..
            } => Reply::Answer(session, request, Answer::Claimed(alloc::vec![])),
            Waiter::Await {
                session,
                request,
                task,
                ..
            } => {
                let Some(task) = self.task(task) else {
                    return;
                };
                Reply::Answer(session, request, Answer::Awaited(task.into()))
            }
            Waiter::Credit { .. } => unreachable!("credit waits for ever"),
        };
        out.replies.push(reply);
    }
}
