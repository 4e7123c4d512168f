//! What is sent twice: a producer that does not trust an acknowledgement, or has forgotten it.

use std::time::Duration;

use crate::dice::Dice;

/// Right after the first was acknowledged, or so late that the hub may have died meanwhile and the
/// task may have ended: in milliseconds.
const SOON: u64 = 100;
const LATE: (u64, u64) = (500, 5_000);

/// How a task is sent for the second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Again {
    /// So long after the first was acknowledged.
    pub(super) after: Duration,
    /// Over a connection of its own.
    pub(super) is_elsewhere: bool,
}

impl Again {
    /// Of a thousand tasks so many are sent twice.
    pub(super) fn draw(per_mille: u64, dice: &mut Dice) -> Option<Self> {
        if !dice.chance(per_mille) {
            return None;
        }
        let after = if dice.chance(500) {
            dice.millis(0, SOON)
        } else {
            dice.millis(LATE.0, LATE.1)
        };
        let is_elsewhere = dice.chance(400);
        Some(Self {
            after,
            is_elsewhere,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_what_is_sent_twice_and_all_ways_of_it() {
        let draw = |seed, per_mille| {
            let mut dice = Dice::new(seed);
            (0..500)
                .map(|_| Again::draw(per_mille, &mut dice))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 100), draw(1, 100));
        assert_ne!(draw(1, 100), draw(2, 100));
        assert!(draw(1, 0).iter().all(Option::is_none));
        let drawn: Vec<Again> = draw(1, 100).into_iter().flatten().collect();
        assert!((20..100).contains(&drawn.len()), "{} of 500", drawn.len());
        for is_elsewhere in [true, false] {
            for is_late in [true, false] {
                let late = Duration::from_millis(LATE.0);
                let is = |again: &Again| {
                    again.is_elsewhere == is_elsewhere && (again.after >= late) == is_late
                };
                assert!(drawn.iter().any(is), "{is_elsewhere} {is_late}");
            }
        }
    }
}
