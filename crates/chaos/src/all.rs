//! All scenes side by side, and one table.

mod outcome;

use std::{
    env, fs, io,
    path::Path,
    pin::pin,
    process::{ExitCode, Output, Stdio},
    time::Duration,
};

use futures_util::future::join_all;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::Command,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    args::AllArgs,
    error::{COMPLAINT, ChaosError},
    interruption::Interruption,
    moment,
    play::{PASSED_OVER, check_keep},
    scenes,
    teller::{Teller, print},
};
use outcome::{Outcome, Outcomes};

/// Beside so many others, a process may have to wait for a processor.
const SLACK: &str = "6s";

/// How long scenes may take to clear up when they are interrupted.
const CLEARED_WITHIN: Duration = Duration::from_secs(20);

/// How often it is said how far it is.
const TELL_EVERY: Duration = Duration::from_secs(20);

/// So begins what a scene says that was played but for a part.
const BUT_FOR: &str = "passed over: ";

/// The longest run, in minutes.
const MINUTES_MAX: f64 = 1_440.0;

pub(crate) async fn run(args: AllArgs) -> Result<ExitCode, ChaosError> {
    let mut interruption = Interruption::listen()?;
    let names = chosen(&args)?;
    if !(args.minutes > 0.0 && args.minutes <= MINUTES_MAX) {
        let text = format!(
            "MINUTES is more than 0 and at most {MINUTES_MAX}, not {}",
            args.minutes
        );
        return Err(ChaosError::Usage(text));
    }
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    if let Some(name) = names.iter().find(|name| scenes::enough(name) > length) {
        let enough = scenes::enough(name).as_secs_f64() / 60.0;
        let text = format!(
            "MINUTES {} is too short for {name}: {enough} is enough",
            args.minutes
        );
        return Err(ChaosError::Usage(text));
    }
    check_keep(args.keep.as_deref())?;
    let seed = args.seed.unwrap_or_else(|| moment::any() % 1_000_000_000);
    let folder = tempfile::Builder::new()
        .prefix("leasehold-chaos-all-")
        .tempdir();
    let folder = folder.map_err(ChaosError::io("make a folder"))?;
    if let Some(keep) = &args.keep {
        fs::create_dir(keep).map_err(ChaosError::io(format!("make {}", keep.display())))?;
    }
    let teller = Teller::new();
    let length_told = humantime::format_duration(length);
    print(format!(
        "{} scenes side by side, faults for {length_told}, seed {seed}: {}",
        names.len(),
        names.join(", ")
    ));
    let is_over = CancellationToken::new();
    let runs = names.iter().map(|name| {
        let of = Run {
            name,
            seed,
            length,
            folder: folder.path(),
            args: &args,
            teller,
            is_over: &is_over,
        };
        of.play()
    });
    let mut runs = join_all(runs);
    let runs = tokio::select! {
        runs = &mut runs => runs,
        () = tell_of_time(teller, length) => Vec::new(),
        () = interruption.heard() => {
            is_over.cancel();
            // It is passed on, and they clear up behind themselves.
            let _ = timeout(CLEARED_WITHIN, runs).await;
            return Err(ChaosError::interrupted());
        }
    };
    let mut outcomes = Outcomes::default();
    for (name, outcome) in names.iter().zip(runs) {
        outcomes.add(name, outcome?);
    }
    print(format!("\n{}", outcomes.table()));
    print(outcomes.verdict());
    Ok(ExitCode::from(u8::from(!outcomes.is_clean())))
}

/// Says now and then how far it is. Never returns.
async fn tell_of_time(teller: Teller, length: Duration) {
    let mut every = interval(TELL_EVERY);
    every.tick().await;
    loop {
        every.tick().await;
        teller.say(if teller.elapsed() < length {
            format!("faults go on until {} s", length.as_secs())
        } else {
            "faults are over; what is left is worked off and judged".to_owned()
        });
    }
}

fn chosen(args: &AllArgs) -> Result<Vec<&'static str>, ChaosError> {
    let unknown = args
        .only
        .iter()
        .find(|name| !scenes::ALL.contains(&name.as_str()));
    if let Some(name) = unknown {
        let known = scenes::ALL.join(", ");
        return Err(ChaosError::Usage(format!(
            "there is no scene \"{name}\"; there are {known}"
        )));
    }
    let is_chosen = |name: &&str| args.only.is_empty() || args.only.iter().any(|of| of == name);
    Ok(scenes::ALL.into_iter().filter(is_chosen).collect())
}

