//! Which tasks are meant, and why tasks are dead, as a user names it.

use leasehold_node::{Death, StateKind, Where};

use super::DeadArgs;

const CAUSES: [(&str, Death); 6] = [
    ("attempts-spent", Death::AttemptsSpent),
    ("lost-too-often", Death::LostTooOften),
    ("interrupted-too-often", Death::InterruptedTooOften),
    ("expired", Death::Expired),
    ("hopeless", Death::Hopeless),
    ("parent-gone", Death::ParentGone),
];

/// A cause by its name.
pub(super) fn cause(text: &str) -> Result<Death, String> {
    let found = CAUSES.into_iter().find(|(name, _)| *name == text);
    found.map(|(_, cause)| cause).ok_or_else(|| {
        let names = CAUSES.map(|(name, _)| name).join(", ");
        format!("a cause is {names}")
    })
}

impl DeadArgs {
    /// What has to hold for a task beside being in this state, if one is given.
    pub(crate) fn conditions(&self, state: Option<StateKind>) -> Vec<Where> {
        let reason = self.reason.clone();
        let conditions = [
            state.map(Where::State),
            self.cause.map(Where::Cause),
            reason.map(Where::Reason),
            self.group.clone().map(Where::Group),
            self.key.clone().map(Where::Key),
        ];
        conditions.into_iter().flatten().collect()
    }

    /// Whether they narrow anything.
    pub(crate) const fn is_none(&self) -> bool {
        self.cause.is_none() && self.reason.is_none() && self.group.is_none() && self.key.is_none()
    }
}
