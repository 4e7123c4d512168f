//! What is to be said of counts beside a baseline.

use std::{collections::BTreeSet, fmt};

use super::{Baseline, Counts, baseline::BASELINE};

/// How far a count may be above the baseline, in percent.
///
/// Chance needs little of it: measured, core and wire give the same count to the instruction, the
/// store within 0.05 %, on an idle machine, on a busy one and after a clean build. The rest is for
/// what a compiler makes of code that did not change when its neighbours do.
const TOLERANCE_PERCENT: f64 = 3.0;

/// Whether a count is no more than the baseline allows.
pub(crate) fn is_within(now: f64, before: Option<f64>) -> bool {
    before.is_some_and(|before| percent(now, before) <= TOLERANCE_PERCENT)
}

fn percent(now: f64, before: f64) -> f64 {
    (now - before) / before * 100.0
}

/// All paths, and what became of them.
#[derive(Debug)]
pub(crate) struct Verdict {
    rows: Vec<Row>,
    /// What the baseline was made with and what these counts were, if they differ.
    other_machine: Option<(String, String)>,
}

#[derive(Debug)]
struct Row {
    name: String,
    now: Option<f64>,
    before: Option<f64>,
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Same,
    Faster,
    Slower,
    /// The baseline does not know it.
    New,
    /// The baseline knows it, and nothing else does.
    Gone,
}

impl Verdict {
    pub(crate) fn of(counts: &Counts, baseline: &Baseline, machine: &str) -> Self {
        let names: BTreeSet<_> = counts.keys().chain(baseline.counts.keys()).collect();
        let row = |name: &String| Row {
            name: name.clone(),
            now: counts.get(name).copied(),
            before: baseline.counts.get(name).copied(),
        };
        let is_other = !baseline.machine.is_empty() && baseline.machine != machine;
        Self {
            rows: names.into_iter().map(row).collect(),
            other_machine: is_other.then(|| (baseline.machine.clone(), machine.to_owned())),
        }
    }

    /// Whether no path is slower, and the baseline knows all and no others.
    pub(crate) fn is_good(&self) -> bool {
        let is_good = |row: &Row| matches!(row.finding(), Finding::Same | Finding::Faster);
        self.rows.iter().all(is_good)
    }

    /// Only the figures.
    pub(crate) fn table(&self) -> String {
        let head = format!(
            "{:32} {:>12} {:>12} {:>9} {:>8}\n",
            "instructions of one operation", "now", "baseline", "change", "at most"
        );
        let rows = self.rows.iter().map(Row::to_string);
        head + &rows.collect::<Vec<_>>().join("\n")
    }

    fn count(&self, finding: Finding) -> usize {
        let is_it = |row: &&Row| row.finding() == finding;
        self.rows.iter().filter(is_it).count()
    }
}

impl Row {
    fn finding(&self) -> Finding {
        match (self.now, self.before) {
            (_, None) => Finding::New,
            (None, Some(_)) => Finding::Gone,
            (Some(now), Some(before)) => match percent(now, before) {
                change if change > TOLERANCE_PERCENT => Finding::Slower,
                change if change < -TOLERANCE_PERCENT => Finding::Faster,
                _ => Finding::Same,
            },
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = |count: Option<f64>| count.map_or("-".into(), |count| format!("{count:.1}"));
        let change = self.now.zip(self.before);
        let change = change.map_or("-".into(), |(now, before)| {
            format!("{:+.1} %", percent(now, before))
        });
        let Self { name, now, before } = self;
        write!(
            f,
            "{name:32} {:>12} {:>12} {change:>9} {:>8}{}",
            figure(*now),
            figure(*before),
            format!("+{TOLERANCE_PERCENT} %"),
            self.finding().note()
        )
    }
}

impl Finding {
    const fn note(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Faster => "  faster",
            Self::Slower => "  SLOWER",
            Self::New => "  NEW",
            Self::Gone => "  GONE",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table())?;
        if let Some((before, now)) = &self.other_machine {
            writeln!(f, "\nThe baseline was made with {before}.")?;
            writeln!(f, "This is {now}: counts may differ for that alone.")?;
        }
        if !self.is_good() {
            let slower = self.count(Finding::Slower);
            let other = self.count(Finding::New) + self.count(Finding::Gone);
            write!(
                f,
                "\n{slower} of {} paths take more instructions than the baseline allows, and {other} \
                 are in one of the two only. `callgrind_annotate target/count/PATH.out` tells where \
                 they go. If it is meant, run `scripts/count --accept`, and commit {BASELINE} with \
                 the reason.",
                self.rows.len()
            )
        } else if self.count(Finding::Faster) > 0 {
            write!(
                f,
                "\nFaster than the baseline: hold it with `scripts/count --accept`, or the next \
                 slow-down hides in the difference."
            )
        } else {
            write!(
                f,
                "\nNo path takes more instructions than the baseline allows."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, f64)]) -> Counts {
        of.iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    fn verdict(now: &[(&str, f64)], before: &[(&str, f64)]) -> Verdict {
        let baseline = Baseline {
            machine: "here".to_owned(),
            counts: counts(before),
        };
        Verdict::of(&counts(now), &baseline, "here")
    }

    #[test]
    fn what_is_slower_is_refused_and_told_how_to_accept() {
        let verdict = verdict(&[("a", 103.1), ("b", 1.0)], &[("a", 100.0), ("b", 1.0)]);
        assert!(!verdict.is_good());
        let told = verdict.to_string();
        assert!(told.contains("+3.1 %"), "{told}");
        assert!(told.contains("1 of 2 paths take more"), "{told}");
        assert!(told.contains("scripts/count --accept"), "{told}");
    }

    #[test]
    fn what_is_within_the_tolerance_is_good() {
        assert!(verdict(&[("a", 103.0)], &[("a", 100.0)]).is_good());
        assert!(is_within(103.0, Some(100.0)));
        assert!(!is_within(103.1, Some(100.0)));
        assert!(!is_within(1.0, None));
    }

    #[test]
    fn what_is_faster_is_good_and_told() {
        let verdict = verdict(&[("a", 90.0)], &[("a", 100.0)]);
        assert!(verdict.is_good());
        assert!(verdict.to_string().contains("Faster than the baseline"));
    }

    #[test]
    fn paths_and_baseline_must_name_the_same() {
        assert!(!verdict(&[("a", 1.0), ("b", 1.0)], &[("a", 1.0)]).is_good());
        assert!(!verdict(&[("a", 1.0)], &[("a", 1.0), ("b", 1.0)]).is_good());
        let told = verdict(&[("a", 1.0)], &[("b", 1.0)]).to_string();
        assert!(told.contains("NEW") && told.contains("GONE"), "{told}");
    }

    #[test]
    fn another_compiler_is_told() {
        let baseline = Baseline {
            machine: "rustc 1".to_owned(),
            counts: counts(&[("a", 1.0)]),
        };
        let told = Verdict::of(&baseline.counts, &baseline, "rustc 2").to_string();
        assert!(told.contains("made with rustc 1"), "{told}");
    }
}
