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

pub(crate) use clock::Clock;
pub(crate) use disk::Disk;
pub(crate) use freeze::Freeze;
pub(crate) use kill::Kill;
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
