//! What sessions cost that only wait: memory, and the processor's time for heartbeats.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::sleep,
};

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
    for count in trial.options.sessions.clone() {
        check_descriptors(count)?;
        trial.target.purge().await?;
        with(trial, hub, count).await?;
    }
    Ok(())
}

/// Whether so many sessions can be held at all.
pub(crate) fn check_descriptors(sessions: u32) -> Result<(), BenchError> {
    let descriptors = raise_descriptors()?;
    if u64::from(sessions) + OWN_DESCRIPTORS <= descriptors {
        return Ok(());
    }
    Err(BenchError::Usage(format!(
        "{sessions} sessions need as many open files, and the system allows {descriptors}: \
         raise `ulimit -n`, or say --sessions"
    )))
}

async fn with(trial: &mut Trial<'_>, hub: &Leasehold, count: u32) -> Result<(), BenchError> {
    let pids = trial.target.pids();
    let beat = hub.idle().await.await?.beat();
    sleep(SETTLE).await;
    let before = process::usage(&pids).memory;
    let began = Stamp::now();
    let (go, going) = watch::channel(false);
    let mut idle = open(hub, count, |session| session.run(going.clone())).await?;
    let case = count.to_string();
    let seconds = Stamp::now().since(began) as f64 / 1e9;
    trial.note(PHASE, &case, "opened in", Unit::Seconds, seconds);
    // Sessions that were opened together have their heartbeats together: of each as many count.
    let beats = (trial.options.seconds.as_secs_f64() / beat.as_secs_f64()).ceil();
    let measured_for = beat.mul_f64(beats.max(2.0));
    let sessions = Held {
        before,
        count,
        measured_for,
    };
    sessions.measure(trial, "idle", &mut idle).await?;
    // From here on each waits for a task.
    let _ = go.send(true);
    sessions.measure(trial, "waiting", &mut idle).await
}

/// Opens so many sessions, a few at a time, and lets each go on.
pub(crate) async fn open<F>(
    hub: &Leasehold,
    count: u32,
    mut go_on: impl FnMut(Idle) -> F,
) -> Result<JoinSet<Result<Idle, BenchError>>, BenchError>
where
    F: Future<Output = Result<Idle, BenchError>> + Send + 'static,
{
    let mut open = JoinSet::new();
    let mut opening = JoinSet::new();
    let mut left = count;
    while left > 0 || !opening.is_empty() {
        while left > 0 && opening.len() < OPENED_AT_A_TIME {
            opening.spawn(hub.idle().await);
            left -= 1;
        }
        if let Some(session) = opening.join_next().await {
            let session =
                session.map_err(|error| BenchError::failed("open a session", error))??;
            open.spawn(go_on(session));
        }
    }
    Ok(open)
}

/// Of a session that ended when it was to go on.
pub(crate) fn why(ended: Result<Result<Idle, BenchError>, JoinError>) -> BenchError {
    let why = match ended {
        Ok(Ok(_)) => "it ended".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    BenchError::failed("hold a session", why)
}

/// So many sessions at once.
struct Held {
    /// The hub's memory before they came, in bytes.
    before: u64,
    count: u32,
    measured_for: Duration,
}

impl Held {
    async fn measure(
        &self,
        trial: &mut Trial<'_>,
        what: &str,
        sessions: &mut JoinSet<Result<Idle, BenchError>>,
    ) -> Result<(), BenchError> {
        sleep(SETTLE).await;
        let pids = trial.target.pids();
        let from = (Stamp::now(), process::usage(&pids));
        tokio::select! {
            () = sleep(self.measured_for) => {}
            Some(ended) = sessions.join_next() => return Err(why(ended)),
        }
        let until = (Stamp::now(), process::usage(&pids));
        let grown = until.1.memory.saturating_sub(self.before) as f64;
        let case = self.count.to_string();
        let name = format!("{what} memory/session");
        let each = grown / f64::from(self.count);
        trial.note(PHASE, &case, &name, Unit::Bytes, each);
        let took = until.1.processor.saturating_sub(from.1.processor);
        let share = took.as_secs_f64() * 100.0 / (until.0.since(from.0) as f64 / 1e9);
        trial.note(PHASE, &case, &format!("{what} cpu"), Unit::Percent, share);
        Ok(())
    }
}
