//! Whether the next commit is worth waiting for.

use std::time::Duration;

/// Replies of one commit from which on those who got them are taken for a crowd that comes back.
const CROWD: usize = 8;

/// The longest that is waited for a crowd: a few times what it takes a request to go round on a
/// local network.
const WAIT_MAX: Duration = Duration::from_micros(250);

/// Commits without a wait after a crowd did not come back, at first and at the most.
const PATIENCE: (u32, u32) = (4, 1024);

/// After a commit, how long the thread stays awake for the next: to be woken takes as long as half
/// of a sync.
const AWAKE: Duration = Duration::from_micros(200);

/// A commit that took longer than this is not for a thread that has other things to do.
const QUICK: Duration = Duration::from_millis(1);

/// How the last commit went, and whether waiting was worth it. Times are since the start of the hub.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    ended_at: Duration,
    took: Duration,
    /// How many replies it released.
    replies: usize,
    /// The commit after it came soon enough to stay awake for.
    is_brisk: bool,
    /// Commits that are not waited for, for now.
    skip: u32,
    /// How many they will be the next time that a crowd does not come back.
    skip_next: u32,
}

impl Pace {
    /// Of a crowd of which each member has one request under way, the first to come back would have
    /// a commit of its own, and all others would wait for that one to end. A wait is no longer than
    /// that commit would have been; nobody waits who is alone, and a crowd that goes its own ways is
    /// waited for ever more seldom.
    pub(super) fn is_worth_waiting(&self, now: Duration, gathered: usize) -> bool {
        let until = self.ended_at + self.took.min(WAIT_MAX);
        self.skip == 0 && self.replies >= CROWD && !self.is_most(gathered) && now < until
    }

    /// Whether it is no crowd that commits, to a disk that is quick.
    pub(super) fn is_quiet(&self, gathered: usize) -> bool {
        self.replies.max(gathered) < CROWD && self.took < QUICK
    }

    /// Whether to stay awake, with nothing to do.
    pub(super) fn is_worth_staying_awake(&self, now: Duration) -> bool {
        self.is_brisk && now < self.ended_at + AWAKE
    }

    /// A commit begins, with the requests of so many replies gathered.
    pub(super) fn begins(&mut self, now: Duration, gathered: usize) {
        self.is_brisk = now < self.ended_at + AWAKE * 2;
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.replies >= CROWD {
            let (first, last) = PATIENCE;
            if self.is_most(gathered) {
                self.skip_next = first;
            } else {
                self.skip = self.skip_next.max(first);
                self.skip_next = (self.skip * 2).min(last);
            }
        }
    }

    /// It has ended.
    pub(super) fn ended(&mut self, now: Duration, took: Duration, replies: usize) {
        (self.ended_at, self.took, self.replies) = (now, took, replies);
    }

    /// It is ready, and somebody else waits for its end: this thread goes on at once.
    pub(super) fn goes_on(&mut self, now: Duration, replies: usize) {
        self.ended(now, Duration::ZERO, replies);
    }

    fn is_most(&self, gathered: usize) -> bool {
        gathered * 4 >= self.replies * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICRO: Duration = Duration::from_micros(1);

    fn after(replies: usize, took: Duration) -> Pace {
        let mut pace = Pace::default();
        pace.begins(1000 * MICRO - took, replies);
        pace.ended(1000 * MICRO, took, replies);
        pace
    }

    #[test]
    fn a_crowd_is_waited_for_until_most_are_back_or_a_commit_would_have_been_done() {
        let after_a_crowd = after(64, 100 * MICRO);
        assert!(after_a_crowd.is_worth_waiting(1010 * MICRO, 1));
        assert!(after_a_crowd.is_worth_waiting(1099 * MICRO, 47));
        assert!(!after_a_crowd.is_worth_waiting(1010 * MICRO, 48));
        assert!(!after_a_crowd.is_worth_waiting(1100 * MICRO, 1));
    }

    #[test]
    fn a_slow_disk_makes_nobody_wait_for_long() {
        let after_a_stall = after(64, 900 * MICRO);
        assert!(!after_a_stall.is_worth_waiting(1250 * MICRO, 1));
    }

    #[test]
    fn nobody_waits_who_is_alone() {
        let after_a_few = after(CROWD - 1, 100 * MICRO);
        assert!(!after_a_few.is_worth_waiting(1001 * MICRO, 1));
        assert!(!Pace::default().is_worth_waiting(MICRO, 1));
    }

    #[test]
    fn a_crowd_that_goes_its_own_ways_is_waited_for_ever_more_seldom() {
        let mut pace = after(64, 100 * MICRO);
        let (mut waits, mut now) = (Vec::new(), 1000 * MICRO);
        for commit in 0..100 {
            if pace.is_worth_waiting(now, 1) {
                waits.push(commit);
            }
            pace.begins(now, 20);
            now += 100 * MICRO;
            pace.ended(now, 100 * MICRO, 20);
        }
        // Twenty of twenty have come back each time that it looked again but the first.
        assert_eq!(waits[..2], [0, 5], "{waits:?}");
        let mut pace = after(64, 100 * MICRO);
        let mut waits = 0;
        for _ in 0..1000 {
            waits += u32::from(pace.is_worth_waiting(pace.ended_at, 1));
            pace.begins(pace.ended_at, 10);
            pace.ended(pace.ended_at, 100 * MICRO, 64);
        }
        assert!(waits < 10, "{waits}");
    }

    #[test]
    fn who_works_briskly_stays_awake_for_a_moment() {
        let mut pace = after(1, 100 * MICRO);
        pace.begins(1150 * MICRO, 1);
        pace.ended(1250 * MICRO, 100 * MICRO, 1);
        assert!(pace.is_worth_staying_awake(1300 * MICRO));
        assert!(!pace.is_worth_staying_awake(1450 * MICRO));
        pace.begins(9000 * MICRO, 1);
        pace.ended(9100 * MICRO, 100 * MICRO, 1);
        assert!(!pace.is_worth_staying_awake(9101 * MICRO));
    }
}
