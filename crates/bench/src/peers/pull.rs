//! How to keep a connection busy whose system hands out one task a request, and reads nothing more
//! from a connection that waits for a task.
//!
//! While tasks are there, as many requests as there are slots are under way, none of which waits.
//! Once nothing is there, exactly one request waits: behind several, a completion would lie unread
//! until so many tasks have come.

use std::collections::VecDeque;

use crate::{Stamp, WorkerLane};

/// What the next answer of the system is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A task that was asked for, or that there is none.
    Asked,
    /// The completion of this one.
    Completed(Stamp),
}

/// What to ask for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// For so many tasks, if they are there.
    AtOnce(usize),
    /// For one, whenever it comes.
    Waiting,
}

/// What a connection waits for, in the order in which it will come.
#[derive(Debug, Default)]
pub(super) struct Pull {
    answers: VecDeque<Answer>,
    /// Requests for tasks without their answer.
    asked: usize,
    /// As many as are to be under way.
    window: usize,
    /// Tasks that came since nothing was under way.
    came: usize,
    /// Whether the system said since then that there is none.
    is_dry: bool,
}

impl Pull {
    /// What the next answer is about.
    pub(super) fn next(&self) -> Option<Answer> {
        self.answers.front().copied()
    }

    /// It came, and is a task, whose completion is asked for now.
    pub(super) fn came(&mut self, task: Stamp) {
        self.take();
        self.came += 1;
        self.asked -= 1;
        self.answers.push_back(Answer::Completed(task));
    }

    /// It came, and says that there is no task.
    pub(super) fn none_came(&mut self) {
        self.take();
        self.is_dry = true;
        self.asked -= 1;
    }

    /// It came, and says that a task is completed.
    pub(super) fn completed(&mut self, task: Stamp, lane: &mut WorkerLane) {
        self.take();
        lane.completed(task);
    }

    fn take(&mut self) {
        self.answers.pop_front();
    }

    /// What to ask for at the end of a read, when all completions are written.
    pub(super) fn ask(&mut self, slots: usize) -> Option<Ask> {
        if self.asked > 0 && (self.is_dry || self.asked * 2 > self.window) {
            return None;
        }
        self.window = match (self.is_dry, self.came) {
            (true, 0) => 1,
            (true, came) => came * 2,
            (false, _) => self.window * 2,
        }
        .clamp(1, slots);
        if self.asked == 0 {
            self.came = 0;
            self.is_dry = false;
        }
        if self.window == 1 {
            self.expect(1);
            return Some(Ask::Waiting);
        }
        let more = self.window - self.asked;
        self.expect(more);
        Some(Ask::AtOnce(more))
    }

    fn expect(&mut self, tasks: usize) {
        self.asked += tasks;
        self.answers
            .extend(std::iter::repeat_n(Answer::Asked, tasks));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn come(pull: &mut Pull, tasks: usize) {
        for _ in 0..tasks {
            pull.came(Stamp::default());
        }
    }

    #[test]
    fn one_request_waits_where_nothing_is() {
        let mut pull = Pull::default();
        assert_eq!(pull.ask(64), Some(Ask::Waiting));
        assert_eq!(pull.ask(64), None);
        come(&mut pull, 1);
        assert_eq!(pull.ask(64), Some(Ask::AtOnce(2)));
        pull.take();
        pull.none_came();
        assert_eq!(pull.ask(64), None, "one is under way");
        pull.none_came();
        assert_eq!(pull.ask(64), Some(Ask::Waiting));
    }

    #[test]
    fn the_window_grows_to_the_slots_and_never_past_them() {
        let mut pull = Pull::default();
        pull.ask(5);
        come(&mut pull, 1);
        assert_eq!(pull.ask(5), Some(Ask::AtOnce(2)));
        come(&mut pull, 2);
        assert_eq!(pull.ask(5), Some(Ask::AtOnce(4)));
        come(&mut pull, 2);
        assert_eq!(pull.ask(5), Some(Ask::AtOnce(3)), "two are under way");
        assert_eq!(pull.asked, 5);
    }

    #[test]
    fn one_slot_asks_one_by_one() {
        let mut pull = Pull::default();
        for _ in 0..3 {
            assert_eq!(pull.ask(1), Some(Ask::Waiting));
            come(&mut pull, 1);
        }
    }

    #[test]
    fn a_task_and_no_more_asks_again_before_it_waits() {
        let mut pull = Pull::default();
        pull.ask(8);
        come(&mut pull, 1);
        pull.ask(8);
        pull.take();
        come(&mut pull, 1);
        pull.none_came();
        assert_eq!(pull.ask(8), Some(Ask::AtOnce(2)));
    }
}
