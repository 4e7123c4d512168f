//! Ids as producers draw them: UUIDs of version 7, which begin with the time.

use std::time::{Duration, UNIX_EPOCH};

use leasehold_core::TaskId;

use crate::Stamp;

/// Nanoseconds of a millisecond.
const MILLI: u64 = 1_000_000;

/// A source of ids.
#[derive(Debug)]
pub(super) struct Ids {
    /// When stamps began to count, in milliseconds since 1970.
    origin_ms: u64,
    random: u64,
}

impl Ids {
    pub(super) fn new() -> Self {
        // About the right time is all that is wanted: it gives ids their order.
        let now = UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(0);
        Self {
            origin_ms: now_ms.saturating_sub(Stamp::now().as_nanos() / MILLI),
            random: rand::random::<u64>() | 1,
        }
    }

    /// An id of a task of this time.
    pub(super) fn next(&mut self, task: Stamp) -> TaskId {
        let ms = self.origin_ms + task.as_nanos() / MILLI;
        let (first, second) = (self.draw(), self.draw());
        let high = (ms << 16) | 0x7000 | (first & 0x0FFF);
        let low = (second >> 2) | (1 << 63);
        TaskId::from_u128((u128::from(high) << 64) | u128::from(low))
    }

    /// xorshift64* (Vigna 2016).
    fn draw(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_differ_and_begin_with_the_time() {
        let mut ids = Ids::new();
        let drawn: BTreeSet<_> = (0..10_000)
            .map(|at| ids.next(Stamp::from_nanos(at * MILLI)))
            .collect();
        assert_eq!(drawn.len(), 10_000);
        let times: Vec<_> = drawn.iter().map(|id| id.as_u128() >> 80).collect();
        assert_eq!(times[9_999] - times[0], 9_999);
        assert!(drawn.iter().all(|id| (id.as_u128() >> 76) & 0xF == 7));
    }
}
