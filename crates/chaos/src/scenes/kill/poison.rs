//! Tasks that kill every node that takes them, until they are dead of it.

use std::{fmt, time::Duration};

use leasehold_judge::counted;

use crate::{dice::Dice, nemesis::Step};

/// By then the first of them is there.
const FIRST: (u64, u64) = (1_500, 2_500);

/// From some to the next.
const PAUSE: (u64, u64) = (6_000, 10_000);

/// So long they take to die, with a back-off as short as a scene has it: none but the first come so
/// late that a run would be longer for them.
const LAST: Duration = Duration::from_secs(6);

/// These are enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Poison {
    pub(crate) tasks: u64,
    /// Their own budget: the others outlive many a death, for they share their nodes with these. From
    /// the third on in a row, by default, they are suspects.
    pub(crate) losses_max: u32,
    /// How long a node has them before it dies.
    pub(crate) rest: Duration,
}

impl fmt::Display for Poison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tasks, kill) = (
            counted(self.tasks, "task"),
            if self.tasks == 1 { "kills" } else { "kill" },
        );
        write!(
            f,
            "poison: {tasks} that {kill} each node after {:?}, until dead of {} losses",
            self.rest, self.losses_max
        )
    }
}

pub(super) fn draw(dice: &mut Dice, length: Duration) -> Vec<Step<Poison>> {
    let mut at = dice.millis(FIRST.0, FIRST.1);
    let mut steps = Vec::new();
    while at < length && (steps.is_empty() || at + LAST <= length) {
        let act = Poison {
            tasks: 1 + dice.below(2),
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
        for tasks in [1, 2] {
            assert!(steps.iter().any(|step| step.act.tasks == tasks), "{tasks}");
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
