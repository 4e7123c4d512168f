//! What each due deadline does.

use super::{Pool, tasks::EndsBy, waiters::Waiter};
use crate::{Answer, AttemptEnding, Cause, Change, Reply, State, TaskId, Timestamp, Transition};

impl Pool {
    pub(super) fn expire(&mut self, out: &mut Transition) {
        while let Some((_, id)) = self
            .tasks
            .due
            .first()
            .copied()
            .filter(|(at, _)| *at <= self.now)
        {
            self.task_due(id, out);
        }
        self.forget_after_time(out);
        self.forget_beyond_max(out);
        // After the tasks that became ready: they go to those who wait, even at the last moment.
        self.serve(out);
        while let Some(waiter) = self.waiters.next_overdue(self.now) {
            self.wait_over(waiter, out);
        }
    }

    fn task_due(&mut self, id: TaskId, out: &mut Transition) {
        let Some(slot) = self.tasks.get(id) else {
            return;
        };
        let Some(hold) = slot.hold.filter(|_| slot.task.state == State::Claimed) else {
            self.tasks.update(id, |slot| slot.task.state = State::Ready);
            self.changed(id, Cause::Due, None, out);
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
        self.end_attempt(id, ending, reason, out);
    }

    fn forget_after_time(&mut self, out: &mut Transition) {
        let now = self.now;
        let finished_kept_for = self.settings.completed_kept_for;
        let dead_kept_for = self.settings.dead_kept_for;
        let over = |entry: Option<&(Timestamp, TaskId)>, kept_for| {
            entry
                .copied()
                .filter(|(at, _)| *at + kept_for <= now)
                .map(|(_, id)| id)
        };
        while let Some(id) = over(self.tasks.finished.first(), finished_kept_for)
            .or_else(|| over(self.tasks.dead.first(), dead_kept_for))
        {
            self.forget(id, out);
        }
    }

    /// The oldest finished tasks make room for new ones.
    pub(super) fn forget_beyond_max(&mut self, out: &mut Transition) {
        while self.tasks.finished.len() as u64 > self.settings.completed_kept_max {
            let Some((_, id)) = self.tasks.finished.first().copied() else {
                return;
            };
            self.forget(id, out);
        }
    }

    fn forget(&mut self, id: TaskId, out: &mut Transition) {
        self.tasks.remove(id);
        out.changes.push(Change::Forget(id));
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
                let Some(slot) = self.tasks.get(task) else {
                    return;
                };
                Reply::Answer(session, request, Answer::Awaited(slot.task.clone().into()))
            }
            Waiter::Credit { .. } => unreachable!("credit waits for ever"),
        };
        out.replies.push(reply);
    }
}
