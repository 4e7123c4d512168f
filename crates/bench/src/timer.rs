//! A timer that is on time: tokio's own knows only milliseconds, and what a lane is late shows in
//! its latencies.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::Duration,
};

use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use tokio::io::unix::AsyncFd;

use crate::Stamp;

/// An alarm in the runtime's own poll, to the microsecond.
#[derive(Debug)]
pub(crate) struct Timer {
    fd: AsyncFd<Descriptor>,
}

#[derive(Debug)]
struct Descriptor(TimerFd);

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Timer {
    /// A timer that is not set. Takes a file descriptor.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe; this descriptor is owned and never replaced"
        )]
        let fd = AsyncFd::new(Descriptor(timer))?;
        Ok(Self { fd })
    }

    /// Waits until then. May be dropped and begun anew.
    pub(crate) async fn until(&mut self, at: Stamp) -> io::Result<()> {
        let wait = at.since(Stamp::now());
        if wait == 0 {
            return Ok(());
        }
        let expiration = Expiration::OneShot(TimeSpec::from(Duration::from_nanos(wait)));
        // Setting it takes back an expiration that nobody has read.
        self.fd
            .get_ref()
            .0
            .set(expiration, TimerSetTimeFlags::empty())?;
        loop {
            let mut guard = self.fd.readable().await?;
            guard.clear_ready();
            if Stamp::now() >= at {
                return Ok(());
            }
        }
    }
}
