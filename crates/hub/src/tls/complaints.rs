//! A bound on what strangers make a hub write into its log.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Lines in each window.
const LINES_MAX: u32 = 20;

const WINDOW: Duration = Duration::from_secs(10);

/// Counts what is told of strangers, and what is not.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    window_since: Option<Instant>,
    told: u32,
    untold: u64,
}

impl Complaints {
    /// Whether one more may be told of, and how many were not before it.
    pub(super) fn may_tell(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |since: Instant| now.duration_since(since) >= WINDOW;
        if state.window_since.is_none_or(is_new) {
            state.window_since = Some(now);
            state.told = 0;
        }
        if state.told == LINES_MAX {
            state.untold += 1;
            return None;
        }
        state.told += 1;
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swarm_is_told_of_in_part_and_counted() {
        let (complaints, now) = (Complaints::default(), Instant::now());
        for _ in 0..LINES_MAX {
            assert_eq!(complaints.may_tell(now), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(complaints.may_tell(now), None);
        }
        assert_eq!(complaints.may_tell(now + WINDOW), Some(1000));
        assert_eq!(complaints.may_tell(now + WINDOW), Some(0));
    }
}
