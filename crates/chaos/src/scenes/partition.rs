//! Real partitions: everybody but the hub in a network namespace of its own, and cables that the
//! kernel loses packets on.

use std::{collections::BTreeMap, fmt, process::Command, time::Duration};

use crate::{
    cast::Cast,
    dice::Dice,
    error::{ChaosError, Unplayed},
    nemesis::{Nemesis, Step, Who},
    proxy::Way,
    spaces::{Rain, Spaces},
    stage::Stage,
};

/// A knob that lets a hub listen where others reach it, of hubs that want to be asked.
const OPEN_TO_ALL: &str = "open_to_all";

/// Namespaces, and who is in which.
#[derive(Debug)]
pub(crate) struct Partition {
    spaces: Spaces,
    places: BTreeMap<Who, usize>,
}

/// Something happens to these cables for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    whom: Vec<Who>,
    kind: Kind,
    lasts: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lost(Way),
    Unplugged,
    Rain(Rain),
}

impl Kind {
    /// As it is counted.
    const fn name(self) -> &'static str {
        match self {
            Self::Lost(Way::Both) => "partition",
            Self::Lost(Way::Up | Way::Down) => "one-way loss",
            Self::Unplugged => "cable pulled",
            Self::Rain(_) => "bad line",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(way) => write!(f, "packets are lost, {way}"),
            Self::Unplugged => f.write_str("the cable is pulled"),
            Self::Rain(rain) => write!(
                f,
                "{}% of packets lost, {}% double, {}% out of order, {}ms late",
                rain.loss_percent, rain.duplicate_percent, rain.reorder_percent, rain.delay_ms
            ),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.whom.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{}: {}, for {:?}",
            names.join(" "),
            self.kind,
            self.lasts
        )
    }
}

impl Partition {
    /// What it takes, or why this machine does not allow it.
    pub(crate) fn prepare() -> Result<Self, Unplayed> {
        let cast = Cast::default();
        let parts = parts(&cast);
        Ok(Self {
            spaces: Spaces::make(parts.len()).map_err(Unplayed::PassedOver)?,
            places: parts.into_iter().zip(1..).collect(),
        })
    }

    fn begin(&self, trouble: &Trouble) -> Result<(), String> {
        self.each(&trouble.whom, |place| match trouble.kind {
            Kind::Lost(way) => self.spaces.lose(place, way),
            Kind::Unplugged => self.spaces.plug(place, false),
            Kind::Rain(rain) => self.spaces.rain(place, Some(rain)),
        })
    }

    fn end(&self, trouble: &Trouble) -> Result<(), String> {
        self.each(&trouble.whom, |place| match trouble.kind {
            Kind::Lost(_) => self.spaces.mend(place),
            Kind::Unplugged => self.spaces.plug(place, true),
            Kind::Rain(_) => self.spaces.rain(place, None),
        })
    }

    fn each(
        &self,
        whom: &[Who],
        change: impl Fn(usize) -> Result<(), String>,
    ) -> Result<(), String> {
        let places = whom.iter().filter_map(|who| self.places.get(who));
        places.copied().try_for_each(change)
    }

    fn kind(dice: &mut Dice, has_netem: bool) -> Kind {
        match dice.below(if has_netem { 10 } else { 7 }) {
            0..=2 => Kind::Lost(Way::Both),
            3..=5 => Kind::Lost(dice.pick(&[Way::Up, Way::Down])),
            6 => Kind::Unplugged,
            _ => Kind::Rain(Rain {
                loss_percent: dice.below(30),
                delay_ms: dice.below(200),
                duplicate_percent: dice.below(20),
                reorder_percent: dice.below(30),
            }),
        }
    }
}

impl Nemesis for Partition {
    type Act = Trouble;
    const NAME: &'static str = "partition";
    const ENOUGH: Duration = Duration::from_secs(3);

    fn set(&mut self, cast: &mut Cast) {
        cast.hub_ip = self.spaces.hub();
        for (who, place) in &self.places {
            cast.before.insert(*who, self.spaces.before(*place));
        }
        if wants_to_be_asked() {
            cast.knob("HUB_OPEN_TO_ALL", "true");
        }
    }

    fn draw(&mut self, cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Trouble>> {
        draw(cast, dice, length, self.spaces.has_netem())
    }

    async fn act(&mut self, stage: &mut Stage, act: &Trouble) -> Result<(), ChaosError> {
        for who in &act.whom {
            let detail = act.kind.to_string();
            stage.fault(act.kind.name(), who, &detail, act.lasts);
        }
        let failed = |why| ChaosError::failed("part the network", why);
        self.begin(act).map_err(failed)?;
        tokio::time::sleep(act.lasts).await;
        self.end(act).map_err(failed)
    }
}

fn parts(cast: &Cast) -> Vec<Who> {
    let producers = cast.all_producers();
    cast.all_nodes().into_iter().chain(producers).collect()
}

fn draw(cast: &Cast, dice: &mut Dice, length: Duration, has_netem: bool) -> Vec<Step<Trouble>> {
    let all = parts(cast);
    let mut at = Duration::from_secs(1);
    let mut steps = Vec::new();
    while at < length {
        let whom = if dice.chance(500) {
            vec![dice.pick(&all)]
        } else {
            dice.some(&all)
        };
        let act = Trouble {
            whom,
            kind: Partition::kind(dice, has_netem),
            // From less than a heartbeat to more than silence, and than a repetition of TCP.
            lasts: dice.millis(100, 6_000),
        };
        let pause = act.lasts + dice.millis(200, 1_500);
        steps.push(Step { at, act });
        at += pause;
    }
    steps
}

/// Whether this program's hub does not listen where others reach it unless it is told to.
fn wants_to_be_asked() -> bool {
    let Ok(program) = std::env::current_exe() else {
        return false;
    };
    let told = Command::new(program)
        .args(["hub", "--print-config"])
        .output();
    told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains(OPEN_TO_ALL))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_draws_one_schedule_of_what_the_machine_can_do() {
        let cast = Cast::default();
        let draw = |seed, has_netem| {
            draw(
                &cast,
                &mut Dice::new(seed),
                Duration::from_secs(60),
                has_netem,
            )
        };
        assert_eq!(draw(1, true), draw(1, true));
        assert_ne!(draw(1, true), draw(2, true));
        let names = |has_netem| {
            let steps = (0..9).flat_map(move |seed| draw(seed, has_netem));
            steps
                .map(|step| step.act.kind.name())
                .collect::<BTreeSet<_>>()
        };
        let plain = ["cable pulled", "one-way loss", "partition"];
        assert!(names(false).iter().eq(&plain));
        assert_eq!(names(true).len(), 4);
    }
}
