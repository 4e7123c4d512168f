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

mod describe;
mod features;
mod hub;
mod mutation;
mod network;
mod node;
mod oracle;
mod rng;
mod trace;
mod world;

use std::{collections::BTreeMap, fmt};

pub use features::{LIFE, LIMITS, LINKS, SCHEDULES, STOPS};
pub use mutation::Mutation;
pub use oracle::Violation;

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
}

/// Lives through the world of this seed, with or without a bug planted in it.
#[must_use]
pub fn run(seed: u64, bug: Option<Mutation>) -> Report {
    let mut world = world::World::new(seed, bug);
    let violation = world.run().err();
    let hub::Witness { oracle, trace } = world.witness;
    let story = violation
        .as_ref()
        .map_or_else(String::new, |violation| trace.story(violation.task));
    Report {
        seed,
        hash: trace.hash(),
        violation,
        story,
        lines: trace.into_lines(),
        figures: oracle.figures,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(violation) = &self.violation else {
            return write!(f, "seed {}: no objection", self.seed);
        };
        writeln!(f, "seed {}: {}", self.seed, violation.what)?;
        writeln!(f, "{}", self.story)?;
        write!(f, "all of it: cargo run -p leasehold-sim -- {}", self.seed)
    }
}
