//! `leasehold demo`: the promises, shown on real processes and real files.

mod evidence;
mod findings;
mod group;
mod hash;
mod input;
mod judge;
mod ledger;
mod narrator;
mod outcomes;
mod process;
mod proxy;
mod scenes;
mod staff;
mod stage;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, timeout_at},
};

use crate::{args::DemoArgs, exit::Failure, output, signals::Ending};
use findings::Findings;
use input::Input;
use narrator::Narrator;
use stage::Stage;

/// All of it takes no longer, or has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs the demonstration on the files of a folder.
pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    if let Some(rest) = args.hash_and_rest {
        return hash::run(rest).await;
    }
    let began = Instant::now();
    let folder = args.folder.unwrap_or_else(|| PathBuf::from("."));
    let findings = tokio::select! {
        told = tell(&folder, began) => told?,
        ending = asked_to_end() => return Err(ending),
    };
    if args.json {
        output::document(&findings.document())?;
    } else {
        output::write(findings.text().as_bytes())?;
    }
    findings.verdict()
}

/// Does it in time, or fails.
async fn in_time<T>(
    began: Instant,
    act: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout_at(began + DEADLINE, act).await.unwrap_or_else(|_| {
        let why =
            format!("it was not over after {DEADLINE:?}; this machine may be too slow or too busy");
        Err(Failure::failed("finish the demonstration", why))
    })
}

/// Whatever ends it: to leave this is to drop the stage, and with it all that was started.
async fn asked_to_end() -> Failure {
    let signals = (Ending::listen(), signal(SignalKind::hangup()));
    let (Ok(mut ending), Ok(mut hangup)) = signals else {
        return Failure::failed("listen to signals", "this system does not let us");
    };
    let asked = tokio::select! {
        asked = ending.asked() => asked,
        _ = hangup.recv() => "SIGHUP",
    };
    Failure::failed(
        "finish the demonstration",
        format!("{asked} came; all is cleaned up"),
    )
}

async fn tell(folder: &Path, began: Instant) -> Result<Findings, Failure> {
    let input = in_time(began, read(folder)).await?;
    let narrator = Narrator::new(began, input.pieces.len());
    input
        .described()
        .into_iter()
        .for_each(|line| narrator.say(line));
    let mut stage = in_time(began, Stage::set(narrator, input)).await?;
    let told = in_time(began, play(&mut stage)).await;
    if told
        .as_ref()
        .map_or(true, |findings| findings.verdict().is_err())
    {
        stage.keep_evidence();
    }
    let findings = told?;
    stage.clear().await;
    Ok(findings)
}

async fn read(folder: &Path) -> Result<Input, Failure> {
    let failed = |why: String| Failure::failed(format!("read {}", folder.display()), why);
    let path = folder.to_owned();
    let input = tokio::task::spawn_blocking(move || Input::read(&path)).await;
    input
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))
}

async fn play(stage: &mut Stage) -> Result<Findings, Failure> {
    stage.hire_all().await?;
    let tasks = stage.enqueue().await?;
    let follow = stage.follow_progress();
    let scenes = tokio::select! {
        scenes = scenes::play(stage) => scenes?,
        never = follow => match never {},
    };
    judge::judge(stage, &tasks, scenes).await
}
