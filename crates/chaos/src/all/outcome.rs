//! What came of each scene, and of all of them.

use std::fmt::Write;

use leasehold_judge::{Summary, table};

/// What came of a scene.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was played and judged.
    Judged(Summary),
    /// This machine does not allow it, and why.
    PassedOver(String),
    /// It could not be played to the end, and what it said last.
    Failed(String),
}

/// All scenes, by name.
#[derive(Debug, Default)]
pub(super) struct Outcomes(Vec<(&'static str, Outcome)>);

impl Outcomes {
    pub(super) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.0.push((name, outcome));
    }

    /// Whether nothing is wrong; what a machine does not allow is not.
    pub(super) fn is_clean(&self) -> bool {
        self.broken().is_empty() && self.failed().is_empty()
    }

    /// A line for each that was played, and after them one for each that was not.
    pub(super) fn table(&self) -> String {
        let summaries = self.0.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Judged(summary) => Some(summary.clone()),
            Outcome::PassedOver(_) | Outcome::Failed(_) => None,
        });
        let mut text = table(&summaries.collect::<Vec<_>>());
        let width = self.0.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or_default().max("scene".len());
        for (name, outcome) in &self.0 {
            let why = match outcome {
                Outcome::Judged(_) => continue,
                Outcome::PassedOver(why) => format!("passed over: {why}"),
                Outcome::Failed(why) => format!("could not be played: {why}"),
            };
            // Writing to a string does not fail.
            _ = writeln!(text, "{name:<width$}  {why}");
        }
        text
    }

    /// The last line.
    pub(super) fn verdict(&self) -> String {
        let (broken, failed, passed_over) = (self.broken(), self.failed(), self.passed_over());
        let mut parts = Vec::new();
        if !broken.is_empty() {
            let broken = broken.join(", ");
            parts.push(format!("NOT all promises were kept: {broken}; see above"));
        } else if failed.len() + passed_over.len() < self.0.len() {
            parts.push("all promises were kept".to_owned());
        }
        if !failed.is_empty() {
            parts.push(format!(
                "NOT every scene could be played: {}",
                failed.join(", ")
            ));
        }
        if !passed_over.is_empty() {
            parts.push(format!(
                "{} of {} scenes were not played: {}",
                passed_over.len(),
                self.0.len(),
                passed_over.join(", ")
            ));
        }
        parts.join("; ")
    }

    fn broken(&self) -> Vec<String> {
        self.each(|outcome| match outcome {
            Outcome::Judged(summary) if summary.violations > 0 => Some(None),
            Outcome::Judged(_) | Outcome::PassedOver(_) | Outcome::Failed(_) => None,
        })
    }

    fn failed(&self) -> Vec<String> {
        self.each(|outcome| match outcome {
            Outcome::Failed(why) => Some(Some(why)),
            Outcome::Judged(_) | Outcome::PassedOver(_) => None,
        })
    }

    fn passed_over(&self) -> Vec<String> {
        self.each(|outcome| match outcome {
            Outcome::PassedOver(why) => Some(Some(in_short(why))),
            Outcome::Judged(_) | Outcome::Failed(_) => None,
        })
    }

    /// The names of those that it picks, and why.
    fn each<'a>(&'a self, pick: impl Fn(&'a Outcome) -> Option<Option<&'a str>>) -> Vec<String> {
        let picked = self.0.iter().filter_map(|(name, outcome)| {
            let why = pick(outcome)?;
            Some(why.map_or_else(|| (*name).to_owned(), |why| format!("{name} ({why})")))
        });
        picked.collect()
    }
}

/// Without what would help.
fn in_short(why: &str) -> &str {
    why.split(" (").next().unwrap_or(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(violations: u64) -> Outcome {
        Outcome::Judged(Summary {
            scene: "kill".to_owned(),
            violations,
            ..Summary::default()
        })
    }

    fn without(help: &str) -> Outcome {
        Outcome::PassedOver(format!("no cc{help}"))
    }

    #[test]
    fn what_was_not_played_is_told_apart_from_what_was_broken() {
        let mut all = Outcomes::default();
        all.add("kill", judged(0));
        assert_eq!(all.verdict(), "all promises were kept");
        all.add("clock", without(" (install it)"));
        all.add("power-cut", without(""));
        let kept = "all promises were kept; 2 of 3 scenes were not played: clock (no cc), power-cut \
                    (no cc)";
        assert_eq!(all.verdict(), kept);
        assert!(all.is_clean());
        let table = all.table();
        let rows: Vec<&str> = table.lines().skip(3).collect();
        assert_eq!(
            rows,
            [
                "clock      passed over: no cc (install it)",
                "power-cut  passed over: no cc"
            ]
        );
        all.add("disk", Outcome::Failed("failed to x: y".to_owned()));
        assert!(!all.is_clean());
        assert!(
            all.verdict()
                .contains("NOT every scene could be played: disk (failed to x: y)")
        );
        all.add("freeze", judged(1));
        let verdict = all.verdict();
        assert!(
            verdict.starts_with("NOT all promises were kept: freeze;"),
            "{verdict}"
        );
    }

    #[test]
    fn where_nothing_was_played_nothing_was_kept() {
        let mut all = Outcomes::default();
        all.add("clock", without(""));
        assert_eq!(
            all.verdict(),
            "1 of 1 scenes were not played: clock (no cc)"
        );
    }
}
