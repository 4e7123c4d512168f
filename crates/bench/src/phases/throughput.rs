//! How many tasks a second are acknowledged, and how many of them claimed and completed.

use super::Trial;
use crate::{
    BenchError, Limits,
    book::Unit,
    drive::{Load, Outcome, drive},
};

/// The phases' names.
pub(crate) const ENQUEUE: &str = "enqueue";
pub(crate) const CLAIM: &str = "claim+complete";
pub(crate) const SINGLE: &str = "single";

/// Connections of the phase in which each has one request under way.
pub(crate) const SINGLE_CONNECTIONS: [u32; 3] = [1, 64, 256];

/// Which of the two is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) enqueue: bool,
    pub(crate) claim: bool,
}

/// Enqueues as fast as it goes, then claims and completes what was enqueued.
pub(crate) async fn many(trial: &mut Trial<'_>, wanted: Wanted) -> Result<(), BenchError> {
    let limits = trial.limits();
    let connections = trial.options.connections;
    let case = format!("{connections}×{}", limits.in_flight);
    trial.target.purge().await?;
    let enqueued = enqueue(trial, limits, connections).await?;
    if wanted.enqueue {
        note(trial, ENQUEUE, &case, "enqueued", &enqueued);
    }
    if wanted.claim {
        let claimed = claim(trial, limits, connections, enqueued.tasks).await?;
        let case = format!("{connections}×{}", limits.slots);
        note(trial, CLAIM, &case, "completed", &claimed);
    }
    Ok(())
}

/// The same with one request under way, or one task held, on each of more and more connections.
pub(crate) async fn single(trial: &mut Trial<'_>) -> Result<(), BenchError> {
    for connections in SINGLE_CONNECTIONS {
        let limits = Limits {
            in_flight: 1,
            slots: 1,
            ..trial.limits()
        };
        trial.target.purge().await?;
        let enqueued = enqueue(trial, limits, connections).await?;
        let case = format!("{connections}×1");
        note(trial, SINGLE, &case, "enqueued", &enqueued);
        let claimed = claim(trial, limits, connections, enqueued.tasks).await?;
        note(trial, SINGLE, &case, "completed", &claimed);
    }
    Ok(())
}

/// Producers only.
pub(super) async fn enqueue(
    trial: &Trial<'_>,
    limits: Limits,
    connections: u32,
) -> Result<Outcome, BenchError> {
    let load = Load {
        limits,
        producers: connections,
        workers: 0,
        to_the_end: false,
    };
    drive(trial.target, load).await
}

/// Workers only, on so many tasks that are there.
pub(super) async fn claim(
    trial: &Trial<'_>,
    limits: Limits,
    connections: u32,
    tasks: u64,
) -> Result<Outcome, BenchError> {
    let load = Load {
        limits: Limits {
            tasks: Some(tasks),
            ..limits
        },
        producers: 0,
        workers: connections,
        to_the_end: false,
    };
    drive(trial.target, load).await
}

fn note(trial: &mut Trial<'_>, phase: &'static str, case: &str, what: &str, outcome: &Outcome) {
    let tally = &outcome.tally;
    let rate = tally.acknowledged_rate() + tally.completed_rate();
    trial.note(phase, case, what, Unit::PerSecond, rate);
    let target = trial.target.name();
    let prefix = if phase == SINGLE { "enqueued " } else { "" };
    trial
        .book
        .note_latency(phase, case, target, prefix, &tally.until_acknowledged);
    if phase != SINGLE {
        trial.note_cost(phase, case, outcome);
    }
}
