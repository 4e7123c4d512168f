//! A hub process of the bench's own: never left behind, however the bench ends.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::BenchError;

/// What the guard runs. The first line that it says is the hub's number, for the shell becomes the
/// hub; the second is the hub's own.
const COMMAND: &str = "echo $$; exec \"$BENCH_PROGRAM\" hub --listen \"$BENCH_LISTEN\" --data \"$BENCH_DATA\" 2>\"$BENCH_LOG\"";

/// What a hub says when it is ready.
const READY: &str = "listening on ";

/// How long a hub may take to start. It restores what it has first, which may be ten million
/// tasks.
const READY_WITHIN: Duration = Duration::from_secs(600);

/// How long a killed hub may take to be gone: gigabytes of memory are given back first.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// The guard wants to know how long the payload is, and there is none.
const NO_PAYLOAD: [u8; 8] = [0; 8];

/// What of the log is shown when a hub does not start.
const LOG_LINES_SHOWN: usize = 8;

/// How a hub is started.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// The program whose command `hub` it is.
    pub program: PathBuf,
    /// The folder in which it has its own; on the disk that is to be measured.
    pub folder: PathBuf,
    /// Settings, as variables of the environment.
    pub settings: Vec<(String, String)>,
}

/// A hub process, its folder, and the leash on which it is held: when that ends, it is killed.
#[derive(Debug)]
pub struct HubProcess {
    options: HubOptions,
    /// Removed at the end.
    folder: TempDir,
    running: Option<Running>,
    address: String,
}

#[derive(Debug)]
struct Running {
    guard: Child,
    /// Open for as long as the hub is to live.
    leash: ChildStdin,
    pid: u32,
}

impl HubProcess {
    /// Makes a folder, and starts a hub in it.
    ///
    /// # Errors
    /// When the hub cannot be started; says the end of its log.
    pub async fn start(options: HubOptions) -> Result<Self, BenchError> {
        let mut builder = tempfile::Builder::new();
        let folder = builder.prefix("leasehold-bench-");
        let folder = folder
            .tempdir_in(&options.folder)
            .map_err(BenchError::io(format_args!(
                "make a folder in {}",
                options.folder.display()
            )))?;
        let mut hub = Self {
            options,
            folder,
            running: None,
            address: "127.0.0.1:0".to_owned(),
        };
        hub.run().await?;
        Ok(hub)
    }

    /// Where it listens: the same after a restart.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The process's number; 0 when it is killed.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().map_or(0, |running| running.pid)
    }

    /// The folder of its store.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Settings for its next start, as variables of the environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        let setting = (name.to_owned(), value.to_owned());
        self.options.settings.push(setting);
    }

    /// Takes a setting back.
    pub fn unset(&mut self, name: &str) {
        self.options.settings.retain(|(known, _)| known != name);
    }

    /// Starts it anew, with nothing in its folder.
    ///
    /// # Errors
    /// When the folder cannot be emptied, or the hub does not start.
    pub async fn start_empty(&mut self) -> Result<(), BenchError> {
        self.kill().await?;
        match fs::remove_dir_all(self.data()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BenchError::failed("empty the hub's folder", error));
            }
            Ok(()) | Err(_) => {}
        }
        self.run().await
    }

    /// `kill -9`; returns when it is gone.
    ///
    /// # Errors
    /// When it is not gone after a minute.
    pub async fn kill(&mut self) -> Result<(), BenchError> {
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        let failed = |why: String| BenchError::failed("kill the hub", why);
        let pid = i32::try_from(running.pid).map_err(|error| failed(error.to_string()))?;
        // Fails only if it is gone already, which the guard says next.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        let gone = timeout(GONE_WITHIN, running.guard.wait()).await;
        gone.map_err(|_| failed(format!("it is not gone after {GONE_WITHIN:?}")))?
            .map_err(|error| failed(error.to_string()))?;
        self.running = None;
        Ok(())
    }

    /// Starts it on what is in its folder, at the address that it had.
    ///
    /// # Errors
    /// When it does not start; says the end of its log.
    pub async fn run(&mut self) -> Result<(), BenchError> {
        let failed = |why: String| BenchError::failed("start a hub", why);
        let began = timeout(READY_WITHIN, self.try_run()).await;
        let began = began.map_err(|_| failed(format!("it is not ready after {READY_WITHIN:?}")))?;
        began.map_err(|error| failed(format!("{error}{}", end_of_log(&self.log()))))
    }

    async fn try_run(&mut self) -> io::Result<()> {
        let mut guard = self.command().spawn()?;
        let pipes = guard.stdin.take().zip(guard.stdout.take());
        let (mut leash, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        leash.write_all(&NO_PAYLOAD).await?;
        let mut lines = BufReader::new(output).lines();
        let pid = said(&mut lines, "").await?;
        let pid = pid.parse().map_err(io::Error::other)?;
        self.running = Some(Running { guard, leash, pid });
        self.address = said(&mut lines, READY).await?;
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.options.program);
        command
            .args(["exec-guard", "--", COMMAND])
            .env("BENCH_PROGRAM", &self.options.program)
            .env("BENCH_LISTEN", &self.address)
            .env("BENCH_DATA", self.data())
            .env("BENCH_LOG", self.log())
            .env_remove("LEASEHOLD_HUB")
            .env("LEASEHOLD_LOG_LEVEL", "warn")
            .envs(
                self.options
                    .settings
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            // Ctrl-C is ours to hear.
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for HubProcess {
    /// The folder goes next, so nobody may write into it any more.
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let number = |pid: u32| i32::try_from(pid).ok().map(Pid::from_raw);
        if let Some(pid) = number(running.pid) {
            let _ = kill(pid, Signal::SIGKILL);
        }
        drop(running.leash);
        // The guard ends once the hub is gone.
        if let Some(guard) = running.guard.id().and_then(number) {
            while waitpid(guard, None) == Err(Errno::EINTR) {}
        }
    }
}

async fn said(lines: &mut Lines<BufReader<ChildStdout>>, prefix: &str) -> io::Result<String> {
    let line = lines.next_line().await?;
    let line = line.ok_or_else(|| io::Error::other("it ended at once"))?;
    let rest = line.strip_prefix(prefix).map(str::to_owned);
    rest.ok_or_else(|| io::Error::other(format!("it said \"{line}\"")))
}

fn end_of_log(path: &Path) -> String {
    let log = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES_SHOWN);
    lines[from..]
        .iter()
        .map(|line| format!("\n  {line}"))
        .collect()
}
