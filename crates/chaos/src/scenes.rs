//! The scenes.

mod clock;
mod disk;
mod freeze;
mod ground;
mod kill;
mod load;
mod network;
mod partition;
mod power_cut;
mod upgrade;

use std::time::Duration;

use crate::nemesis::Nemesis;

pub(crate) use clock::Clock;
pub(crate) use disk::Disk;
pub(crate) use freeze::Freeze;
pub(crate) use kill::{Kill, Poison};
pub(crate) use load::Load;
pub(crate) use network::Network;
pub(crate) use partition::Partition;
pub(crate) use power_cut::PowerCut;
pub(crate) use upgrade::Upgrade;

/// Why a scene is passed over that loads something before the hub.
const NO_COMPILER: &str = "no cc (Debian: apt-get install gcc libc6-dev)";

/// Of one that is played at a hub which is closed to strangers.
const CLOSED: &str = "-closed";

/// All that `chaos all` plays, as they are called on the command line, or so and `--closed`.
pub(crate) const ALL: [&str; 11] = [
    "kill",
    "freeze",
    "network",
    "network-closed",
    "partition",
    "disk",
    "power-cut",
    "power-cut-fjall",
    "clock",
    "load",
    "upgrade",
];

/// The shortest run of one of them in which it does what it is there for.
pub(crate) fn enough(told: &str) -> Duration {
    let name = words(told)[0];
    let known = [
        (Kill::NAME, Kill::ENOUGH),
        (Freeze::NAME, Freeze::ENOUGH),
        (Network::NAME, Network::ENOUGH),
        (Partition::NAME, Partition::ENOUGH),
        (Disk::NAME, Disk::ENOUGH),
        (PowerCut::<false>::NAME, PowerCut::<false>::ENOUGH),
        (PowerCut::<true>::NAME, PowerCut::<true>::ENOUGH),
        (Clock::NAME, Clock::ENOUGH),
        (Load::NAME, Load::ENOUGH),
        (Upgrade::NAME, Upgrade::ENOUGH),
    ];
    let found = known.iter().find(|(known, _)| *known == name);
    found.map_or(Duration::ZERO, |(_, enough)| *enough)
}

/// As it is told.
pub(crate) fn told(name: &str, is_closed: bool) -> String {
    let suffix = if is_closed { CLOSED } else { "" };
    format!("{name}{suffix}")
}

/// As the command line has it.
pub(crate) fn words(told: &str) -> Vec<&str> {
    match told.strip_suffix(CLOSED) {
        Some(name) => vec![name, "--closed"],
        None => vec![told],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cast::Cast, dice::Dice};

    #[test]
    fn every_scene_says_how_long_is_enough() {
        for name in ALL {
            assert!(enough(name) > Duration::ZERO, "{name}");
        }
    }

    #[test]
    fn what_is_enough_has_an_act_whatever_the_seed() {
        fn check<N: Nemesis>(mut nemesis: N) {
            for seed in 0..50 {
                let steps = nemesis.draw(&Cast::default(), &mut Dice::new(seed), N::ENOUGH);
                assert!(!steps.is_empty(), "{}, seed {seed}", N::NAME);
                assert!(steps.iter().all(|step| step.at < N::ENOUGH), "{}", N::NAME);
            }
        }
        check(Kill);
        check(Freeze);
        check(Network::default());
        check(Load::default());
    }
}
