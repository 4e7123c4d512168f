//! Being asked to end, or to read the configuration again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGTERM and SIGINT, from its making on.
#[derive(Debug)]
pub(crate) struct Ending {
    terminate: Signal,
    interrupt: Signal,
    was_asked: CancellationToken,
}

impl Ending {
    /// From here on neither signal ends the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            was_asked: CancellationToken::new(),
        })
    }

    /// Cancelled once either came, and somebody waited for it.
    pub(crate) fn was_asked(&self) -> CancellationToken {
        self.was_asked.clone()
    }

    /// Waits for the next of either. Nothing is missed when the wait is abandoned.
    pub(crate) async fn asked(&mut self) -> &'static str {
        let signal = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        self.was_asked.cancel();
        signal
    }
}

/// SIGHUP, from its making on.
#[derive(Debug)]
pub(crate) struct Reloads(Signal);

impl Reloads {
    /// From here on the signal does not end the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next. Nothing is missed when the wait is abandoned.
    pub(crate) async fn asked(&mut self) {
        self.0.recv().await;
    }
}
