//! What sessions cost that only wait: memory, and the processor's time for heartbeats.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{task::JoinSet, time::sleep};

use super::Trial;
use crate::{BenchError, Leasehold, Stamp, book::Unit, leasehold::Idle, process};

/// The phase's name.
pub(crate) const PHASE: &str = "sessions";

/// Descriptors that the bench needs beside one for each session.
const OWN_DESCRIPTORS: u64 = 256;

/// Sessions opened at a time: fewer than a listener's backlog holds.
const OPENED_AT_A_TIME: usize = 64;

/// How long all is left to settle before it is measured.
const SETTLE: Duration = Duration::from_secs(1);

/// Lets this process, and those that it starts, have as many descriptors as the system allows.
pub(crate) fn raise_descriptors() -> Result<u64, BenchError> {
    let failed = |error| BenchError::failed("raise the number of open files", error);
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).map_err(failed)?;
    Ok(most)
}

/// With each number of sessions: connected, then waiting for a task each.
pub(crate) async fn run(trial: &mut Trial<'_>, hub: &Leasehold) -> Result<(), BenchError> {
    let descriptors = raise_descriptors()?;
    for count in trial.options.sessions.clone() {
        if u64::from(count) + OWN_DESCRIPTORS > descriptors {
            return Err(BenchError::Usage(format!(
                "{count} sessions need as many open files, and the system allows {descriptors}: \
                 raise `ulimit -n`, or say --sessions"
            )));
        }
        trial.target.purge().await?;
        with(trial, hub, count).await?;
    }
    Ok(())
}

async fn with(trial: &mut Trial<'_>, hub: &Leasehold, count: u32) -> Result<(), BenchError> {
    let pids = trial.target.pids();
    sleep(SETTLE).await;
    let before = process::usage(&pids).memory;
    let mut idle = JoinSet::new();
    let mut opened = Stamp::now();
    let mut opening = JoinSet::new();
    let mut left = count;
    let began = opened;
    let (go, going) = tokio::sync::watch::channel(false);
    while left > 0 || !opening.is_empty() {
        while left > 0 && opening.len() < OPENED_AT_A_TIME {
            opening.spawn(hub.idle().await);
            left -= 1;
        }
        if let Some(session) = opening.join_next().await {
            let session =
                session.map_err(|error| BenchError::failed("open a session", error))??;
            idle.spawn(session.run(going.clone()));
        }
        opened = Stamp::now();
    }
    let case = count.to_string();
    let seconds = opened.since(began) as f64 / 1e9;
    trial.note(PHASE, &case, "opened in", Unit::Seconds, seconds);
    measure(trial, &case, "idle", before, count, &mut idle).await?;
    // From here on each waits for a task.
    let _ = go.send(true);
    measure(trial, &case, "waiting", before, count, &mut idle).await
}

async fn measure(
    trial: &mut Trial<'_>,
    case: &str,
    what: &str,
    before: u64,
    count: u32,
    sessions: &mut JoinSet<Result<Idle, BenchError>>,
) -> Result<(), BenchError> {
    sleep(SETTLE).await;
    let pids = trial.target.pids();
    let from = (Stamp::now(), process::usage(&pids));
    tokio::select! {
        () = sleep(trial.options.seconds) => {}
        Some(ended) = sessions.join_next() => {
            let ended = ended.map_err(|error| BenchError::failed("hold a session", error))?;
            let why = ended.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
            return Err(BenchError::failed("hold a session", why));
        }
    }
    let until = (Stamp::now(), process::usage(&pids));
    let grown = until.1.memory.saturating_sub(before) as f64;
    let name = format!("{what} memory/session");
    trial.note(PHASE, case, &name, Unit::Bytes, grown / f64::from(count));
    let took = until.1.processor.saturating_sub(from.1.processor);
    let share = took.as_secs_f64() * 100.0 / (until.0.since(from.0) as f64 / 1e9);
    trial.note(PHASE, case, &format!("{what} cpu"), Unit::Percent, share);
    Ok(())
}
