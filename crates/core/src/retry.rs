//! How long a task waits before it runs again.

use core::time::Duration;

use crate::{
    BackOff, TaskId,
    id::{GAMMA, scramble},
    time::millis,
};

impl BackOff {
    /// The wait before the attempt that follows the `failures`-th failure, counted from 1. The
    /// longest is `base × factor^(failures-1)`, at most `cap`; the jitter's share of that is drawn.
    ///
    /// The jitter is a hash of the task and the count, so it needs no randomness, differs between
    /// tasks that failed together, and is the same in every replay (a share of half is "equal
    /// jitter" in Brooker's "Exponential Backoff And Jitter", 2015).
    #[must_use]
    pub fn after(&self, task: TaskId, failures: u32) -> Duration {
        let longest = self.longest(failures);
        let least = percent(longest, 100_u32.saturating_sub(self.jitter_percent));
        let jitter = match (longest - least).checked_add(1) {
            Some(choices) => hash(task, failures) % choices,
            None => hash(task, failures),
        };
        Duration::from_millis(least + jitter)
    }

    /// In milliseconds.
    fn longest(&self, failures: u32) -> u64 {
        let cap = millis(self.cap);
        let mut wait = millis(self.base).min(cap);
        for _ in 1..failures {
            let longer = percent(wait, self.factor_percent).min(cap);
            if longer == wait {
                break;
            }
            wait = longer;
        }
        wait
    }
}

/// So much of it, rounded down.
fn percent(of: u64, percent: u32) -> u64 {
    let part = u128::from(of) * u128::from(percent) / 100;
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// `SplitMix64` (Steele, Lea, Flood 2014) over the id and the count.
fn hash(task: TaskId, failures: u32) -> u64 {
    let id = task.as_u128();
    let folded = u64::try_from(id >> 64).unwrap_or(0)
        ^ u64::try_from(id & u128::from(u64::MAX)).unwrap_or(0);
    scramble(folded.wrapping_add(u64::from(failures).wrapping_mul(GAMMA)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_differ_between_tasks() {
        let back_off = BackOff {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(10),
            ..BackOff::default()
        };
        for (failures, longest) in [
            (1, 1000),
            (2, 2000),
            (3, 4000),
            (4, 8000),
            (5, 10_000),
            (99, 10_000),
        ] {
            let wait = millis(back_off.after(TaskId::from_u128(7), failures));
            assert!(
                (longest / 2..=longest).contains(&wait),
                "{failures}: {wait}"
            );
        }
        let of = |id| back_off.after(TaskId::from_u128(id), 5);
        assert!((1..50).any(|id| of(id) != of(0)));
        assert_eq!(of(3), of(3));
    }

    #[test]
    fn a_base_of_zero_waits_not_at_all() {
        let back_off = BackOff {
            base: Duration::ZERO,
            cap: Duration::from_secs(10),
            ..BackOff::default()
        };
        assert_eq!(back_off.after(TaskId::from_u128(1), 3), Duration::ZERO);
    }

    /// What a store and a log of yesterday say is what a task does today.
    #[test]
    fn the_defaults_wait_as_they_always_did() {
        let waits = (1..=10).map(|n| millis(BackOff::default().after(TaskId::from_u128(7), n)));
        assert_eq!(
            waits.collect::<alloc::vec::Vec<_>>(),
            [
                779, 1451, 3515, 7131, 10_770, 21_812, 59_310, 111_824, 238_687, 205_525
            ]
        );
    }

    fn exact(factor_percent: u32, cap: Duration) -> BackOff {
        BackOff {
            base: Duration::from_millis(1500),
            cap,
            factor_percent,
            jitter_percent: 0,
        }
    }

    fn waits(back_off: BackOff) -> [u64; 4] {
        [1, 2, 3, 1_000_000].map(|n| millis(back_off.after(TaskId::from_u128(7), n)))
    }

    #[test]
    fn without_jitter_a_wait_is_exact() {
        let cap = Duration::from_secs(60);
        assert_eq!(waits(exact(300, cap)), [1500, 4500, 13_500, 60_000]);
        assert_eq!(waits(exact(150, cap)), [1500, 2250, 3375, 60_000]);
        assert_eq!(waits(exact(1000, cap)), [1500, 15_000, 60_000, 60_000]);
    }

    #[test]
    fn a_factor_of_a_hundred_percent_is_always_the_same_wait() {
        assert_eq!(waits(exact(100, Duration::from_secs(60))), [1500; 4]);
        assert_eq!(waits(exact(100, Duration::from_secs(1))), [1000; 4]);
    }

    #[test]
    fn the_share_of_jitter_is_all_that_is_drawn() {
        for (share, least) in [(10, 54_000), (50, 30_000), (100, 0)] {
            let back_off = BackOff {
                jitter_percent: share,
                ..exact(100, Duration::MAX)
            };
            let back_off = BackOff {
                base: Duration::from_secs(60),
                ..back_off
            };
            let of = |id| millis(back_off.after(TaskId::from_u128(id), 1));
            let drawn: alloc::collections::BTreeSet<_> = (0..500).map(of).collect();
            assert!(drawn.iter().all(|wait| (least..=60_000).contains(wait)));
            let spread = drawn.last().unwrap() - drawn.first().unwrap();
            assert!(spread * 10 > (60_000 - least) * 9, "{share}: {spread}");
        }
    }

    #[test]
    fn the_greatest_values_do_not_overflow() {
        let back_off = BackOff {
            base: Duration::MAX,
            cap: Duration::MAX,
            factor_percent: u32::MAX,
            jitter_percent: u32::MAX,
        };
        assert!(back_off.after(TaskId::from_u128(7), u32::MAX) <= Duration::MAX);
    }
}
