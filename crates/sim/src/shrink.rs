//! A failing world made smaller, until what is left can be read.
//!
//! Everything that a world does of its own free will (a node that produces, claims, lies; a fault;
//! a commit that fails) can be left out without changing the chance of the rest. So delta debugging
//! (Zeller, Hildebrandt 2002) finds few of them that still break the same rule.

use std::{collections::BTreeSet, fmt};

use leasehold_core::time::millis;

use crate::{
    Report, Trial,
    chance::{Less, Step},
    live,
    world::BEGINNING,
};

/// Worlds that are tried for one story, at the most.
const TRIES_MAX: u32 = 1_500;

/// A failing world, made small.
#[derive(Debug)]
pub struct Shrunk {
    /// What is left of it.
    pub report: Report,
    /// What was done of free will, before and after.
    pub steps: (usize, usize),
    /// Worlds that were tried.
    pub tries: u32,
}

/// Makes the world of this seed as small as it gets while it breaks the same rule; none if it
/// breaks none.
#[must_use]
pub fn shrink(seed: u64, trial: Trial) -> Option<Shrunk> {
    let report = live(seed, trial, Less::default());
    let rule = report.violation.as_ref()?.rule();
    let before = report.taken.len();
    let less = Less {
        steps: Some(report.taken.iter().copied().collect()),
        ..Less::default()
    };
    let mut hunt = Hunt {
        seed,
        trial,
        rule,
        less,
        report,
        tries: 0,
    };
    for _ in 0..2 {
        hunt.simplify();
        hunt.leave_out();
        hunt.end_the_war();
    }
    hunt.leave_out();
    let steps = (before, hunt.report.taken.len());
    Some(Shrunk {
        report: hunt.report,
        steps,
        tries: hunt.tries,
    })
}

#[derive(Debug)]
struct Hunt {
    seed: u64,
    trial: Trial,
    rule: String,
    /// The smallest world yet.
    less: Less,
    report: Report,
    tries: u32,
}

impl Hunt {
    /// Whether this world breaks the rule as well; then it is the smallest yet.
    fn still_fails(&mut self, less: Less) -> bool {
        self.tries += 1;
        let report = live(self.seed, self.trial, less.clone());
        let rule = report.violation.as_ref().map(crate::Violation::rule);
        let fails = rule.as_ref() == Some(&self.rule);
        if fails {
            // What was not done after all is not asked for again.
            let steps = report.taken.iter().copied().collect();
            self.less = Less {
                steps: Some(steps),
                ..less
            };
            self.report = report;
        }
        fails
    }

    fn simplify(&mut self) {
        let simpler: [fn(&mut Less); 5] = [
            |less| less.is_prompt = true,
            |less| less.is_fine = true,
            |less| less.is_single = true,
            |less| less.is_plain = true,
            |less| less.is_at_once = true,
        ];
        for make in simpler {
            let mut less = self.less.clone();
            make(&mut less);
            self.still_fails(less);
        }
    }

    /// After the last thing that matters there may be peace.
    fn end_the_war(&mut self) {
        for rest_ms in [1, 500, 3_000] {
            let last = self.steps().last().map_or(BEGINNING, |step| step.at());
            let war_ms = millis(last.since(BEGINNING)) + rest_ms;
            let is_shorter = self.less.war_ms.is_none_or(|before| war_ms < before);
            let less = Less {
                war_ms: Some(war_ms),
                ..self.less.clone()
            };
            if is_shorter && self.still_fails(less) {
                return;
            }
        }
    }

    /// Tries to leave out ever smaller parts of what is left.
    fn leave_out(&mut self) {
        let mut part = self.steps().len().div_ceil(2).max(1);
        loop {
            let found = self.leave_out_parts_of(part);
            if self.tries > TRIES_MAX || (part == 1 && !found) {
                return;
            }
            if part > 1 {
                part = part.div_ceil(2);
            }
        }
    }

    /// From the end: what came last matters least to the rest.
    fn leave_out_parts_of(&mut self, length: usize) -> bool {
        let mut found = false;
        let mut end = self.steps().len();
        while end > 0 && self.tries <= TRIES_MAX {
            let from = end.saturating_sub(length);
            let steps = self.steps();
            let left = steps[..from].iter().chain(&steps[end.min(steps.len())..]);
            let less = Less {
                steps: Some(left.copied().collect()),
                ..self.less.clone()
            };
            found |= self.still_fails(less);
            end = from.min(self.steps().len());
        }
        found
    }

    /// In the order of time.
    fn steps(&self) -> Vec<Step> {
        let steps = self.less.steps.iter().flatten();
        let mut by_time: Vec<Step> = steps
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        by_time.sort_by_key(|step| step.at());
        by_time
    }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(violation) = &self.report.violation else {
            return write!(f, "nothing is wrong");
        };
        let (before, after) = self.steps;
        let seed = self.report.seed;
        writeln!(
            f,
            "seed {seed} in short: {after} steps of {before} are enough. Seconds since the beginning:"
        )?;
        write!(f, "{}", self.report.story)?;
        write!(f, "VIOLATED: {}", violation.what)
    }
}
