//! The clock on the wall is set forward and back by hours, while the hub runs and while it is down:
//! no lease ends, no schedule fires twice, and none is left out.

mod wall;
mod witness;

use std::{fmt, time::Duration};

use crate::{
    cast::Cast,
    dice::Dice,
    error::{ChaosError, Unplayed},
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
};
use wall::Wall;
use witness::Witness;

/// So far the clock goes from the true time, either way. Set back by more than a day, it would be
/// believed to have been wrong before.
const FAR_MS: u64 = 11 * HOUR_MS;
const HOUR_MS: u64 = 3_600_000;

/// Where it ends: farther ahead than ever, so that all that it showed has been.
const AT_LAST_MS: i64 = 13 * HOUR_MS.cast_signed();

/// Sets clocks.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Wall,
    witness: Witness,
}

/// The clock is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Schedules are put, before all else.
    Begin,
    /// So far from the true time.
    Set {
        /// In milliseconds.
        ahead_ms: i64,
        /// While the hub is down, after a `kill -9`.
        is_down: bool,
    },
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin => f.write_str("put a schedule for each minute and one for each hour"),
            Self::Set { ahead_ms, is_down } => {
                write!(f, "set the hub's clock to {}", offset(*ahead_ms))?;
                f.write_str(if *is_down { " while it is down" } else { "" })
            }
        }
    }
}

/// As in `+3h05m`.
fn offset(ahead_ms: i64) -> String {
    let sign = if ahead_ms < 0 { '-' } else { '+' };
    let minutes = ahead_ms.unsigned_abs() / 60_000;
    format!("{sign}{}h{:02}m", minutes / 60, minutes % 60)
}

impl Clock {
    /// Compiles what it takes.
    pub(crate) fn prepare() -> Result<Self, Unplayed> {
        Ok(Self {
            wall: Wall::build()?,
            witness: Witness::default(),
        })
    }

    fn set_clock(&self, stage: &Stage, ahead_ms: i64) -> Result<(), ChaosError> {
        let detail = offset(ahead_ms);
        stage.fault("clock set", Who::Hub, &detail, Duration::ZERO);
        let set = self.wall.set(ahead_ms);
        set.map_err(ChaosError::io("set the clock"))
    }
}

impl Nemesis for Clock {
    type Act = Setting;
    const NAME: &'static str = "clock";
    const ENOUGH: Duration = Duration::from_secs(3);

    /// What ends by time lasts longer than the run, but for a clock that is set; and what has ended
    /// is remembered for longer than all hours that it is set by.
    fn set(&mut self, cast: &mut Cast) {
        self.wall.hang(cast);
        cast.knob("POOL_DEFAULTS_LEASE", "10m");
        cast.knob("POOL_DEFAULTS_RESTART_GRACE", "10m");
        cast.knob("SESSION_SILENCE_AFTER", "2m");
        cast.knob("POOL_DEFAULTS_COMPLETED_KEPT_FOR", "1000d");
        cast.knob("POOL_DEFAULTS_DEAD_KEPT_FOR", "1000d");
    }

    fn draw(&mut self, _: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Setting>> {
        let mut steps = vec![Step {
            at: Duration::from_millis(500),
            act: Setting::Begin,
        }];
        let mut at = Duration::from_secs(2);
        while at < length {
            let far = i64::try_from(dice.below(2 * FAR_MS + 1)).unwrap_or(0);
            let act = Setting::Set {
                ahead_ms: far - FAR_MS.cast_signed(),
                is_down: dice.chance(400),
            };
            steps.push(Step { at, act });
            // Some stay for long enough to be seen by a hub that looks every ten seconds.
            at += if dice.chance(350) {
                dice.millis(11_000, 13_000)
            } else {
                dice.millis(500, 3_000)
            };
        }
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Setting) -> Result<(), ChaosError> {
        match act {
            Setting::Begin => self.witness.put(stage).await,
            Setting::Set {
                ahead_ms,
                is_down: false,
            } => self.set_clock(stage, *ahead_ms),
            Setting::Set {
                ahead_ms,
                is_down: true,
            } => {
                stage.kill(&[Who::Hub]).await?;
                self.set_clock(stage, *ahead_ms)?;
                stage.start_all(&[Who::Hub]).await
            }
        }
    }

    async fn relent(&mut self, stage: &mut Stage) -> Result<(), ChaosError> {
        let set_ahead = || self.set_clock(stage, AT_LAST_MS);
        self.witness.watch(stage, set_ahead).await?;
        self.witness.testify(stage).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_sets_clocks_both_ways_and_never_back_by_a_day() {
        let mut seen = [false; 4];
        for seed in 1..20 {
            let length = Duration::from_secs(60);
            let mut clock = Clock::prepare().expect("there is a C compiler");
            let draw =
                |clock: &mut Clock| clock.draw(&Cast::default(), &mut Dice::new(seed), length);
            let steps = draw(&mut clock);
            assert_eq!(steps, draw(&mut clock));
            assert_eq!(steps[0].act, Setting::Begin);
            for step in &steps[1..] {
                let Setting::Set { ahead_ms, is_down } = step.act else {
                    panic!("{step:?}");
                };
                assert!(ahead_ms.unsigned_abs() <= FAR_MS);
                seen[usize::from(is_down) * 2 + usize::from(ahead_ms < 0)] = true;
            }
        }
        assert_eq!(seen, [true; 4]);
    }

    #[test]
    fn an_offset_is_told_in_hours() {
        assert_eq!(offset(3 * 3_600_000 + 5 * 60_000), "+3h05m");
        assert_eq!(offset(-90 * 60_000), "-1h30m");
    }
}
