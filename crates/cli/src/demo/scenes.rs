//! The story: what is done to whom, and what comes of it.

use std::time::Duration;

use leasehold_node::LeaseId;
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

impl Moved {
    pub(super) fn is_in_time(&self) -> bool {
        self.tasks > 0 && self.after < ELSEWHERE_WITHIN
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: usize,
    pub(super) whole: usize,
}

/// A dead process's tasks run elsewhere within this.
pub(super) const ELSEWHERE_WITHIN: Duration = Duration::from_secs(1);

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
    stage.busy(&[KILLED]).await?;
    let victim = &stage.nodes[KILLED];
    let running = stage.stop_amid(KILLED).await?;
    let at = Instant::now();
    victim.process.signal(Signal::SIGKILL);
    let ran = count(running.len() as u64, "task");
    stage.say(format!(
        "killed {} (SIGKILL) while it ran {ran}",
        victim.name
    ));
    let held = all_held(stage, running).await?;
    run_elsewhere(stage, &held).await?;
    let moved = Moved {
        tasks: held.len(),
        after: at.elapsed(),
    };
    let milliseconds = moved.after.as_millis();
    stage.say(format!(
        "all that it held runs elsewhere, {milliseconds} ms after the kill"
    ));
    if !moved.is_in_time() {
        for run in &held {
            tell_of(stage, run).await?;
        }
    }
    Ok(moved)
}

/// Beside what ran on the dead worker, what was on its way to it. Of what had ended the answer may
/// be on its way to the hub, so it is not among this.
async fn all_held(stage: &Stage, running: Vec<Run>) -> Result<Vec<Run>, Failure> {
    let name = &stage.nodes[KILLED].name;
    let held = stage.held_by(name).await?;
    let ledger = stage.ledger()?;
    let mut all = running;
    for (task, lease) in held {
        let node = name.clone();
        let run = Run { task, lease, node };
        if !ledger.has_begun(&run) {
            all.push(run);
        }
    }
    Ok(all)
}

/// Waits until each of these tasks was begun anew, which is elsewhere as long as their node is
/// away; the newest lease of any.
async fn run_elsewhere(stage: &Stage, runs: &[Run]) -> Result<Option<LeaseId>, Failure> {
    let began = stage.until("for tasks to run elsewhere", async || {
        let ledger = stage.ledger()?;
        let newer = runs.iter().map(|run| ledger.newest_after(run));
        Ok(newer.collect::<Option<Vec<LeaseId>>>())
    });
    Ok(began.await?.into_iter().max())
}

async fn freeze_worker(stage: &Stage) -> Result<(Vec<Run>, Instant), Failure> {
    stage.busy(&[FROZEN, HIRED]).await?;
    let worker = &stage.nodes[FROZEN];
    let running = stage.stop_amid(FROZEN).await?;
    let since = Instant::now();
    let ran = count(running.len() as u64, "task");
    stage.say(format!(
        "froze {} (SIGSTOP) while it ran {ran}",
        worker.name
    ));
    Ok((running, since))
}

async fn wake_worker(stage: &mut Stage, frozen: &[Run], since: Instant) -> Result<Share, Failure> {
    // What the worker was granted before the hub gave it up came before this lease: nothing was
    // granted to it after that, and it is not back yet.
    let taken = run_elsewhere(stage, frozen).await?;
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
        tell_of(stage, run).await?;
    }
    Ok(Share {
        part: good.len(),
        whole: of.len(),
    })
}

/// All that is known of a run that did not come out as promised.
async fn tell_of(stage: &Stage, run: &Run) -> Result<(), Failure> {
    let (ledger, detail) = (stage.ledger()?, stage.task(run.task).await?);
    let told = stage.outcomes.of(run);
    stage.say(evidence::of_run(run, told.as_ref(), &ledger, Some(&detail)));
    Ok(())
}
