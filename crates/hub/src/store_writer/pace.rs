//! Whether the next commit is worth waiting for.

use std::time::Duration;

/// Replies of one commit from which on those who got them are taken for a crowd that comes back.
const CROWD: usize = 8;

/// The longest that is waited for a crowd: a few times what it takes a request to go round on a
/// local network.
const WAIT_MAX: Duration = Duration::from_micros(250);

/// How the last commit went. Times are since the start of the hub.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    pub(super) ended_at: Duration,
    pub(super) took: Duration,
    /// How many replies it released.
    pub(super) replies: usize,
}

impl Pace {
    /// Without it, of a crowd of which each member has one request under way, the first to come
    /// back would have a commit of its own, and all others would wait for that one to end. A wait
    /// is no longer than that commit would have been, and nobody waits who is alone.
    pub(super) fn is_worth_waiting(&self, now: Duration, gathered: usize) -> bool {
        let is_most = gathered * 4 >= self.replies * 3;
        self.replies >= CROWD && !is_most && now < self.ended_at + self.took.min(WAIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICRO: Duration = Duration::from_micros(1);

    #[test]
    fn a_crowd_is_waited_for_until_most_are_back_or_a_commit_would_have_been_done() {
        let after_a_crowd = Pace {
            ended_at: 1000 * MICRO,
            took: 100 * MICRO,
            replies: 64,
        };
        assert!(after_a_crowd.is_worth_waiting(1010 * MICRO, 1));
        assert!(after_a_crowd.is_worth_waiting(1099 * MICRO, 47));
        assert!(!after_a_crowd.is_worth_waiting(1010 * MICRO, 48));
        assert!(!after_a_crowd.is_worth_waiting(1100 * MICRO, 1));
    }

    #[test]
    fn a_slow_disk_makes_nobody_wait_for_long() {
        let after_a_stall = Pace {
            ended_at: 1000 * MICRO,
            took: 1_000_000 * MICRO,
            replies: 64,
        };
        assert!(!after_a_stall.is_worth_waiting(1250 * MICRO, 1));
    }

    #[test]
    fn nobody_waits_who_is_alone() {
        let after_a_few = Pace {
            ended_at: 1000 * MICRO,
            took: 100 * MICRO,
            replies: CROWD - 1,
        };
        assert!(!after_a_few.is_worth_waiting(1001 * MICRO, 1));
        assert!(!Pace::default().is_worth_waiting(MICRO, 1));
    }
}
