//! Being asked to end before the end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::ChaosError;

/// SIGINT and SIGTERM, from its making on: neither ends the process by itself any more, so that what
/// was started and mounted does not outlive it.
#[derive(Debug)]
pub(crate) struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    pub(crate) fn listen() -> Result<Self, ChaosError> {
        let of = |kind| signal(kind).map_err(ChaosError::io("listen for signals"));
        Ok(Self {
            interrupt: of(SignalKind::interrupt())?,
            terminate: of(SignalKind::terminate())?,
        })
    }

    /// Waits for either.
    pub(crate) async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// What comes of this, unless it is interrupted: then it is dropped, and all that it made with it.
    pub(crate) async fn unless<T>(
        mut self,
        played: impl Future<Output = Result<T, ChaosError>>,
    ) -> Result<T, ChaosError> {
        tokio::select! {
            ended = played => ended,
            () = self.heard() => Err(ChaosError::interrupted()),
        }
    }
}
