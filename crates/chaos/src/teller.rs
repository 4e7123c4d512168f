//! What is said while a run goes on.

use std::{
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

use tokio::time::Instant;

/// Says what happens, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Teller(Instant);

impl Teller {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn say(self, text: impl Display) {
        let seconds = self.0.elapsed().as_secs_f64();
        print(format!("{seconds:7.2} s  {text}"));
    }
}

/// A line of standard output.
pub(crate) fn print(text: impl Display) {
    // Nobody reads any more; the exit code still tells.
    let _ = writeln!(io::stdout().lock(), "{text}");
}
