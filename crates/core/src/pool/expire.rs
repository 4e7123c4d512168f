//! What each due deadline does.

use super::{
    Pool,
    tasks::{At, EndsBy, Slot},
    waiters::Waiter,
};
use crate::{
    Answer, AttemptEnding, Cause, Change, Reply, State, StateKind, Transition, limits::DUE_MAX,
};

impl Pool {
    /// Some of what is due; [`Pool::next_deadline`] says whether there is more.
    pub(super) fn expire(&mut self, out: &mut Transition) {
        let mut left = DUE_MAX;
        let mut is_over = false;
        while !is_over && left > 0 {
            let due = self.tasks.next_due().filter(|(due, _)| *due <= self.now);
            is_over = due.is_none();
            if let Some((_, at)) = due {
                self.task_due(at, out);
                left -= 1;
            }
        }
        self.expire_overdue(&mut left, out);
        self.free_children(&mut left, out);
        self.forget_after_time(&mut left, out);
        self.forget_beyond_max(out);
        // Who waited for what was forgotten.
        self.follow_ends(out);
        self.empty_deleted(&mut left, out);
        // After the tasks that became ready: they go to those who wait, even at the last moment.
        self.serve(out);
        while is_over && left > 0 {
            match self.waiters.next_overdue(self.now) {
                Some(waiter) => self.wait_over(waiter, out),
                None => break,
            }
            left -= 1;
        }
        self.tasks.settle_down();
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
            EndsBy::Runtime => return self.overrun(at, out),
            EndsBy::Stop => return self.force_stop(at, out),
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

    fn forget_after_time(&mut self, left: &mut usize, out: &mut Transition) {
        while *left > 0
            && self.following.is_empty()
            && let Some(at) = self.tasks.first_outdated(self.now)
        {
            self.forget(at, out);
            *left -= 1;
        }
    }

    pub(super) fn has_too_many_finished(&self) -> bool {
        self.tasks.finished.len() as u64 > self.settings.completed_kept_max
    }

    /// The oldest finished tasks make room for new ones.
    pub(super) fn forget_beyond_max(&mut self, out: &mut Transition) {
        let mut left = DUE_MAX;
        // How a task ended is not forgotten before all who waited for it have heard.
        while left > 0 && self.following.is_empty() && self.has_too_many_finished() {
            let Some((_, at)) = self.tasks.finished.first() else {
                return;
            };
            self.forget(at, out);
            left -= 1;
        }
    }

    pub(super) fn forget(&mut self, at: At, out: &mut Transition) {
        let id = self.tasks.shelf.id(at);
        out.changes.push(Change::Forget(id));
        self.tasks.remove(at);
        self.parent_forgotten(id);
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
