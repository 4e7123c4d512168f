//! The story: what is done to whom, and what comes of it.

use std::time::Duration;

use leasehold_node::{LeaseId, StateKind, TaskDetail, TaskId};
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use super::{
    evidence,
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

/// Waits until others run these tasks, or have completed them; the newest lease of any.
async fn run_elsewhere(
    stage: &Stage,
    than: &str,
    tasks: &[TaskId],
) -> Result<Option<LeaseId>, Failure> {
    let mut newest = None;
    for task in tasks {
        let detail = stage
            .until("for tasks to run elsewhere", async || {
                let detail = stage.task(*task).await?;
                let state = detail.summary.state;
                let runs = matches!(state, StateKind::Claimed | StateKind::Completed);
                let node = detail.summary.node.as_ref();
                let elsewhere = node.is_some_and(|node| node.as_str() != than);
                Ok((runs && elsewhere).then_some(detail))
            })
            .await?;
        newest = newest.max(newest_lease(&detail));
    }
    Ok(newest)
}

fn newest_lease(of: &TaskDetail) -> Option<LeaseId> {
    let ended = of.history.iter().map(|attempt| attempt.lease);
    ended.chain(of.lease).max()
}

async fn freeze_worker(stage: &Stage) -> Result<(Vec<Run>, Instant), Failure> {
    stage.busy(&[FROZEN, HIRED]).await?;
    let worker = &stage.nodes[FROZEN];
    let running = stage.stop_amid(&worker.process, &[FROZEN]).await?;
    let since = Instant::now();
    let ran = count(running.len() as u64, "task");
    stage.say(format!(
        "froze {} (SIGSTOP) while it ran {ran}",
        worker.name
    ));
    Ok((running, since))
}

async fn wake_worker(stage: &mut Stage, frozen: &[Run], since: Instant) -> Result<Share, Failure> {
    let tasks: Vec<TaskId> = frozen.iter().map(|run| run.task).collect();
    // What the worker was granted before the hub gave it up came before this lease: nothing was
    // granted to it after that, and it is not back yet.
    let taken = run_elsewhere(stage, &stage.nodes[FROZEN].name, &tasks).await?;
    stage.nodes[FROZEN].taken = taken;
    let worker = &stage.nodes[FROZEN];
    let seconds = since.elapsed().as_secs_f64();
    stage.say(format!(
        "all of them run elsewhere after {seconds:.1} s of silence; woke {} (SIGCONT), a zombie now",
        worker.name
    ));
    worker.process.signal(Signal::SIGCONT);
    told(stage, frozen).await?;
    let stale = share(stage, frozen, |run| stage.outcomes.is(run, "lost")).await?;
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
    let kept = kept(stage, &running).await?;
    stage.say(format!(
        "it came back and kept {} of {} leases",
        kept.part, kept.whole
    ));
    Ok(kept)
}

/// Those that were completed under the lease that they had, and run by nobody else after that.
async fn kept(stage: &Stage, runs: &[Run]) -> Result<Share, Failure> {
    told(stage, runs).await?;
    let ledger = stage.ledger()?;
    let is_kept = |run: &Run| ledger.is_newest(run) && stage.outcomes.is(run, "completed");
    share(stage, runs, is_kept).await
}

async fn kill_hub(stage: &mut Stage) -> Result<Share, Failure> {
    let nodes = [FROZEN, CUT, HIRED];
    stage.busy(&nodes).await?;
    // It answers none of them between the look and the kill.
    let running = stage.stop_amid(&stage.hub.process, &nodes).await?;
    let at = Instant::now();
    stage.kill_hub().await;
    let ran = count(running.len() as u64, "task");
    stage.say(format!("killed the hub (SIGKILL) while {ran} ran"));
    stage.start_hub_again().await?;
    let milliseconds = at.elapsed().as_millis();
    stage.say(format!(
        "the hub listens again on the same store after {milliseconds} ms"
    ));
    let kept = kept(stage, &running).await?;
    stage.say(format!(
        "{} of {} tasks went on under their leases",
        kept.part, kept.whole
    ));
    Ok(kept)
}

/// Waits until the last word is said on all of these.
async fn told(stage: &Stage, runs: &[Run]) -> Result<(), Failure> {
    let known = async || Ok(stage.outcomes.are_known(runs).then_some(()));
    let waited = stage.until("for the outcome of tasks", known).await;
    if waited.is_err() {
        let ledger = stage.ledger()?;
        for run in runs.iter().filter(|run| stage.outcomes.of(run).is_none()) {
            stage.say(evidence::of_run(run, None, &ledger, None));
        }
    }
    waited
}

/// How many came out as promised; tells all that is known of those that did not.
async fn share(
    stage: &Stage,
    of: &[Run],
    is_as_promised: impl Fn(&Run) -> bool,
) -> Result<Share, Failure> {
    let (good, bad): (Vec<&Run>, Vec<&Run>) = of.iter().partition(|run| is_as_promised(run));
    for run in bad {
        let (ledger, detail) = (stage.ledger()?, stage.task(run.task).await?);
        let told = stage.outcomes.of(run);
        stage.say(evidence::of_run(run, told.as_ref(), &ledger, Some(&detail)));
    }
    Ok(Share {
        part: good.len(),
        whole: of.len(),
    })
}
