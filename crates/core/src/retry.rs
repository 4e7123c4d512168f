//! How long a task waits before it runs again.

use core::time::Duration;

use crate::{BackOff, TaskId, time::millis};

impl BackOff {
    /// The wait before the attempt that follows the `failures`-th failure, counted from 1: between
    /// half of and the whole of `base × 2^(failures-1)`, at most `cap`.
    ///
    /// The jitter is a hash of the task and the count, so it needs no randomness, differs between
    /// tasks that failed together, and is the same in every replay ("equal jitter" in Brooker's
    /// "Exponential Backoff And Jitter", 2015).
    #[must_use]
    pub fn after(&self, task: TaskId, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(63);
        let longest = millis(self.base)
            .saturating_mul(1 << doublings)
            .min(millis(self.cap));
        let half = longest / 2;
        let jitter = hash(task, failures) % (longest - half + 1);
        Duration::from_millis(half + jitter)
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014) over the id and the count.
fn hash(task: TaskId, failures: u32) -> u64 {
    let id = task.as_u128();
    let folded = u64::try_from(id >> 64).unwrap_or(0)
        ^ u64::try_from(id & u128::from(u64::MAX)).unwrap_or(0);
    let mut z = folded.wrapping_add(u64::from(failures).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
}
