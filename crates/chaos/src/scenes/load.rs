//! Ten times what the hub can take, thousands of sessions at once, one that does not read what it
//! asked for, one that claims and never answers: refused with a clear answer what is too much,
//! memory within a bound, and the pool of everybody else goes on.

mod figures;
mod flood;
mod hoarder;
mod reader;
mod storm;

use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{
    cast::Cast,
    dice::Dice,
    error::ChaosError,
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
};
use figures::Figures;

/// Sessions that try to connect, and how many the hub holds.
const SESSIONS: usize = 5_000;
const SESSIONS_MAX: usize = 2_000;

/// What the pool of the flood holds, and the sessions that flood it.
const TASKS_MAX: u64 = 2_000;
const FLOODERS: usize = 8;

/// What the hub may take of memory in all, in MiB: half as much again as was measured on a machine
/// whose processors are all busy (195 MiB with 2,000 sessions and eight that send as fast as they
/// can, a third of it before the first load). The 500 MiB that one session asks for and does not
/// read do not fit, nor do eight read buffers that grow.
const MEMORY_MIB: u64 = 300;

/// The share of its usual work that a pool must get done whose neighbours are flooded, in percent.
/// On an idle machine it is near 100; here the flood itself takes the processors, too.
const SHARE_PERCENT: u64 = 10;

/// How soon a new session is served after it is over; at once, on a machine that is not busy.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// Of what is too much, there are so many.
const KINDS: u32 = 4;

/// When the first is too much.
const FIRST_AT: Duration = Duration::from_secs(3);

/// Each of the four needs three seconds; it is what `docs/CHAOS.md` says.
const LEAST: Duration = Duration::from_secs(15);

/// Far more than the hub can take.
#[derive(Debug, Default)]
pub(crate) struct Load {
    figures: Option<Figures>,
}

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loading {
    Flood { length: Duration },
    Storm { sessions: usize },
    SlowReader { length: Duration },
    Hoarder { length: Duration },
}

impl fmt::Display for Loading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flood { length } => write!(
                f,
                "{FLOODERS} producers enqueue as fast as they can for {length:?}, into a pool for \
                 {TASKS_MAX} tasks"
            ),
            Self::Storm { sessions } => write!(
                f,
                "{sessions} sessions connect at once, to a hub for {SESSIONS_MAX}"
            ),
            Self::SlowReader { length } => {
                write!(f, "one asks for 500 MiB and does not read for {length:?}")
            }
            Self::Hoarder { length } => {
                write!(
                    f,
                    "one claims 100 tasks and says nothing of them for {length:?}"
                )
            }
        }
    }
}

impl Nemesis for Load {
    type Act = Loading;
    const NAME: &'static str = "load";
    const ENOUGH: Duration = LEAST;

    fn set(&mut self, cast: &mut Cast) {
        cast.knob("HUB_SESSIONS_MAX", &SESSIONS_MAX.to_string());
        cast.knob("SESSION_FRAME_BYTES_MAX", "2MiB");
        cast.knob("SESSION_BYTES_MAX", "2MiB");
    }

    /// Each of the four once at the least, and in any order.
    fn draw(&mut self, _: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Loading>> {
        let mut at = FIRST_AT;
        // So that four have room; of a long run it is no bound.
        let pause_max = length.saturating_sub(FIRST_AT) / KINDS;
        let mut left = Vec::new();
        let mut steps = Vec::new();
        while at < length {
            if left.is_empty() {
                left = kinds(dice, pause_max);
            }
            let number = usize::try_from(dice.below(left.len() as u64)).unwrap_or(0);
            let act = left.swap_remove(number);
            steps.push(Step { at, act });
            at += dice.millis(4_000, 7_000).min(pause_max);
        }
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Loading) -> Result<(), ChaosError> {
        if self.figures.is_none() {
            let figures = Figures::begin(stage).await?;
            let (tasks, kept) = (format!("tasks_max={TASKS_MAX}"), "completed_kept_max=1");
            stage
                .run(&["pool", "create", "flood", &tasks, kept])
                .await?;
            self.figures = Some(figures);
        }
        let began = Instant::now();
        match *act {
            Loading::Flood { length } => flood::flood(stage, length).await?,
            Loading::Storm { sessions } => storm::storm(stage, sessions).await,
            Loading::SlowReader { length } => reader::read_slowly(stage, length).await?,
            Loading::Hoarder { length } => hoarder::hoard(stage, length).await?,
        }
        if let Some(figures) = &mut self.figures {
            figures.loaded(began.elapsed());
        }
        figures::served(stage).await;
        figures::memory(stage, stage.pid(Who::Hub));
        Ok(())
    }

    async fn relent(&mut self, stage: &mut Stage) -> Result<(), ChaosError> {
        if let Some(figures) = &self.figures {
            figures.share(stage)?;
        }
        Ok(())
    }
}

fn kinds(dice: &mut Dice, length_max: Duration) -> Vec<Loading> {
    let length = dice.millis(2_000, 4_000).min(length_max);
    vec![
        Loading::Flood { length },
        Loading::Storm { sessions: SESSIONS },
        Loading::SlowReader { length },
        Loading::Hoarder { length },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_one_schedule_with_all_that_there_is_within_its_length() {
        for (seed, length) in (1..20).flat_map(|seed| [(seed, LEAST), (seed, LEAST * 4)]) {
            let draw = |seed| Load::default().draw(&Cast::default(), &mut Dice::new(seed), length);
            let steps = draw(seed);
            assert_eq!(steps, draw(seed));
            assert_ne!(steps, draw(seed + 1));
            let kinds: std::collections::BTreeSet<_> = steps
                .iter()
                .map(|step| step.act.to_string().split(' ').nth(1).map(str::to_owned))
                .collect();
            assert_eq!(kinds.len(), 4, "{kinds:?}");
            assert!(steps.iter().all(|step| step.at < length), "{steps:?}");
        }
    }
}
