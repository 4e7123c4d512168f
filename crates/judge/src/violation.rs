//! A promise that was broken.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An acknowledged task is gone.
    Lost,
    /// A task is there and has not ended, although all the work was to be done.
    NeverEnded,
    /// More than one completion of a task took effect.
    CompletedTwice,
    /// A task that had ended changed again.
    EndedTwice,
    /// Two leases of a task were live at once.
    TwoLeases,
    /// An answer took effect under a lease that was not the newest.
    StaleAnswer,
    /// A completion was acknowledged and is gone.
    Vanished,
    /// Attempts, failures, losses or interruptions are not what they should be.
    Miscounted,
    /// A task was granted while one was ready whose turn was before it.
    OutOfOrder,
    /// What a dead node held ran again later than promised.
    LateRequeue,
    /// A node got other bytes than were enqueued.
    WrongPayload,
    /// A node worked under a lease of which the hub's log knows nothing.
    Ungranted,
    /// A task changed in a way that nothing explains.
    Unexplained,
    /// A process ended by itself.
    Fell,
    /// Another promise, which the scene looked at itself.
    NotKept,
    /// The hub panicked.
    Panicked,
    /// A line of the history cannot be read.
    Unreadable,
    /// A task that kills its nodes did not die of it within its budget of losses.
    Undying,
    /// A task that killed its nodes did not back off.
    Unsuspected,
    /// While a task killed its nodes, no other went on.
    HeldUp,
    /// A task that was sent twice was not answered as the one that it is.
    SentTwice,
}

impl Kind {
    /// The broken promise in a sentence.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Lost => "an acknowledged task was lost",
            Self::NeverEnded => "a task never ended",
            Self::CompletedTwice => "a task was completed twice",
            Self::EndedTwice => "a task that had ended changed again",
            Self::TwoLeases => "two leases of one task were live at once",
            Self::StaleAnswer => "an answer under a stale lease took effect",
            Self::Vanished => "an acknowledged completion is gone",
            Self::Miscounted => "attempts were miscounted",
            Self::OutOfOrder => "a task went before one whose turn it was",
            Self::LateRequeue => "a dead node's task ran again too late",
            Self::WrongPayload => "a node got other bytes than were enqueued",
            Self::Ungranted => "a node worked under a lease that was never granted",
            Self::Unexplained => "a task changed in a way that nothing explains",
            Self::Fell => "a process ended by itself",
            Self::NotKept => "a promise of the scene was not kept",
            Self::Panicked => "the hub panicked",
            Self::Unreadable => "the history cannot be read",
            Self::Undying => "a task that kills its nodes did not die of it as it should",
            Self::Unsuspected => "a task that kills its nodes did not back off",
            Self::HeldUp => "a task that kills its nodes held up all others",
            Self::SentTwice => "a task that was sent twice was not answered as the one that it is",
        }
    }
}

/// A promise that was broken, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub kind: Kind,
    /// The task.
    pub task: Option<String>,
    /// What is wrong, in a sentence.
    pub said: String,
    /// The lines that show it, with their places.
    pub quotes: Vec<String>,
}

impl Violation {
    pub(crate) fn new(kind: Kind, task: &str, said: impl Into<String>) -> Self {
        let (task, said) = (Some(task.to_owned()), said.into());
        let quotes = Vec::new();
        Self {
            kind,
            task,
            said,
            quotes,
        }
    }

    pub(crate) fn showing(mut self, quotes: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        self.quotes
            .extend(quotes.into_iter().map(|quote| quote.to_string()));
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.title())?;
        if let Some(task) = &self.task {
            write!(f, ": task {task}")?;
        }
        write!(f, "\n  {}", self.said)?;
        for quote in &self.quotes {
            write!(f, "\n    {quote}")?;
        }
        Ok(())
    }
}
