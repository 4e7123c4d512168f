//! The baseline, as it stands in the repository: a line a path.

use std::fmt;

use super::Counts;

/// From the root of the repository.
pub(crate) const BASELINE: &str = "crates/count/baseline.txt";

/// How the line begins that says where it was made.
const MADE_WITH: &str = "# made with ";

/// The counts that are expected.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Baseline {
    /// What they depend on beside our code.
    pub(crate) machine: String,
    pub(crate) counts: Counts,
}

impl Baseline {
    /// What is no count is passed over: a path that lacks one shows in the verdict.
    pub(crate) fn parse(text: &str) -> Self {
        let mut baseline = Self::default();
        for line in text.lines() {
            if let Some(machine) = line.strip_prefix(MADE_WITH) {
                machine.clone_into(&mut baseline.machine);
            }
            let mut words = line.split_whitespace();
            if let (Some(name), Some(Ok(count))) = (words.next(), words.next().map(str::parse)) {
                baseline.counts.insert(name.to_owned(), count);
            }
        }
        baseline
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Instructions of one operation of each hot path. `scripts/count --accept` writes this."
        )?;
        writeln!(f, "{MADE_WITH}{}", self.machine)?;
        for (name, count) in &self.counts {
            writeln!(f, "{name:32} {count:12.1}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let baseline = Baseline {
            machine: "x86_64, rustc 1.95.0".to_owned(),
            counts: [("core/enqueue-1".to_owned(), 6278.5)].into(),
        };
        assert_eq!(Baseline::parse(&baseline.to_string()), baseline);
    }

    #[test]
    fn nothing_is_an_empty_baseline() {
        assert_eq!(Baseline::parse(""), Baseline::default());
        assert_eq!(
            Baseline::parse("core/enqueue-1 many\n").counts,
            Counts::new()
        );
    }
}
