//! All chance of a world. What is drawn depends on the seed, on what it is for, on whom it is about
//! and on the moment, and on nothing that happened before: leave one thing out, and the rest of the
//! world goes on as it would have. That is what lets a failing world be made smaller.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_core::Timestamp;

use crate::rng::Rng;

/// What chance is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Site {
    Plan,
    Node,
    WakesAgain,
    Connect,
    SlowConnect,
    Produce,
    Work,
    Claim,
    Touch,
    Lie,
    Nonsense,
    Schedule,
    Govern,
    Repeat,
    Leave,
    Settle,
    Resume,
    Hear,
    ToHub,
    ToNode,
    Leak,
    EndTwice,
    Notice,
    CommitTakes,
    CommitFails,
    FaultAgain,
    Fault,
}

/// Something that a world does of its own free will, and might as well not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Step {
    site: Site,
    /// A node, or nobody.
    who: usize,
    at: Timestamp,
    /// Of those at this moment.
    nth: u32,
}

impl Step {
    pub(crate) const fn at(self) -> Timestamp {
        self.at
    }
}

/// How much smaller a world is than its seed makes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Less {
    /// Of free will only this is done; all, if there is none.
    pub(crate) steps: Option<BTreeSet<Step>>,
    /// Nothing is late, and no commit takes long.
    pub(crate) is_prompt: bool,
    /// One task at a time is produced and claimed.
    pub(crate) is_single: bool,
    /// Tasks and their completions are plain ones.
    pub(crate) is_plain: bool,
    /// Tasks have no delay.
    pub(crate) is_at_once: bool,
    /// Peace comes earlier, in milliseconds from the beginning.
    pub(crate) war_ms: Option<u64>,
    /// The clock of the world is read to the millisecond.
    pub(crate) is_fine: bool,
}

#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    less: Less,
    last: BTreeMap<(Site, usize), (Timestamp, u32)>,
    taken: Vec<Step>,
}

impl Chance {
    pub(crate) const fn new(seed: u64, less: Less) -> Self {
        Self {
            seed,
            less,
            last: BTreeMap::new(),
            taken: Vec::new(),
        }
    }

    pub(crate) const fn less(&self) -> &Less {
        &self.less
    }

    /// What was done of free will.
    pub(crate) fn taken(self) -> Vec<Step> {
        self.taken
    }

    /// Chance for something that happens in any case.
    pub(crate) fn draw(&mut self, at: Timestamp, site: Site, who: usize) -> Rng {
        let step = self.step(at, site, who);
        self.of(step)
    }

    /// Whether something that may happen, so often in a hundred times, does.
    pub(crate) fn happens(
        &mut self,
        at: Timestamp,
        site: Site,
        who: usize,
        percent: u64,
    ) -> Option<Rng> {
        let step = self.step(at, site, who);
        let mut rng = self.of(step);
        let happens = rng.chance(percent) && self.may(step);
        if happens {
            self.took(step);
        }
        happens.then_some(rng)
    }

    /// Something that somebody may do now.
    pub(crate) fn step(&mut self, at: Timestamp, site: Site, who: usize) -> Step {
        let last = self.last.entry((site, who)).or_default();
        *last = if last.0 == at {
            (at, last.1 + 1)
        } else {
            (at, 0)
        };
        let nth = last.1;
        Step { site, who, at, nth }
    }

    pub(crate) fn may(&self, step: Step) -> bool {
        let steps = self.less.steps.as_ref();
        steps.is_none_or(|steps| steps.contains(&step))
    }

    /// It was done.
    pub(crate) fn took(&mut self, step: Step) {
        self.taken.push(step);
    }

    pub(crate) fn of(&self, step: Step) -> Rng {
        let words = [
            step.site as u64,
            step.who as u64,
            step.at.as_millis(),
            step.nth.into(),
        ];
        let mut state = self.seed;
        for word in words {
            state = Rng::new(state ^ word.rotate_left(17)).next();
        }
        Rng::new(state)
    }
}
