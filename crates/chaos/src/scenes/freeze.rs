//! SIGSTOP of nodes and of the hub, for a moment or for longer than silence is borne, and SIGCONT.
//! Beside them one who answers under stale leases again and again.

use std::{fmt, time::Duration};

use crate::{
    cast::Cast,
    dice::Dice,
    error::ChaosError,
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
};

/// SIGSTOP.
#[derive(Debug)]
pub(crate) struct Freeze;

/// These stand still together, for so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Freezing {
    whom: Vec<Who>,
    length: Duration,
}

impl fmt::Display for Freezing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.whom.iter().map(ToString::to_string).collect();
        write!(f, "freeze {} for {:?}", names.join(" "), self.length)
    }
}

impl Nemesis for Freeze {
    type Act = Freezing;
    const NAME: &'static str = "freeze";
    const ENOUGH: Duration = Duration::from_secs(3);
    const IS_FOR_ANY_HUB: bool = true;

    fn set(&mut self, cast: &mut Cast) {
        cast.holders = 1;
    }

    fn draw(&mut self, cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Freezing>> {
        let mut at = Duration::from_secs(2);
        let mut steps = Vec::new();
        while at < length {
            let act = one(cast, dice);
            let pause = act.length + dice.millis(800, 3_000);
            steps.push(Step { at, act });
            at += pause;
        }
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Freezing) -> Result<(), ChaosError> {
        stage.freeze(&act.whom).await;
        tokio::time::sleep(act.length).await;
        stage.thaw(&act.whom);
        Ok(())
    }
}

fn one(cast: &Cast, dice: &mut Dice) -> Freezing {
    let silence = cast.terms.silence_after_ms;
    let whom = match dice.below(10) {
        0..=3 => vec![dice.pick(&cast.all_nodes())],
        4..=5 => dice.some(&cast.all_nodes()),
        6 => vec![dice.pick(&cast.all_producers())],
        7..=8 => vec![Who::Hub],
        _ => {
            let mut whom = dice.some(&cast.all_nodes());
            whom.push(Who::Hub);
            whom
        }
    };
    let whom = cast.ours(whom);
    // A blink, or longer than anybody waits; and a node long enough to see its tasks move in time.
    let length = if dice.chance(300) {
        dice.millis(50, silence / 2)
    } else if whom == [Who::Hub] {
        dice.millis(silence + silence / 5, 2 * silence)
    } else {
        dice.millis(silence + 3_500, silence + 5_000)
    };
    Freezing { whom, length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_one_schedule_with_freezes_past_all_patience() {
        let draw = |seed| {
            let length = Duration::from_secs(60);
            Freeze.draw(&Cast::default(), &mut Dice::new(seed), length)
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let silence = Duration::from_millis(Cast::default().terms.silence_after_ms);
        let acts: Vec<Freezing> = (1..20).flat_map(draw).map(|step| step.act).collect();
        for who in [Who::Hub, Who::Node(2)] {
            let is_long = |act: &Freezing| act.whom.contains(&who) && act.length > silence;
            assert!(acts.iter().any(is_long), "{who} is frozen for moments only");
        }
    }
}
