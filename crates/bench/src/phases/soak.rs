//! Churn for a while, of which one task in a hundred stays: what the hub takes of memory and disk,
//! over time, and what it gives back when all is quiet again.
//!
//! Ended tasks are remembered, by default a million of them, which would be all that one sees; so
//! the hub of this phase remembers [`REMEMBERED`].

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Trial;
use crate::{
    BenchError, Leasehold, Limits, Stamp,
    book::{Series, Unit},
    drive::{Load, drive},
    process,
};

/// The phase's name.
pub(crate) const PHASE: &str = "soak";

/// One task in so many stays.
const STAYS_ONE_IN: u32 = 100;

/// Ended tasks that the hub remembers in this phase.
const REMEMBERED: &str = "10000";

/// The setting for it.
const REMEMBERS: &str = "LEASEHOLD_POOL_DEFAULTS_COMPLETED_KEPT_MAX";

/// How often it is looked at, of the whole time.
const LOOKS: u32 = 120;

/// The least time between two looks: one costs the hub a request.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(250);

/// How long all is quiet at the end, before the last look.
const QUIET: Duration = Duration::from_secs(5);

/// Churns for as long as the command line has it.
pub(crate) async fn run(trial: &mut Trial<'_>, hub: &Leasehold) -> Result<(), BenchError> {
    hub.set(REMEMBERS, REMEMBERED).await;
    trial.target.purge().await?;
    hub.keep_one_in(STAYS_ONE_IN);
    let soaked = soak(trial, hub).await;
    hub.keep_one_in(0);
    hub.unset(REMEMBERS).await;
    soaked
}

async fn soak(trial: &mut Trial<'_>, hub: &Leasehold) -> Result<(), BenchError> {
    let half = (trial.options.connections / 2).max(1);
    let limits = trial.limits();
    let backlog = u64::from(half) * limits.slots as u64 * 4;
    let load = Load {
        limits: Limits {
            tasks: None,
            measured_for: Some(trial.options.soak_for),
            backlog_max: Some(backlog),
            ..limits
        },
        producers: half,
        workers: half,
        to_the_end: false,
    };
    let mut looks = Looks::new(trial, hub);
    let outcome = tokio::select! {
        outcome = drive(trial.target, load) => outcome?,
        failed = looks.look_on() => return Err(failed),
    };
    sleep(QUIET).await;
    looks.look().await?;
    let case = format!("{} s", trial.options.soak_for.as_secs_f64());
    let rate = outcome.tally.completed_rate();
    trial.note(PHASE, &case, "lifecycles", Unit::PerSecond, rate);
    looks.note(trial, &case);
    Ok(())
}

/// What was seen, by the second.
struct Looks<'a> {
    hub: &'a Leasehold,
    pids: Vec<u32>,
    folders: Vec<std::path::PathBuf>,
    every: Duration,
    began: Stamp,
    memory: Vec<(f64, f64)>,
    disk: Vec<(f64, f64)>,
    live: Vec<(f64, f64)>,
}

impl<'a> Looks<'a> {
    fn new(trial: &Trial<'_>, hub: &'a Leasehold) -> Self {
        Self {
            hub,
            pids: trial.target.pids(),
            folders: trial.target.folders(),
            every: (trial.options.soak_for / LOOKS).max(LOOK_EVERY_MIN),
            began: Stamp::now(),
            memory: Vec::new(),
            disk: Vec::new(),
            live: Vec::new(),
        }
    }

    /// Until it fails.
    async fn look_on(&mut self) -> BenchError {
        let mut every = interval(self.every);
        every.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            every.tick().await;
            if let Err(error) = self.look().await {
                return error;
            }
        }
    }

    async fn look(&mut self) -> Result<(), BenchError> {
        let status = self.hub.status().await?;
        let at = Stamp::now().since(self.began) as f64 / 1e9;
        let memory = process::usage(&self.pids).memory;
        let seen: u64 = self.folders.iter().map(|it| process::disk_bytes(it)).sum();
        // Of a hub that is not ours only the hub knows.
        let disk = if seen > 0 {
            seen
        } else {
            status.store.disk_bytes
        };
        self.memory.push((at, memory as f64));
        self.disk.push((at, disk as f64));
        self.live.push((at, status.store.live_bytes as f64));
        Ok(())
    }

    fn note(self, trial: &mut Trial<'_>, case: &str) {
        let most = |points: &[(f64, f64)]| points.iter().map(|(_, it)| *it).fold(0.0, f64::max);
        let last = |points: &[(f64, f64)]| points.last().map_or(0.0, |(_, it)| *it);
        for (what, points) in [("memory", &self.memory), ("disk", &self.disk)] {
            let (most, last) = (most(points), last(points));
            trial.note(PHASE, case, &format!("{what} at most"), Unit::Bytes, most);
            trial.note(PHASE, case, &format!("{what} at last"), Unit::Bytes, last);
        }
        let live = last(&self.live);
        trial.note(PHASE, case, "live at last", Unit::Bytes, live);
        let ratios = self.disk.iter().zip(&self.live);
        let ratios = ratios.filter(|(_, (_, live))| *live > 0.0);
        let ratio = ratios.map(|((_, disk), (_, live))| disk / live);
        // The first looks see a store that was just made.
        let settled: Vec<f64> = ratio.skip(self.live.len() / 4).collect();
        let ratio = settled.iter().copied().fold(0.0, f64::max);
        trial.note(PHASE, case, "disk ÷ live at most", Unit::Times, ratio);
        let at_last = settled.last().copied().unwrap_or(0.0);
        trial.note(PHASE, case, "disk ÷ live at last", Unit::Times, at_last);
        for (name, points) in [
            ("memory", self.memory),
            ("disk", self.disk),
            ("live", self.live),
        ] {
            trial.book.note_series(Series {
                phase: PHASE,
                name,
                unit: Unit::Bytes,
                points,
            });
        }
    }
}
