//! A hub goes on with a store that an earlier release left, under load and killed again and again:
//! what the release left is there to the end. With a program of an earlier release, that one runs
//! first, and today's takes its store over in the middle of the run.

mod recordings;

use std::{fmt, time::Duration};

use tempfile::TempDir;

use crate::{
    args::SceneArgs,
    cast::Cast,
    dice::Dice,
    error::{ChaosError, Unplayed},
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
};
use recordings::{ALL, Recording};

/// Upgrades.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// What an earlier release left; none where the program of one is at hand.
    left: Option<(Recording, TempDir)>,
    data: Option<std::path::PathBuf>,
}

/// What is done to the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upgrading {
    /// `kill -9`, and the same program again.
    Again,
    /// `kill -9`, and today's program.
    Today,
    /// The end in good order, and today's program.
    InOrder,
}

impl fmt::Display for Upgrading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Again => "kill -9 hub, and start it again",
            Self::Today => "kill -9 hub, and start this version on its store",
            Self::InOrder => "end the hub in good order, and start this version on its store",
        })
    }
}

impl Upgrade {
    /// Which store is upgraded is drawn from the seed. Where there is a program of an earlier
    /// release, it makes its own.
    pub(crate) fn prepare(args: &SceneArgs) -> Result<Self, Unplayed> {
        let seed = args.seed.unwrap_or_default();
        Self::new(seed, args.hub_program.is_some())
    }

    fn new(seed: u64, has_program: bool) -> Result<Self, Unplayed> {
        if has_program {
            let (left, data) = (None, None);
            return Ok(Self { left, data });
        }
        let count = ALL.len() as u64;
        let recording = ALL[usize::try_from(seed % count).unwrap_or(0)];
        let (folder, data) = recording.unpack()?;
        Ok(Self {
            left: Some((recording, folder)),
            data: Some(data),
        })
    }

    async fn change(stage: &mut Stage, act: &Upgrading) -> Result<(), ChaosError> {
        match act {
            Upgrading::Again | Upgrading::Today => stage.kill(&[Who::Hub]).await?,
            Upgrading::InOrder => stage.ask_to_end(&[Who::Hub]).await?,
        }
        if *act != Upgrading::Again && stage.cast.hub_program.take().is_some() {
            stage.fault("upgrade", Who::Hub, &act.to_string(), Duration::ZERO);
        }
        stage.start_all(&[Who::Hub]).await
    }
}

impl Nemesis for Upgrade {
    type Act = Upgrading;
    const NAME: &'static str = "upgrade";
    const ENOUGH: Duration = Duration::from_secs(3);

    fn set(&mut self, cast: &mut Cast) {
        // What was recorded long ago is not forgotten for its age.
        cast.knob("POOL_DEFAULTS_COMPLETED_KEPT_FOR", "3650d");
        cast.knob("POOL_DEFAULTS_DEAD_KEPT_FOR", "3650d");
        if let Some((recording, _)) = &self.left {
            // The lease of whoever was at work then is of no run, and stays as it is.
            cast.knob("POOL_DEFAULTS_RESTART_GRACE", "10m");
            cast.knob("STORE_ENGINE", recording.engine);
            cast.hub_data.clone_from(&self.data);
        } else {
            // The log of an earlier release says less than the judge reads in it, and half a log
            // would be half a truth: so what nodes and producers saw is judged alone.
            cast.env("RUST_LOG", "warn");
        }
    }

    fn draw(&mut self, _: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Upgrading>> {
        let mut at = Duration::from_secs(2);
        let mut steps = Vec::new();
        let middle = length / 2;
        let mut is_today = false;
        while at < length {
            let act = if is_today || at < middle {
                Upgrading::Again
            } else if dice.chance(500) {
                Upgrading::Today
            } else {
                Upgrading::InOrder
            };
            is_today |= act != Upgrading::Again;
            steps.push(Step { at, act });
            at += dice.millis(1_000, 4_000);
        }
        end_in_order(&mut steps, length);
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Upgrading) -> Result<(), ChaosError> {
        Self::change(stage, act).await
    }

    async fn relent(&mut self, stage: &mut Stage) -> Result<(), ChaosError> {
        let Some((recording, folder)) = &mut self.left else {
            return Ok(());
        };
        let (count, wrong) = recording.differences(stage).await?;
        let name = recording.name;
        stage.fault("upgrade", Who::Hub, name, Duration::ZERO);
        let promise = "what an earlier release left is there";
        if wrong.is_empty() {
            let seen = format!("all {count} tasks of a store of {name}");
            stage.checked(promise, true, seen);
        } else {
            folder.disable_cleanup(true);
            let (wrong, path) = (wrong.join("; "), folder.path().display());
            let seen = format!("of {name} {wrong}; the store is kept in {path}");
            stage.checked(promise, false, seen);
        }
        Ok(())
    }
}

/// What a deployment does is done in each run, whatever the seed and the length: in place of the last
/// kill, or after all else.
fn end_in_order(steps: &mut Vec<Step<Upgrading>>, length: Duration) {
    let is = |of: Upgrading| move |step: &Step<Upgrading>| step.act == of;
    if steps.iter().any(is(Upgrading::InOrder)) {
        return;
    }
    let is_today = steps.iter().any(is(Upgrading::Today));
    match steps.last_mut() {
        Some(last) if is_today && last.act == Upgrading::Again => last.act = Upgrading::InOrder,
        last => {
            let before = last.map_or(Duration::ZERO, |last| last.at);
            steps.push(Step {
                at: before + length.saturating_sub(before) / 2,
                act: Upgrading::InOrder,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_upgrades_and_ends_the_hub_in_order_whatever_the_seed_and_length() {
        let mut firsts = [0; 2];
        for (seed, seconds) in (0..40).flat_map(|seed| [3, 4, 5, 8, 40].map(|of| (seed, of))) {
            let mut upgrade = Upgrade::new(seed, true).unwrap();
            let length = Duration::from_secs(seconds);
            let steps = upgrade.draw(&Cast::default(), &mut Dice::new(seed), length);
            let first = steps.iter().find(|step| step.act != Upgrading::Again);
            let first = first.unwrap_or_else(|| panic!("{seed}, {length:?}: {steps:?}"));
            assert!(first.at >= length / 2, "{seed}, {length:?}: {steps:?}");
            firsts[usize::from(first.act == Upgrading::InOrder)] += 1;
            let is_in_order = |step: &Step<Upgrading>| step.act == Upgrading::InOrder;
            assert!(
                steps.iter().any(is_in_order),
                "{seed}, {length:?}: {steps:?}"
            );
            assert!(steps.iter().all(|step| step.at < length), "{steps:?}");
            assert!(steps.is_sorted_by_key(|step| step.at), "{steps:?}");
        }
        assert!(
            firsts.iter().all(|count| *count > 0),
            "it is killed, too: {firsts:?}"
        );
    }

    #[test]
    fn every_recording_is_drawn_and_unpacks() {
        for seed in 0..5 {
            let upgrade = Upgrade::new(seed, false).unwrap();
            assert!(upgrade.data.unwrap().join("LEASEHOLD").exists());
        }
    }
}
