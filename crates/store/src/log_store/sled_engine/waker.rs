//! Wakes calls of sled that wait for a write which has failed.
//!
//! sled 0.34.7 writes its log in the background. Where such a write fails (`Log::exit_reservation`,
//! `logger.rs:440`) it notes the error and wakes nobody, so that who waits in `make_stable` for what
//! was to be written waits for ever: found by failing one of ten writes, `chaos disk --seed 6`. Any
//! later flush finds the error first, and wakes all who wait (`iobuf.rs:916`). So one is called
//! beside a call that goes on for long, each time from a thread of its own: one that came before the
//! error waits as well.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// How often it is looked whether a call goes on.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Calls begun, and calls ended.
#[derive(Debug, Default)]
struct Calls {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// Watches over the calls of one sled; ends with it.
#[derive(Debug)]
pub(super) struct Waker {
    calls: Arc<Calls>,
    /// Its thread ends when this is dropped.
    _open: mpsc::Sender<()>,
}

impl Waker {
    /// `wake` is called from a new thread each time.
    pub(super) fn new(wake: impl Fn() + Clone + Send + 'static) -> io::Result<Self> {
        let calls = Arc::<Calls>::default();
        let (open, closed) = mpsc::channel();
        let watched = calls.clone();
        let watch = move || {
            let mut look = Look::default();
            while closed.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if look.is_stuck(&watched) {
                    tracing::debug!("sled is being woken: a call of it takes long");
                    // Without a thread to be had, the next look tries again.
                    _ = thread::Builder::new()
                        .name("sled-wake".to_owned())
                        .spawn(wake.clone());
                }
            }
        };
        thread::Builder::new()
            .name("sled-watch".to_owned())
            .spawn(watch)?;
        Ok(Self { calls, _open: open })
    }

    /// Watches over this call.
    pub(super) fn over<T>(&self, call: impl FnOnce() -> T) -> T {
        let _call = Call::of(&self.calls);
        call()
    }
}

/// One that goes on, until it is dropped, be it by a panic.
struct Call<'a>(&'a Calls);

impl<'a> Call<'a> {
    fn of(calls: &'a Calls) -> Self {
        calls.begun.fetch_add(1, Relaxed);
        Self(calls)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}

/// What was seen at the last look, and how long it has been so.
#[derive(Debug, Default)]
struct Look {
    ended: u64,
    looks: u64,
}

impl Look {
    /// Whether calls go on of which none has ended for a while: after one look, two, four, and so on,
    /// for a disk may be slow for minutes, and each time costs a thread until it is over.
    fn is_stuck(&mut self, calls: &Calls) -> bool {
        let ended = calls.ended.load(Relaxed);
        let is_idle = calls.begun.load(Relaxed) == ended;
        if is_idle || ended != self.ended {
            *self = Self { ended, looks: 0 };
            return false;
        }
        self.looks += 1;
        self.looks.is_power_of_two()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_goes_on_is_seen_again_and_again_and_ever_more_rarely() {
        let (calls, mut look) = (Calls::default(), Look::default());
        assert!(!look.is_stuck(&calls), "none goes on");
        let call = Call::of(&calls);
        let seen: Vec<u32> = (1..=16).filter(|_| look.is_stuck(&calls)).collect();
        assert_eq!(seen, [1, 2, 4, 8, 16]);
        drop(call);
        assert!(!look.is_stuck(&calls), "it has ended");
    }

    #[test]
    fn calls_that_come_and_go_are_not_stuck() {
        let (calls, mut look) = (Calls::default(), Look::default());
        for _ in 0..8 {
            let earlier = Call::of(&calls);
            drop(earlier);
            let _later = Call::of(&calls);
            assert!(!look.is_stuck(&calls));
        }
    }

    #[test]
    fn a_call_that_waits_is_woken() {
        let (wake, woken) = mpsc::channel();
        let waker = Waker::new(move || _ = wake.send(())).expect("a thread can be had");
        waker.over(|| woken.recv()).expect("it is woken");
    }
}
