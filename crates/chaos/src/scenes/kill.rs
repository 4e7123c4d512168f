//! `kill -9` of the hub, of nodes, of producers: one, several, in storms.

use std::{fmt, time::Duration};

use crate::{
    cast::Cast,
    dice::Dice,
    error::ChaosError,
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
};

/// `kill -9`.
#[derive(Debug)]
pub(crate) struct Kill;

/// These are killed together, again and again, and started after so long each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Killing {
    whom: Vec<Who>,
    times: u32,
    away: Duration,
}

impl fmt::Display for Killing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.whom.iter().map(ToString::to_string).collect();
        write!(f, "kill -9 {}", names.join(" "))?;
        if self.times > 1 {
            write!(f, ", {} times", self.times)?;
        }
        write!(f, "; back after {:?}", self.away)
    }
}

impl Nemesis for Kill {
    type Act = Killing;
    const NAME: &'static str = "kill";
    const ENOUGH: Duration = Duration::from_secs(3);
    const IS_FOR_ANY_HUB: bool = true;

    fn draw(&mut self, cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Killing>> {
        let mut at = Duration::from_secs(2);
        let mut steps = Vec::new();
        while at < length {
            let (act, pause) = one(cast, dice);
            steps.push(Step { at, act });
            at += pause;
        }
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Killing) -> Result<(), ChaosError> {
        for _ in 0..act.times {
            stage.kill(&act.whom).await?;
            tokio::time::sleep(act.away).await;
            stage.start_all(&act.whom).await?;
        }
        Ok(())
    }
}

/// What is done, and how long until the next: after the death of one node long enough to see
/// whether its tasks move in time.
fn one(cast: &Cast, dice: &mut Dice) -> (Killing, Duration) {
    let all: Vec<Who> = [Who::Hub]
        .into_iter()
        .chain(cast.all_nodes())
        .chain(cast.all_producers())
        .collect();
    let (whom, times, pause) = match dice.below(10) {
        0..=3 => (
            vec![dice.pick(&cast.all_nodes())],
            1,
            dice.millis(4_500, 6_000),
        ),
        4 => (
            vec![dice.pick(&cast.all_producers())],
            1,
            dice.millis(300, 1_000),
        ),
        5..=6 => (vec![Who::Hub], 1, dice.millis(1_000, 3_000)),
        7 => (dice.some(&all), 1, dice.millis(1_000, 3_000)),
        8 => (vec![Who::Hub], 2 + dice.below(3), dice.millis(2_000, 4_000)),
        _ => (
            dice.some(&all),
            2 + dice.below(3),
            dice.millis(2_000, 4_000),
        ),
    };
    let killing = Killing {
        whom: cast.ours(whom),
        times: u32::try_from(times).unwrap_or(1),
        away: dice.millis(0, 700),
    };
    (killing, pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_one_schedule() {
        let draw = |seed| {
            let length = Duration::from_secs(60);
            Kill.draw(&Cast::default(), &mut Dice::new(seed), length)
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let whom: Vec<Who> = (1..20)
            .flat_map(draw)
            .flat_map(|step| step.act.whom)
            .collect();
        for who in [Who::Hub, Who::Node(3), Who::Producer(2)] {
            assert!(whom.contains(&who), "nobody kills {who}");
        }
    }

    #[test]
    fn a_hub_of_somebody_else_is_not_said_to_be_killed() {
        let cast = Cast {
            is_hub_ours: false,
            ..Cast::default()
        };
        for seed in 1..20 {
            let length = Duration::from_secs(60);
            for step in Kill.draw(&cast, &mut Dice::new(seed), length) {
                let whom = &step.act.whom;
                assert!(
                    !whom.is_empty() && !whom.contains(&Who::Hub),
                    "{}",
                    step.act
                );
            }
        }
    }
}
