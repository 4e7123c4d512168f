//! `kill -9` of the hub, of nodes, of producers: one, several, in storms. Beside it tasks that kill each
//! node that takes them, and producers that send some tasks twice.

mod poison;

use std::{fmt, time::Duration};

use crate::{
    cast::Cast,
    dice::Dice,
    error::ChaosError,
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
};

pub(crate) use poison::Poison;

/// So many tasks of a thousand are sent twice.
const TWICE: u64 = 80;

/// `kill -9`.
#[derive(Debug)]
pub(crate) struct Kill;

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Kill(Killing),
    Poison(Poison),
}

/// These are killed together, again and again, and started after so long each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Killing {
    whom: Vec<Who>,
    times: u32,
    away: Duration,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(killing) => killing.fmt(f),
            Self::Poison(poison) => poison.fmt(f),
        }
    }
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
    type Act = Act;
    const NAME: &'static str = "kill";
    const ENOUGH: Duration = Duration::from_secs(3);
    const IS_FOR_ANY_HUB: bool = true;

    fn set(&mut self, cast: &mut Cast) {
        cast.twice = TWICE;
    }

    fn draw(&mut self, cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Act>> {
        let mut at = Duration::from_secs(2);
        let mut steps = Vec::new();
        while at < length {
            let (act, pause) = one(cast, dice);
            let act = Act::Kill(act);
            steps.push(Step { at, act });
            at += pause;
        }
        let poison = poison::draw(&mut dice.fork(), length).into_iter();
        steps.extend(poison.map(|Step { at, act }| Step {
            at,
            act: Act::Poison(act),
        }));
        steps.sort_by_key(|step| step.at);
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Act) -> Result<(), ChaosError> {
        let killing = match act {
            Act::Kill(killing) => killing,
            Act::Poison(poison) => {
                stage.poison(poison).await;
                return Ok(());
            }
        };
        for _ in 0..killing.times {
            stage.kill(&killing.whom).await?;
            stage.pass(killing.away).await?;
            stage.start_all(&killing.whom).await?;
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

    fn killed(act: Act) -> Option<Vec<Who>> {
        match act {
            Act::Kill(killing) => Some(killing.whom),
            Act::Poison(_) => None,
        }
    }

    #[test]
    fn a_seed_draws_one_schedule() {
        let draw = |seed| {
            let length = Duration::from_secs(60);
            Kill.draw(&Cast::default(), &mut Dice::new(seed), length)
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let acts = || (1..20).flat_map(draw).map(|step| step.act);
        let whom: Vec<Who> = acts().filter_map(killed).flatten().collect();
        assert!(acts().any(|act| matches!(act, Act::Poison(_))));
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
                let whom = killed(step.act.clone());
                let is_fit = |whom: &Vec<Who>| !whom.is_empty() && !whom.contains(&Who::Hub);
                assert!(whom.as_ref().is_none_or(is_fit), "{}", step.act);
            }
        }
    }
}
