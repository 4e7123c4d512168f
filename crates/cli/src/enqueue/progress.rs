//! How far it is, on standard error, if there is somebody to see it.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar by the bytes read if their number is known, else a count; hidden unless standard error
/// is a terminal and standard output, where the ids go, is none.
pub(super) struct Progress {
    bar: ProgressBar,
    enqueued: u64,
}

impl Progress {
    pub(super) fn new(bytes: Option<u64>) -> Self {
        let is_seen = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let bar = match bytes {
            _ if !is_seen => ProgressBar::hidden(),
            Some(bytes) => ProgressBar::new(bytes).with_style(style("{wide_bar} {percent}% {msg}")),
            None => ProgressBar::new_spinner().with_style(style("{spinner} {msg}")),
        };
        Self { bar, enqueued: 0 }
    }

    /// So much more was acknowledged, for which so much was read.
    pub(super) fn advance(&mut self, tasks: u64, bytes: u64) {
        self.enqueued += tasks;
        self.bar.inc(bytes);
        self.bar.set_message(format!("{} enqueued", self.enqueued));
    }

    /// Does this while the bar is out of the way.
    pub(super) fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        self.bar.suspend(act)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates here are sound")
}
