//! What a scene is.

use std::{fmt, io, net::SocketAddr, time::Duration};

use crate::{cast::Cast, dice::Dice, error::ChaosError, stage::Stage};

/// One process on stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Who {
    Hub,
    /// From 1.
    Node(usize),
    /// From 1.
    Producer(usize),
    /// One that claims, falls silent, and answers when its leases are stale. From 1.
    Holder(usize),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub => f.write_str("hub"),
            Self::Node(number) => write!(f, "node-{number}"),
            Self::Producer(number) => write!(f, "producer-{number}"),
            Self::Holder(number) => write!(f, "holder-{number}"),
        }
    }
}

/// Something that is done, and when: so long after the beginning, or when what is before it is
/// done, whichever is later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step<A> {
    pub(crate) at: Duration,
    pub(crate) act: A,
}

/// Who does it. All but `draw` and `act` may be left as they are.
pub(crate) trait Nemesis {
    /// What may be done, told to people as it is printed.
    type Act: fmt::Display;

    /// As it is called on the command line.
    const NAME: &'static str;

    /// The shortest run in which it does what it is there for, whatever the seed.
    const ENOUGH: Duration;

    /// Whether it can be played at a hub that somebody else has started.
    const IS_FOR_ANY_HUB: bool = false;

    /// Who is on stage, and how the hub is set.
    fn set(&mut self, _cast: &mut Cast) {}

    /// The way of a process to the hub: asked once for each, before it is first started. What is
    /// between them is up to the nemesis.
    fn link(&mut self, _who: Who, hub: SocketAddr) -> impl Future<Output = io::Result<SocketAddr>> {
        async move { Ok(hub) }
    }

    /// The schedule: a pure function of the dice, so that a seed replays it.
    fn draw(&mut self, cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Self::Act>>;

    /// Does it. Killing and freezing by the stage are recorded by it; what else is wrong is to be
    /// told to [`Stage::fault`].
    fn act(
        &mut self,
        stage: &mut Stage,
        act: &Self::Act,
    ) -> impl Future<Output = Result<(), ChaosError>>;

    /// Takes back all that is still wrong. The stage thaws and starts whoever is frozen or gone
    /// after that.
    fn relent(&mut self, _stage: &mut Stage) -> impl Future<Output = Result<(), ChaosError>> {
        async { Ok(()) }
    }
}