struct Run<'a> {
    name: &'static str,
    seed: u64,
    length: Duration,
    folder: &'a Path,
    args: &'a AllArgs,
    teller: Teller,
    /// It was interrupted, and nothing more is told.
    is_over: &'a CancellationToken,
}

impl Run<'_> {
    /// A process of its own; what it says is shown if something is wrong.
    async fn play(self) -> Result<Outcome, ChaosError> {
        let failed = || ChaosError::io(format!("play {}", self.name));
        let summary = self.folder.join(format!("{}.json", self.name));
        let program = env::current_exe().map_err(failed())?;
        let mut command = Command::new(&program);
        command
            .args(["chaos", "leash", "--"])
            .arg(&program)
            .arg("chaos")
            .args(scenes::words(self.name))
            .args(["--slack", SLACK])
            .args(["--seed", &self.seed.to_string()])
            .args(["--for", &format!("{}ms", self.length.as_millis())])
            .arg("--summary")
            .arg(&summary)
            .stdin(Stdio::null());
        if let Some(keep) = &self.args.keep {
            command.arg("--keep").arg(keep.join(self.name));
        }
        let output = self.output(command).await.map_err(failed())?;
        if self.is_over.is_cancelled() {
            return Err(ChaosError::interrupted());
        }
        let told = fs::read_to_string(&summary).ok();
        let outcome = outcome(told.as_deref(), &output);
        self.tell(&outcome, &output);
        Ok(outcome)
    }

    /// What came of it; of one that is not in order, all that it said.
    fn tell(&self, outcome: &Outcome, output: &Output) {
        let said = String::from_utf8_lossy(&output.stdout);
        let (told, is_in_order) = match outcome {
            Outcome::Judged(of) if of.violations == 0 => {
                ("all promises were kept".to_owned(), true)
            }
            Outcome::Judged(_) => ("promises were BROKEN".to_owned(), false),
            Outcome::PassedOver(why) => (format!("passed over: {why}"), true),
            Outcome::Failed(_) => ("could not be played to the end".to_owned(), false),
        };
        self.teller.say(format!("{}: {told}", self.name));
        for part in left_out(&said) {
            self.teller.say(format!("{}: {part}", self.name));
        }
        if !is_in_order {
            let complained = String::from_utf8_lossy(&output.stderr);
            for text in [said.trim(), complained.trim()] {
                if !text.is_empty() {
                    print(text);
                }
            }
        }
    }

    /// What it says until its end; it is told to end when all are.
    async fn output(&self, mut command: Command) -> io::Result<Output> {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let mut output = pin!(child.wait_with_output());
        tokio::select! {
            output = &mut output => return output,
            () = self.is_over.cancelled() => {}
        }
        if let Some(pid) = pid {
            // Nobody has waited for it, so the number is its own still.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        output.await
    }
}

/// What came of a scene that wrote these figures, or none, and said this.
fn outcome(figures: Option<&str>, output: &Output) -> Outcome {
    if let Some(summary) = figures.and_then(|text| serde_json::from_str(text).ok()) {
        return Outcome::Judged(summary);
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let why = said.lines().find_map(|line| line.split_once(PASSED_OVER));
    if let (true, Some((_, why))) = (output.status.success(), why) {
        return Outcome::PassedOver(why.to_owned());
    }
    let complained = String::from_utf8_lossy(&output.stderr);
    let complained = complained
        .lines()
        .find_map(|line| line.strip_prefix(COMPLAINT));
    Outcome::Failed(complained.map_or_else(|| output.status.to_string(), str::to_owned))
}

/// The parts of a scene that this machine does not allow, and why.
fn left_out(said: &str) -> impl Iterator<Item = &str> {
    said.lines().filter(|line| line.starts_with(BUT_FOR))
}

#[cfg(test)]
mod tests {
    use super::left_out;

    #[test]
    fn parts_of_a_scene_that_are_passed_over_are_found() {
        let part = "passed over: a disk that is really full (only root mounts a disk)";
        let said = format!("{part}\nchaos disk: a hub, 3 nodes\nx is passed over: y\n");
        assert!(left_out(&said).eq([part]));
    }
}
