//! Many sessions cut at once, each with tasks on lease: how long until all those are ready again,
//! and what the work of another pool notices of it.

use std::{sync::Arc, time::Duration};

use leasehold_wire::PoolStatus;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{Trial, deep, sessions};
use crate::{
    BenchError, Leasehold, Limits, Stamp, Target,
    book::Unit,
    drive::{Load, drive},
    holder::LEASES,
    process,
};

/// The phase's name.
pub(crate) const PHASE: &str = "cut";

/// How long leases of a cut connection stay good by default.
const GRACE: f64 = 0.5;

/// How often the hub is asked how things stand.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// No hub that works takes longer.
const WITHIN: Duration = Duration::from_secs(60);

/// Tasks a second of the other pool.
const OTHER_RATE: f64 = 500.0;

/// With each number of sessions.
pub(crate) async fn run(trial: &mut Trial<'_>, hub: &Leasehold) -> Result<(), BenchError> {
    for count in trial.options.sessions.clone() {
        sessions::check_descriptors(count)?;
        trial.target.purge().await?;
        deep::fill(trial, u64::from(count * LEASES)).await?;
        with(trial, hub, count).await?;
    }
    Ok(())
}

async fn with(trial: &mut Trial<'_>, hub: &Leasehold, count: u32) -> Result<(), BenchError> {
    let other: Arc<dyn Target> = Arc::new(hub.beside().await?);
    let load = others(trial);
    let mut holder = hub.holder(count, &trial.options.way).await?;
    let tasks = u64::from(count * LEASES);
    tokio::select! {
        held = until(hub, |pool| pool.claimed >= tasks) => { held?; }
        ended = holder.ended() => return Err(ended),
    }
    let before = drive(&other, load).await?;
    let meanwhile = tokio::spawn(async move { drive(&other, load).await });
    // The warm-up is over when they are cut.
    sleep(load.limits.warm_up + Duration::from_millis(50)).await;
    let pids = trial.target.pids();
    let (cut, used) = (Stamp::now(), process::usage(&pids).processor);
    holder.cut()?;
    let ready = until(hub, |pool| pool.ready >= tasks).await?;
    let used = process::usage(&pids).processor.saturating_sub(used);
    let meanwhile = meanwhile
        .await
        .map_err(|error| BenchError::failed("drive another pool", error))??;
    let case = format!("{count}×{LEASES}");
    let seconds = ready.since(cut) as f64 / 1e9;
    trial.note(PHASE, &case, "ready again", Unit::Seconds, seconds);
    let past = (seconds - GRACE).max(0.0);
    trial.note(PHASE, &case, "past the grace", Unit::Seconds, past);
    let cpu = used.as_secs_f64();
    trial.note(PHASE, &case, "cpu of the hub", Unit::Seconds, cpu);
    let p99 = |tally: &crate::Tally| tally.until_completed.value_at_quantile(0.99) as f64 / 1e3;
    let (before, meanwhile) = (p99(&before.tally), p99(&meanwhile.tally));
    trial.note(PHASE, &case, "others p99 before", Unit::Micros, before);
    trial.note(
        PHASE,
        &case,
        "others p99 meanwhile",
        Unit::Micros,
        meanwhile,
    );
    let times = meanwhile / before.max(1.0);
    trial.note(PHASE, &case, "others p99 ÷ before", Unit::Times, times);
    Ok(())
}

/// The work of another pool, which goes on all the time.
fn others(trial: &Trial<'_>) -> Load {
    let limits = trial.limits();
    Load {
        limits: Limits {
            tasks: None,
            rate: Some(OTHER_RATE),
            // Long enough for the cut, the grace and what comes after it.
            measured_for: Some(trial.options.seconds.max(Duration::from_secs(2))),
            warm_up: Duration::from_millis(200),
            ..limits
        },
        producers: 1,
        workers: 1,
        to_the_end: true,
    }
}

/// Waits until the pool is so, and says when it was.
async fn until(hub: &Leasehold, is_so: impl Fn(&PoolStatus) -> bool) -> Result<Stamp, BenchError> {
    let look_on = async {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let status = hub.status().await?;
            let now = Stamp::now();
            let name = hub.pool();
            if status
                .pools
                .iter()
                .any(|pool| pool.name == name && is_so(pool))
            {
                return Ok(now);
            }
        }
    };
    let late = |_| BenchError::failed("see what became of the tasks", "it was not so in a minute");
    timeout(WITHIN, look_on).await.map_err(late)?
}
