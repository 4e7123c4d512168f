//! The verdict.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use crate::{
    History, Kind, Summary, Terms, Violation, answers, checked, ends, order, poison, replay,
    requeue::{self, began},
    story::stories,
    summary::{BY_A_TASK, POISON},
    twice,
    words::{counted, wrapped},
};

/// Violations of a kind that are told in full.
const TOLD: usize = 5;

/// What came of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In figures.
    pub summary: Summary,
    /// Each promise that was broken.
    pub violations: Vec<Violation>,
}

/// Judges a history.
#[must_use]
pub fn judge(history: &History) -> Verdict {
    let terms = began(history).map_or_else(Terms::default, |began| began.terms.clone());
    let stories = stories(history);
    let mut requeues = requeue::check(history, &terms, &stories);
    let mut violations = history.flaws.clone();
    violations.extend(checked::check(history));
    violations.extend(ends::check(&stories));
    violations.extend(answers::check(&stories));
    violations.extend(poison::check(history, &terms, &stories));
    violations.extend(twice::check(history, &stories));
    violations.extend(replay::check(history, &terms, &stories));
    let mut turns = order::check(history, &terms);
    violations.append(&mut turns.violations);
    violations.append(&mut requeues.violations);
    // What two sources show is one violation.
    let mut seen = std::collections::BTreeSet::new();
    violations.retain(|of| of.task.is_none() || seen.insert((of.kind, of.task.clone())));
    violations.sort_by_key(|violation| violation.kind);
    let summary = Summary {
        compared: turns.compared,
        ..Summary::of(history, &stories, &requeues, &violations)
    };
    Verdict {
        summary,
        violations,
    }
}

impl Verdict {
    /// Whether all promises were kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// How many of each kind.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<Kind, usize> {
        let mut kinds = BTreeMap::new();
        for violation in &self.violations {
            *kinds.entry(violation.kind).or_default() += 1;
        }
        kinds
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &self.summary;
        let faults: u64 = of.faults.values().sum();
        let head = format!(
            "{}, {} acknowledged, {} completed, {} dead by their budgets; {}, {} under stale leases \
             refused",
            counted(of.tasks, "task"),
            of.acknowledged,
            of.completed,
            of.dead,
            counted(faults, "fault"),
            counted(of.stale_refused, "answer")
        );
        writeln!(f, "{}", wrapped(&head))?;
        if self.is_clean() {
            return write!(f, "{}", wrapped(&kept(of)));
        }
        let were = if self.violations.len() == 1 {
            "was"
        } else {
            "were"
        };
        let promises = counted(self.violations.len() as u64, "promise");
        writeln!(f, "{promises} {were} BROKEN:")?;
        for (kind, count) in self.kinds() {
            writeln!(f, "  {}: {}", counted(count as u64, "time"), kind.title())?;
        }
        let mut told: BTreeMap<Kind, usize> = BTreeMap::new();
        for violation in &self.violations {
            let told = told.entry(violation.kind).or_default();
            *told += 1;
            if *told <= TOLD {
                write!(f, "\n{violation}\n")?;
            }
        }
        Ok(())
    }
}

/// What held, in words.
fn kept(of: &Summary) -> String {
    let mut text = String::from(
        "all promises were kept: every acknowledged task ended, and ended once; none completed \
         twice or under a stale lease; every acknowledged completion is there",
    );
    if of.changes > 0 {
        // Writing to a string does not fail.
        _ = write!(
            text,
            "; in the {} of the hub's log no task had two leases at once, and attempts and budgets are \
             as documented",
            counted(of.changes, "change")
        );
    }
    if of.compared > 0 {
        _ = write!(
            text,
            "; each of {} that left another task ready took the one whose turn it was",
            counted(of.compared, "grant")
        );
    }
    if let Some(poison) = of.faults.get(POISON) {
        let nodes = of.faults.get(BY_A_TASK).unwrap_or(&0);
        _ = write!(
            text,
            "; {} that killed {} in all died of it as they should, and others went on",
            counted(*poison, "task"),
            counted(*nodes, "node")
        );
    }
    if let Some(longest) = of.longest_requeue_ms {
        _ = write!(
            text,
            "; {} of dead nodes ran again, the last of them after {longest} ms",
            counted(of.moved, "task")
        );
    }
    text
}
