//! The story: what is done to whom, and what comes of it.

use std::time::Duration;

use leasehold_node::{StateKind, TaskId};
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use super::{
    ledger::Run,
    stage::{Stage, WORKERS},
};
use crate::{exit::Failure, output::words::count};

/// What was seen.
#[derive(Debug)]
pub(super) struct Scenes {
    pub(super) moved: Moved,
    pub(super) stale: Share,
    pub(super) cut: Share,
    pub(super) restart: Share,
}

/// Tasks of a dead worker.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) tasks: usize,
    /// From the kill until the last of them ran elsewhere.
    pub(super) after: Duration,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: usize,
    pub(super) whole: usize,
}

/// Between two scenes, for who watches.
const PAUSE: Duration = Duration::from_millis(700);

/// The workers by their places; the last is hired when the first is dead.
const KILLED: usize = 0;
const FROZEN: usize = 1;
const CUT: usize = 2;
const HIRED: usize = 3;

/// Plays all scenes, and waits until the work is done.
pub(super) async fn play(stage: &mut Stage) -> Result<Scenes, Failure> {
    stage.busy(&[KILLED, FROZEN, CUT]).await?;
    sleep(PAUSE).await;
    let moved = kill_worker(stage).await?;
    stage.hire(WORKERS + 1).await?;
    stage.say(format!("{} starts in its place", stage.nodes[HIRED].name));
    sleep(PAUSE).await;
    let (frozen, since) = freeze_worker(stage).await?;
    sleep(PAUSE).await;
    let cut = cut_connection(stage).await?;
    let stale = wake_worker(stage, &frozen, since).await?;
    sleep(PAUSE).await;
    let restart = kill_hub(stage).await?;
    stage.emptied().await?;
    stage.narrator.progress(stage.input.pieces.len() as u64);
    stage.send_workers_home().await;
    Ok(Scenes {
        moved,
        stale,
        cut,
        restart,
    })
}

async fn kill_worker(stage: &Stage) -> Result<Moved, Failure> {
    let running = stage.busy(&[KILLED]).await?;
    let victim = &stage.nodes[KILLED];
    let (name, at) = (&victim.name, Instant::now());
    victim.process.signal(Signal::SIGKILL);
    let tasks: Vec<TaskId> = stage
        .held_by(name)
        .await?
        .iter()
        .map(|(task, _)| *task)
        .collect();
    let ran = count(running.len() as u64, "task");
    stage.say(format!("killed {name} (SIGKILL) while it ran {ran}"));
    run_elsewhere(stage, name, &tasks).await?;
    let moved = Moved {
        tasks: tasks.len(),
        after: at.elapsed(),
    };
    let milliseconds = moved.after.as_millis();
    stage.say(format!(
        "all that it held runs elsewhere, {milliseconds} ms after the kill"
    ));
    Ok(moved)
}

/// Waits until others run these tasks, or have completed them.
async fn run_elsewhere(stage: &Stage, than: &str, tasks: &[TaskId]) -> Result<(), Failure> {
    for task in tasks {
        stage
            .until("for tasks to run elsewhere", async || {
                let summary = stage.task(*task).await?.summary;
                let runs = matches!(summary.state, StateKind::Claimed | StateKind::Completed);
                let elsewhere = summary.node.is_some_and(|node| node.as_str() != than);
                Ok((runs && elsewhere).then_some(()))
            })
            .await?;
    }
    Ok(())
}

async fn freeze_worker(stage: &Stage) -> Result<(Vec<Run>, Instant), Failure> {
    stage.busy(&[FROZEN, HIRED]).await?;
    let worker = &stage.nodes[FROZEN];
    worker.process.signal(Signal::SIGSTOP);
    let since = Instant::now();
    let running = stage.running_on(&[FROZEN])?;
    let ran = count(running.len() as u64, "task");
    stage.say(format!(
        "froze {} (SIGSTOP) while it ran {ran}",
        worker.name
    ));
    Ok((running, since))
}

async fn wake_worker(stage: &Stage, frozen: &[Run], since: Instant) -> Result<Share, Failure> {
    let worker = &stage.nodes[FROZEN];
    let tasks: Vec<TaskId> = frozen.iter().map(|run| run.task).collect();
    run_elsewhere(stage, &worker.name, &tasks).await?;
    let seconds = since.elapsed().as_secs_f64();
    stage.say(format!(
        "all of them run elsewhere after {seconds:.1} s of silence; woke {} (SIGCONT), a zombie now",
        worker.name
    ));
    worker.process.signal(Signal::SIGCONT);
    told(stage, frozen).await?;
    let stale = share(frozen, stage.outcomes.count(frozen, "lost"));
    stage.say(format!(
        "the hub refused {} of its {} answers",
        stale.part, stale.whole
    ));
    Ok(stale)
}

async fn cut_connection(stage: &Stage) -> Result<Share, Failure> {
    let running = stage.busy(&[CUT]).await?;
    let node = &stage.nodes[CUT];
    node.proxy.cut();
    let ran = count(running.len() as u64, "task");
    stage.say(format!(
        "cut the connection of {} while it ran {ran}",
        node.name
    ));
    told(stage, &running).await?;
    let kept = completed_once(stage, &running)?;
    stage.say(format!(
        "it came back and kept {} of {} leases",
        kept.part, kept.whole
    ));
    Ok(kept)
}

/// Those that were completed under the lease that they had, and run by nobody else.
fn completed_once(stage: &Stage, runs: &[Run]) -> Result<Share, Failure> {
    let ledger = stage.ledger()?;
    let once: Vec<Run> = runs
        .iter()
        .filter(|run| ledger.runs_of(run.task) == 1)
        .cloned()
        .collect();
    Ok(share(runs, stage.outcomes.count(&once, "completed")))
}

async fn kill_hub(stage: &mut Stage) -> Result<Share, Failure> {
    let running = stage.busy(&[FROZEN, CUT, HIRED]).await?;
    let at = Instant::now();
    stage.kill_hub().await;
    let ran = count(running.len() as u64, "task");
    stage.say(format!("killed the hub (SIGKILL) while {ran} ran"));
    stage.start_hub_again().await?;
    let milliseconds = at.elapsed().as_millis();
    stage.say(format!(
        "the hub listens again on the same store after {milliseconds} ms"
    ));
    told(stage, &running).await?;
    let kept = completed_once(stage, &running)?;
    stage.say(format!(
        "{} of {} tasks went on under their leases",
        kept.part, kept.whole
    ));
    Ok(kept)
}

/// Waits until the last word is said on all of these.
async fn told(stage: &Stage, runs: &[Run]) -> Result<(), Failure> {
    let known = async || Ok(stage.outcomes.are_known(runs).then_some(()));
    stage.until("for the outcome of tasks", known).await
}

const fn share(of: &[Run], part: usize) -> Share {
    let whole = of.len();
    Share { part, whole }
}
