//! What a task costs, and takes of memory and disk, with more and more of them standing.
//!
//! Standing tasks are claimed like any: the oldest go, new ones come behind the last, and their
//! number stays. So what is claimed was enqueued long before, and is in no cache.

use super::Trial;
use crate::{
    BenchError, Limits,
    book::Unit,
    drive::{Load, drive},
    process,
};

/// The phase's name.
pub(crate) const PHASE: &str = "deep";

/// Lifecycles with each number of tasks standing.
pub(crate) async fn run(trial: &mut Trial<'_>) -> Result<(), BenchError> {
    let mut standing = trial.options.standing.clone();
    standing.sort_unstable();
    for standing in standing {
        with(trial, standing).await?;
    }
    Ok(())
}

async fn with(trial: &mut Trial<'_>, standing: u64) -> Result<(), BenchError> {
    trial.target.purge().await?;
    let case = counted(standing);
    let pids = trial.target.pids();
    let memory = |pids: &[u32]| process::usage(pids).memory;
    let before = memory(&pids);
    fill(trial, standing).await?;
    if before > 0 {
        let grown = memory(&pids).saturating_sub(before) as f64;
        trial.note(PHASE, &case, "memory", Unit::Bytes, grown);
        let each = grown / standing as f64;
        trial.note(PHASE, &case, "memory/task", Unit::Bytes, each);
    }
    let folders = trial.target.folders();
    if !folders.is_empty() {
        let disk: u64 = folders.iter().map(|it| process::disk_bytes(it)).sum();
        let each = disk as f64 / standing as f64;
        trial.note(PHASE, &case, "disk/task", Unit::Bytes, each);
    }
    churn(trial, &case).await
}

/// Enqueues so many tasks that stay.
pub(super) async fn fill(trial: &mut Trial<'_>, standing: u64) -> Result<(), BenchError> {
    let limits = Limits {
        tasks: Some(standing),
        measured_for: None,
        ..trial.limits()
    };
    let load = Load {
        limits,
        producers: trial.options.connections,
        workers: 0,
        to_the_end: false,
    };
    drive(trial.target, load).await?;
    Ok(())
}

/// As many tasks end as are begun.
async fn churn(trial: &mut Trial<'_>, case: &str) -> Result<(), BenchError> {
    let half = (trial.options.connections / 2).max(1);
    let limits = trial.limits();
    let load = Load {
        limits: Limits {
            tasks: None,
            measured_for: Some(trial.options.seconds),
            // Workers find enough without: the backlog of this phase begins at nothing.
            backlog_max: Some(u64::from(half) * limits.in_flight as u64),
            ..limits
        },
        producers: half,
        workers: half,
        to_the_end: false,
    };
    let outcome = drive(trial.target, load).await?;
    let rate = outcome.tally.completed_rate();
    trial.note(PHASE, case, "lifecycles", Unit::PerSecond, rate);
    trial.note_cost(PHASE, case, &outcome);
    Ok(())
}

/// `1 k`, `10 M`.
pub(super) fn counted(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{} k", count as f64 / 1e3),
        _ => format!("{} M", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_short() {
        let counts = [1, 1_000, 1_500, 10_000_000].map(counted);
        assert_eq!(counts, ["1", "1 k", "1.5 k", "10 M"]);
    }
}
