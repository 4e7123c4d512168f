//! The deterministic simulator: the real core and its outbox over a faulty store, among nodes that
//! lie, die and come back, judged by an oracle that shares no code with the core.
//!
//! One seed is one world: [`run`] lives through it and says what the oracle objects to. The same
//! seed is the same world to the last line, for time is virtual, all chance comes from the seed,
//! and there is one thread. A [`Mutation`] plants a bug, to see that it is found.
//!
//! ```
//! let report = leasehold_sim::run(7, None);
//! assert_eq!(report.violation, None);
//! assert_eq!(report.hash, leasehold_sim::run(7, None).hash);
//! ```

mod chance;
mod clock;
mod describe;
mod features;
mod hub;
mod mutation;
mod network;
mod node;
mod oracle;
mod rng;
mod shrink;
mod trace;
mod world;

use std::{collections::BTreeMap, fmt};

pub use features::{LIFE, LIMITS, LINKS, SCHEDULES, STOPS};
pub use mutation::Mutation;
pub use oracle::Violation;
pub use shrink::{Shrunk, shrink};

use self::chance::{Less, Step};

/// What a world goes through beside what its seed has in store for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trial {
    /// A bug is planted in it.
    pub bug: Option<Mutation>,
    /// The hub dies at the commit of this number, from 1.
    pub crash_at: Option<(u64, Boundary)>,
}

/// Where in a commit the hub dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// When all was gathered, and nothing handed to the disk.
    Before,
    /// When the disk had it, and kept nothing.
    Lost,
    /// When it was durable, and before anybody heard.
    Durable,
    /// When the answers had left, and before they arrived.
    Answered,
}

impl Boundary {
    /// Every one there is.
    pub const ALL: [Self; 4] = [Self::Before, Self::Lost, Self::Durable, Self::Answered];

    const fn words(self) -> &'static str {
        match self {
            Self::Before => "before it is handed to the disk",
            Self::Lost => "while it is on its way, and the disk does not keep it",
            Self::Durable => "when it is durable, and before anybody hears",
            Self::Answered => "when the answers have left, and before they arrive",
        }
    }
}

/// What came of a seed.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Over all that happened, in order.
    pub hash: u64,
    /// What the oracle objects to, if it does.
    pub violation: Option<Violation>,
    /// The end of what happened to the task that suffered.
    pub story: String,
    /// All that happened.
    pub lines: Vec<String>,
    /// What was seen, and how often.
    pub figures: BTreeMap<String, u64>,
    /// Commits that the hub began.
    pub commits: u64,
    /// What was done of free will.
    taken: Vec<Step>,
}

/// Lives through the world of this seed, with or without a bug planted in it.
#[must_use]
pub fn run(seed: u64, bug: Option<Mutation>) -> Report {
    let crash_at = None;
    try_out(seed, Trial { bug, crash_at })
}

/// Lives through the world of this seed while it is tried so.
#[must_use]
pub fn try_out(seed: u64, trial: Trial) -> Report {
    live(seed, trial, Less::default())
}

fn live(seed: u64, trial: Trial, less: Less) -> Report {
    let is_less = less.steps.is_some();
    let mut world = world::World::new(seed, trial, less);
    let violation = world.run().err();
    let commits = world.commits();
    let world::World {
        witness, chance, ..
    } = world;
    let hub::Witness { oracle, trace } = witness;
    let story = match &violation {
        None => String::new(),
        Some(_) if is_less => trace.short_story(),
        Some(violation) => trace.story(violation.task),
    };
    Report {
        seed,
        hash: trace.hash(),
        violation,
        story,
        lines: trace.into_lines(),
        figures: oracle.figures,
        commits,
        taken: chance.taken(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(violation) = &self.violation else {
            return write!(f, "seed {}: no objection", self.seed);
        };
        writeln!(f, "seed {}: {}", self.seed, violation.what)?;
        writeln!(f, "{}", self.story)?;
        let how = "cargo run --release -p leasehold-sim --";
        writeln!(f, "all of it: {how} {}", self.seed)?;
        write!(f, "in short:  {how} --shrink {}", self.seed)
    }
}
