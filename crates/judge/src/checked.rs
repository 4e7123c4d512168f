//! What the scene looked at itself, and whether anybody ended who was not told to.

use crate::{History, How, Kind, Recorded, Violation, What};

pub(crate) fn check(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (at, recorded) in history.entries.iter().enumerate() {
        violations.extend(check_one(recorded, &history.entries[..at]));
    }
    violations
}

fn check_one(recorded: &Recorded, before: &[Recorded]) -> Option<Violation> {
    let (kind, said) = if let What::Checked {
        promise,
        is_kept: false,
        seen,
    } = &recorded.entry.what
    {
        (Kind::NotKept, format!("{promise}: {seen}"))
    } else if let What::Down {
        who,
        how: How::Itself,
    } = &recorded.entry.what
        && !was_poisoned(who, before)
    {
        (Kind::Fell, format!("{who} did; its log may say why"))
    } else {
        return None;
    };
    Some(Violation {
        kind,
        task: None,
        said,
        quotes: vec![recorded.to_string()],
    })
}

/// Whether the last start of this one was killed by a task that it worked on.
fn was_poisoned(who: &str, before: &[Recorded]) -> bool {
    let started = |of: &Recorded| matches!(&of.entry.what, What::Up { who: up, .. } if up == who);
    let since = before.iter().rev().take_while(|of| !started(of));
    let poisoned =
        |of: &Recorded| of.entry.by == who && matches!(of.entry.what, What::Poisoned { .. });
    since.into_iter().any(poisoned)
}
