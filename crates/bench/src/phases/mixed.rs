//! The steady state: producers and workers together, as many tasks ending as are begun.

use super::Trial;
use crate::{
    BenchError, Limits,
    book::Unit,
    drive::{Load, drive},
};

/// The phase's name.
pub(crate) const PHASE: &str = "mixed";

/// How many times what all workers hold together may wait for them: enough that none of them goes
/// without, and little enough that nothing is measured but the passage.
const BACKLOG: u64 = 4;

/// Whole lifecycles a second.
pub(crate) async fn run(trial: &mut Trial<'_>) -> Result<(), BenchError> {
    let half = (trial.options.connections / 2).max(1);
    let limits = trial.limits();
    let limits = Limits {
        backlog_max: Some(u64::from(half) * limits.slots as u64 * BACKLOG),
        ..limits
    };
    let load = Load {
        limits,
        producers: half,
        workers: half,
        to_the_end: limits.tasks.is_some(),
    };
    trial.target.purge().await?;
    let outcome = drive(trial.target, load).await?;
    let case = format!("{half}×{}", limits.in_flight);
    let rate = outcome.tally.completed_rate();
    trial.note(PHASE, &case, "lifecycles", Unit::PerSecond, rate);
    trial.note_cost(PHASE, &case, &outcome);
    if outcome.memory > 0 {
        trial.note(PHASE, &case, "memory", Unit::Bytes, outcome.memory as f64);
    }
    Ok(())
}
