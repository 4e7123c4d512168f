//! Tasks that kill every node that takes them, until they are dead of it.

use std::{fmt, time::Duration};

use crate::{dice::Dice, nemesis::Step};

/// By then the first of them is there.
const FIRST: (u64, u64) = (1_500, 2_500);

/// From some to the next.
const PAUSE: (u64, u64) = (4_000, 8_000);

/// So long it takes to die, with a back-off as short as a scene has it: none but the first come so
/// late that a run would be longer for them.
const LAST: Duration = Duration::from_secs(6);

/// One is enqueued: with two at a time a single node would be left, and what others held would have to
/// wait for room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Poison {
    /// Its own budget: the others outlive many a death, for they share their nodes with it. From the
    /// third loss on in a row, by default, it is a suspect.
    pub(crate) losses_max: u32,
    /// How long a node has it before it dies.
    pub(crate) rest: Duration,
}

impl fmt::Display for Poison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "poison: a task that kills each node after {:?}, until dead of {} losses",
            self.rest, self.losses_max
        )
    }
}

pub(super) fn draw(dice: &mut Dice, length: Duration) -> Vec<Step<Poison>> {
    let mut at = dice.millis(FIRST.0, FIRST.1);
    let mut steps = Vec::new();
    while at < length && (steps.is_empty() || at + LAST <= length) {
        let act = Poison {
            losses_max: if dice.chance(500) { 4 } else { 5 },
            rest: dice.millis(0, 150),
        };
        steps.push(Step { at, act });
        at += dice.millis(PAUSE.0, PAUSE.1);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_one_poison_and_none_so_late_that_a_run_is_longer_for_it() {
        let length = Duration::from_secs(60);
        let draw = |seed| draw(&mut Dice::new(seed), length);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let steps: Vec<_> = (1..20).flat_map(draw).collect();
        for losses in [4, 5] {
            let has = |step: &Step<Poison>| step.act.losses_max == losses;
            assert!(steps.iter().any(has), "{losses}");
        }
        assert!(steps.iter().all(|step| step.at + LAST <= length));
    }

    #[test]
    fn the_shortest_run_has_some() {
        for seed in 1..50 {
            let steps = draw(&mut Dice::new(seed), Duration::from_secs(3));
            assert_eq!(steps.len(), 1, "seed {seed}");
        }
    }
}
