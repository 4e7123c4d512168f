//! Tells on standard error what happens, with the time since the beginning, above a progress bar if
//! that is a terminal.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicU64, Ordering},
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// Without a bar, progress is told in so many steps.
const STEPS: u64 = 4;

/// Who tells the story.
#[derive(Debug)]
pub(super) struct Narrator {
    began: Instant,
    tasks: u64,
    bar: ProgressBar,
    /// How many of the steps were told.
    told: AtomicU64,
}

impl Narrator {
    /// Of a story of so many tasks.
    pub(super) fn new(began: Instant, tasks: usize) -> Self {
        let tasks = tasks as u64;
        let bar = if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} tasks completed");
            ProgressBar::new(tasks).with_style(style.expect("the template is sound"))
        } else {
            ProgressBar::hidden()
        };
        Self {
            began,
            tasks,
            bar,
            told: AtomicU64::new(0),
        }
    }

    /// A line of the story.
    pub(super) fn say(&self, text: impl Display) {
        let seconds = self.began.elapsed().as_secs_f64();
        self.bar.suspend(|| {
            // When nobody hears it, it happens all the same.
            let _ = writeln!(io::stderr().lock(), "{seconds:6.2} s  {text}");
        });
    }

    /// So many tasks are completed.
    pub(super) fn progress(&self, completed: u64) {
        self.bar.set_position(completed);
        let step = completed * STEPS / self.tasks.max(1);
        if self.bar.is_hidden() && step > self.told.fetch_max(step, Ordering::Relaxed) {
            self.say(format!("{completed} of {} tasks completed", self.tasks));
        }
    }

    /// How long it has taken so far.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.began.elapsed()
    }
}

impl Drop for Narrator {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
