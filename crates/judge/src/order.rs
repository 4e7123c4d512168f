//! Whose turn it was, where a grant saw both tasks.
//!
//! The key of a task is `ready_at + priority × aging_step`, and the smallest goes first: that is
//! the bound on waiting, too. After a restart of the hub a task counts again from its next change
//! on, for until then the log does not say whether it is ready.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{Change, History, Kind, Life, LogLine, Logged, Terms, Violation};

/// By strict priority, or by age and priority in one number.
type Key = (u64, u64);

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Grants while another task was ready.
    pub(crate) compared: u64,
    pub(crate) violations: Vec<Violation>,
}

pub(crate) fn check(history: &History, terms: &Terms) -> Turns {
    let mut turns = Turns::default();
    if !terms.is_plain_order {
        return turns;
    }
    for log in &history.logs {
        let mut pools: HashMap<&str, Ready<'_>> = HashMap::new();
        for logged in log {
            match &logged.line {
                LogLine::Changed(change) => {
                    let ready = pools.entry(&change.pool).or_default();
                    turns.violations.extend(ready.take(change, logged, terms));
                    let was_compared = change.cause == "Claimed" && !ready.by_key.is_empty();
                    turns.compared += u64::from(was_compared);
                }
                LogLine::Failed { pool } => _ = pools.remove(pool.as_str()),
                LogLine::Forgotten { .. } | LogLine::Panicked(_) | LogLine::Other => {}
            }
        }
    }
    turns
}

/// Tasks of a pool of which it is certain that they are ready.
#[derive(Default)]
struct Ready<'a> {
    by_key: BTreeSet<(Key, &'a str)>,
    tasks: BTreeMap<&'a str, (Key, &'a Logged)>,
}

impl<'a> Ready<'a> {
    fn take(&mut self, change: &'a Change, logged: &'a Logged, terms: &Terms) -> Option<Violation> {
        if let Some((key, _)) = self.tasks.remove(change.task.as_str()) {
            self.by_key.remove(&(key, &change.task));
        }
        let key = key_of(change, terms)?;
        if change.life == Life::Ready {
            self.by_key.insert((key, &change.task));
            self.tasks.insert(&change.task, (key, logged));
            return None;
        }
        let (first, waits) = *self.by_key.first()?;
        if change.cause != "Claimed" || first >= key {
            return None;
        }
        let (_, shown) = self.tasks.get(waits)?;
        let said = format!(
            "it was granted while task {waits} was ready, whose turn was {} earlier",
            by_how_much(first, key)
        );
        let violation = Violation::new(Kind::OutOfOrder, &change.task, said);
        Some(violation.showing([shown, &logged]))
    }
}

fn key_of(change: &Change, terms: &Terms) -> Option<Key> {
    let (priority, ready_at) = (u64::from(change.priority?), change.ready_at?);
    Some(match terms.aging_step_ms {
        Some(step) => (ready_at.saturating_add(priority.saturating_mul(step)), 0),
        None => (priority, ready_at),
    })
}

fn by_how_much(first: Key, key: Key) -> String {
    match key.0 - first.0 {
        0 => format!("{} ms", key.1 - first.1),
        steps if key.1 == 0 && first.1 == 0 => format!("{steps} ms"),
        steps => format!("{steps} steps of priority"),
    }
}
