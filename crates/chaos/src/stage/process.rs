//! One process of a run.

use std::{
    env,
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid, waitpid},
    },
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::POOL;
use crate::{cast::Cast, nemesis::Who};

/// Changes of tasks, and else what is worth a line anyhow.
const HUB_LOGS: &str = "warn,leasehold_hub=info,leasehold_hub::telemetry=debug";

/// How long a process may take to stand still.
const STILL_WITHIN: Duration = Duration::from_secs(10);

/// Where a process says what goes wrong.
pub(super) enum Log<'a> {
    New(&'a Path),
    More(&'a Path),
}

/// One process of a run; killed, and gone, when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Open, so that it never finds it closed.
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(super) fn start(mut command: Command, log: Log<'_>) -> io::Result<Self> {
        let log = match log {
            Log::New(path) => File::create(path)?,
            Log::More(path) => OpenOptions::new().append(true).create(true).open(path)?,
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            // Ctrl-C is for the run to hear, which ends them.
            .process_group(0)
            .spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let output = BufReader::new(output).lines();
        Ok(Self { child, output })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it says a line that begins so.
    pub(super) async fn says(&mut self, what: &str) -> io::Result<()> {
        while let Some(line) = self.output.next_line().await? {
            if line.starts_with(what) {
                return Ok(());
            }
        }
        Err(io::Error::other("it ended at once"))
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.number() {
            // Fails only if it is gone, which whoever waits for it will notice.
            let _ = kill(pid, signal);
        }
    }

    /// SIGSTOP; returns when all of it stands still.
    pub(super) async fn freeze(&self) {
        let Some(pid) = self.number() else { return };
        self.signal(Signal::SIGSTOP);
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        let stopped = tokio::task::spawn_blocking(move || waitid(Id::Pid(pid), flags));
        // If it has ended instead, that is noticed soon.
        let _ = timeout(STILL_WITHIN, stopped).await;
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) {
        // Fails only if somebody else has waited for it.
        let _ = self.child.wait().await;
    }

    pub(super) fn is_gone(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// None once it has been seen to have ended: its number may be another's then.
    fn number(&self) -> Option<Pid> {
        let pid = i32::try_from(self.child.id()?).ok()?;
        Some(Pid::from_raw(pid))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(pid) = self.number() else { return };
        self.signal(Signal::SIGKILL);
        while waitpid(pid, None) == Err(Errno::EINTR) {}
    }
}

/// This program, as something that dies with the run.
fn leashed(before: &[String], program: &Path) -> io::Result<Command> {
    let mut command = Command::new(this_program()?);
    command
        .args(["chaos", "leash", "--"])
        .args(before)
        .arg(program);
    for (name, _) in env::vars_os() {
        let of_ours = |name: &str| name.starts_with("LEASEHOLD_") || name == "RUST_LOG";
        if name.to_str().is_some_and(of_ours) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn this_program() -> io::Result<PathBuf> {
    env::current_exe()
}

/// This program, for a command that speaks with the hub.
pub(super) fn this_command() -> io::Result<Command> {
    leashed(&[], &this_program()?)
}

/// The program of the hub, for a command of it.
pub(super) fn of_the_hub(cast: &Cast) -> io::Result<Command> {
    let program = match &cast.hub_program {
        Some(program) => program.clone(),
        None => this_program()?,
    };
    leashed(&[], &program)
}

/// The hub, under its settings.
pub(super) fn hub_command(cast: &Cast, config: Option<&Path>) -> io::Result<Command> {
    let mut command = of_the_hub(cast)?;
    command
        .arg("hub")
        .env("LEASEHOLD_LOG_FORMAT", "json")
        .env("RUST_LOG", HUB_LOGS)
        .envs(cast.hub_env.iter().map(|(name, value)| (name, value)));
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    Ok(command)
}

/// A producer or a node.
pub(super) fn part_command(
    cast: &Cast,
    who: Who,
    hub: &str,
    seed: u64,
    history: &Path,
) -> io::Result<Command> {
    let before = cast.before.get(&who).map_or(&[][..], Vec::as_slice);
    let mut command = leashed(before, &this_program()?)?;
    command.arg("chaos").arg(match who {
        Who::Producer(_) => "produce",
        Who::Holder(_) => "hold",
        Who::Node(_) | Who::Hub => "work",
    });
    command
        .args(["--hub", hub, "--name", &who.to_string()])
        .args(["--pool", POOL, "--history"])
        .arg(history);
    match who {
        Who::Producer(_) => command
            .args(["--seed", &seed.to_string()])
            .args(["--every", &millis(cast.every)])
            .args(["--rest-max", &millis(cast.rest_max)])
            .args(["--failing", &cast.failing.to_string()])
            .args(["--twice", &cast.twice.to_string()]),
        Who::Holder(_) => &mut command,
        Who::Node(_) | Who::Hub => command.args(["--slots", &cast.slots.to_string()]),
    };
    Ok(command)
}

fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
