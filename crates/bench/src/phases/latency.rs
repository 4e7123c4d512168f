//! Latencies at rates that are kept whatever the system does: each task is timed from the moment
//! at which it was to be sent, so that a system that stalls is charged for all that wait meanwhile
//! (Tene's "coordinated omission").

use super::Trial;
use crate::{
    BenchError, Limits,
    book::Unit,
    drive::{Load, drive},
    options::Options,
};

/// The phase's name.
pub(crate) const PHASE: &str = "latency";

/// Requests under way past which a producer does wait: as many as a hub reads by default.
pub(crate) const IN_FLIGHT: usize = 1024;

/// Of all tasks acknowledged while it counted, how many must have been for the rate to be held.
const HELD: f64 = 0.98;

/// Half of the connections produce.
pub(crate) fn producers(options: &Options) -> u32 {
    (options.connections / 2).max(1)
}

/// From enqueue to acknowledged, to delivered to a node that waits, and to completed.
pub(crate) async fn run(trial: &mut Trial<'_>) -> Result<(), BenchError> {
    let half = producers(trial.options);
    for rate in trial.options.rates.clone() {
        let limits = Limits {
            rate: Some(rate),
            in_flight: IN_FLIGHT,
            ..trial.limits()
        };
        let load = Load {
            limits,
            producers: half,
            workers: half,
            to_the_end: true,
        };
        trial.target.purge().await?;
        let outcome = drive(trial.target, load).await?;
        let case = format!("{rate}/s");
        let tally = &outcome.tally;
        let target = trial.target.name();
        for (prefix, latencies) in [
            ("acknowledged ", &tally.until_acknowledged),
            ("delivered ", &tally.until_delivered),
            ("completed ", &tally.until_completed),
        ] {
            trial
                .book
                .note_latency(PHASE, &case, target, prefix, latencies);
        }
        let late = tally.late.value_at_quantile(0.99) as f64 / 1e3;
        trial.note(PHASE, &case, "bench late p99", Unit::Micros, late);
        let is_held = tally.acknowledged_rate() >= rate * HELD || limits.tasks.is_some();
        let held = f64::from(u8::from(is_held));
        trial.note(PHASE, &case, "held", Unit::Count, held);
    }
    Ok(())
}
