//! From kill -9 until the first task is claimed again.

use super::{Trial, deep};
use crate::{BenchError, Leasehold, Stamp, book::Unit};

/// The phase's name.
pub(crate) const PHASE: &str = "restart";

/// With each number of tasks standing.
pub(crate) async fn run(trial: &mut Trial<'_>, hub: &Leasehold) -> Result<(), BenchError> {
    let Some(process) = hub.process() else {
        return Err(BenchError::Usage(
            "restart kills the hub: it needs one of its own, without --hub".to_owned(),
        ));
    };
    let mut standing = trial.options.standing.clone();
    standing.sort_unstable();
    for standing in standing {
        trial.target.purge().await?;
        deep::fill(trial, standing).await?;
        let mut process = process.lock().await;
        process.kill().await?;
        let killed = Stamp::now();
        process.run().await?;
        let listens = Stamp::now();
        // The hub is asked where it listens again.
        drop(process);
        hub.claim_one().await?;
        let served = Stamp::now();
        let case = deep::counted(standing);
        for (name, moment) in [("listening", listens), ("first claim", served)] {
            let seconds = moment.since(killed) as f64 / 1e9;
            trial.note(PHASE, &case, name, Unit::Seconds, seconds);
        }
        let each = served.since(killed) as f64 / 1e9 / (standing as f64 / 1e6);
        trial.note(PHASE, &case, "per million", Unit::Seconds, each);
    }
    Ok(())
}
