//! Lists through the tasks themselves: joining and leaving one costs the same however long it is.

use super::tasks::At;

/// Names no task.
pub(super) const NOBODY: At = At::MAX;

/// A list's ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    pub(super) first: At,
    last: At,
    pub(super) len: u32,
}

/// A task's neighbours in the list that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Links {
    before: At,
    pub(super) after: At,
}

impl Default for List {
    fn default() -> Self {
        Self {
            first: NOBODY,
            last: NOBODY,
            len: 0,
        }
    }
}

impl Default for Links {
    fn default() -> Self {
        Self {
            before: NOBODY,
            after: NOBODY,
        }
    }
}

/// Where the links of tasks are.
pub(super) trait Linked {
    fn links(&mut self, at: At) -> &mut Links;
}

impl List {
    /// At the end.
    pub(super) fn join(&mut self, at: At, tasks: &mut impl Linked) {
        *tasks.links(at) = Links {
            before: self.last,
            after: NOBODY,
        };
        if self.last == NOBODY {
            self.first = at;
        } else {
            tasks.links(self.last).after = at;
        }
        self.last = at;
        self.len += 1;
    }

    pub(super) fn leave(&mut self, at: At, tasks: &mut impl Linked) {
        let Links { before, after } = *tasks.links(at);
        if before == NOBODY {
            self.first = after;
        } else {
            tasks.links(before).after = after;
        }
        if after == NOBODY {
            self.last = before;
        } else {
            tasks.links(after).before = before;
        }
        self.len -= 1;
    }
}
