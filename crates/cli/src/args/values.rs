//! Values of flags.

use std::time::Duration;

use leasehold_hub::LogEngine;
use leasehold_node::{StateKind, priority};

/// A duration such as `500ms` or `10s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wanted = "a duration is a number with a unit, such as 500ms, 10s, 5m";
    humantime::parse_duration(text).map_err(|_| wanted.into())
}

/// An engine by its name.
pub(super) fn engine(text: &str) -> Result<LogEngine, String> {
    let found = LogEngine::ALL
        .into_iter()
        .find(|engine| engine.name() == text);
    found.ok_or_else(|| {
        format!(
            "an engine is {}",
            LogEngine::ALL.map(LogEngine::name).join(", ")
        )
    })
}

/// A priority by its number or its name.
pub(super) fn priority(text: &str) -> Result<u32, String> {
    let named = priority::NAMED.into_iter().find(|(name, _)| *name == text);
    if let Some((_, number)) = named {
        return Ok(number);
    }
    text.parse().map_err(|_| {
        let names = priority::NAMED.map(|(name, number)| format!("{name} ({number})"));
        let names = names.join(", ");
        format!("a priority is a number from 0, the most urgent, or one of {names}")
    })
}

/// A state by its word.
pub(super) fn state(text: &str) -> Result<StateKind, String> {
    let found = StateKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text);
    found.ok_or_else(|| {
        format!(
            "a state is {}",
            StateKind::ALL.map(StateKind::as_str).join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_has_a_number_or_a_name() {
        assert_eq!(priority("critical"), Ok(0));
        assert_eq!(priority("bulk"), Ok(16));
        assert_eq!(priority("7"), Ok(7));
        for wrong in ["", "urgent", "-1", "4294967296", "High"] {
            let said = priority(wrong).unwrap_err();
            assert!(said.contains("normal (4)"), "{said}");
        }
    }
}
