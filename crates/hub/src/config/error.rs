//! What is wrong with a configuration, and where.

use std::{fmt, path::PathBuf};

use leasehold_core::PoolName;

/// Where a value came from. The order is that of a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file; the line counts from 1 and is absent where the file as a whole is meant.
    File(PathBuf, Option<usize>),
    /// The environment variable of this name.
    Env(String),
    /// The flag of this name, such as `--listen`.
    Flag(String),
    /// Code, of a hub that is embedded.
    Code,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::Env(name) | Self::Flag(name) => f.write_str(name),
            Self::Code => f.write_str("code"),
        }
    }
}

/// One thing that is wrong, as one line: where, the key and its value, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    source: Source,
    text: String,
}

impl Problem {
    pub(super) fn new(source: Source, text: impl Into<String>) -> Self {
        Self {
            source,
            text: text.into(),
        }
    }

    /// Where the value came from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Code => f.write_str(&self.text),
            Source::File(..) | Source::Env(_) | Source::Flag(_) => {
                write!(f, "{}: {}", self.source, self.text)
            }
        }
    }
}

/// Everything that is wrong with a configuration, one [`Problem`] a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// `Ok` if there is no problem; else all of them, in the order of their sources.
    pub(super) fn unless_empty(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|a, b| a.source.cmp(&b.source));
        Err(Self { problems })
    }

    /// Knobs are well written, and what they name is not as it should be; never empty.
    pub(crate) fn of_files(told: Vec<String>) -> Self {
        let problem = |text| Problem::new(Source::Code, text);
        Self {
            problems: told.into_iter().map(problem).collect(),
        }
    }

    /// A pool did not say whether it fits.
    pub(crate) fn busy(pool: &PoolName) -> Self {
        let text = format!("the pool {pool} does not answer; try again");
        Self {
            problems: vec![Problem::new(Source::Code, text)],
        }
    }

    /// What is wrong; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
