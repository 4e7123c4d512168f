//! The command of a task, under a guard.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use leasehold_node::{Outcome, Task};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    guard,
    tail::{Head, Tail},
    tell::Voice,
    verdict,
};
use crate::args::WorkArgs;

/// How long the pipes of a command that has ended may stay open: what holds them has left its
/// process group and is not of our business any more.
const PIPES_AFTER: Duration = Duration::from_secs(1);

/// Bytes of one read of a pipe.
const PIECE_BYTES: usize = 16 * 1024;

/// How tasks are run.
pub(super) struct Exec {
    command: OsString,
    kill_after: Duration,
    /// Whether what commands say on standard error is to be seen.
    is_loud: bool,
    /// Cancelled when the worker is asked to end.
    asked_to_end: CancellationToken,
}

/// How long after a command the worker may hear of the signal that went to both.
const SAME_SIGNAL_WITHIN: Duration = Duration::from_millis(250);

impl Exec {
    pub(super) fn new(args: &WorkArgs, asked_to_end: CancellationToken) -> Self {
        Self {
            asked_to_end,
            command: args.exec.clone(),
            kill_after: args.kill_after,
            is_loud: !args.reach.json,
        }
    }

    /// Runs the command on this task. Dropping this kills the command.
    pub(super) async fn run(&self, task: &Task) -> Outcome {
        let mut voice = Voice::of(task);
        let began = self.spawn(task, voice.as_ref()).and_then(Running::new);
        let ended = match began {
            Ok(running) => self.attend(running, task, voice.as_mut()).await,
            Err(error) => return Outcome::Fail(format!("failed to start the command: {error}")),
        };
        // What was told to end may have ended with any status.
        if task.cancelled.is_cancelled() {
            return Outcome::Release;
        }
        match (ended, voice) {
            (Ok(outcome), Some(voice)) => voice.onto(outcome),
            (Ok(outcome), None) => outcome,
            (Err(error), _) => Outcome::Fail(format!("failed to run the command: {error}")),
        }
    }

    fn spawn(&self, task: &Task, voice: Option<&Voice>) -> io::Result<Child> {
        let mut command = std::process::Command::new(myself()?);
        command
            .arg0("leasehold")
            .args(["exec-guard", "--"])
            .arg(&self.command)
            .env("LEASEHOLD_TASK_ID", task.id.to_string())
            .env("LEASEHOLD_POOL", task.pool.as_str())
            .env("LEASEHOLD_ATTEMPT", task.attempt.to_string())
            .env("LEASEHOLD_LEASE", task.lease.lease.to_string())
            .env("LEASEHOLD_NODE", task.node.as_str())
            // What the worker itself was started with is not this task's.
            .env_remove("LEASEHOLD_TELL")
            .env_remove("TRACEPARENT")
            .envs(voice.map(|voice| ("LEASEHOLD_TELL", voice.path())))
            .envs(task.trace().map(|trace| ("TRACEPARENT", trace)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        Command::from(command).spawn()
    }

    async fn attend(
        &self,
        running: Running,
        task: &Task,
        voice: Option<&mut Voice>,
    ) -> io::Result<Outcome> {
        let Running {
            child,
            leash,
            pipes,
        } = running;
        let leash = hold(leash, task, self.kill_after);
        tokio::select! {
            ended = self.end(child, pipes) => ended,
            never = leash => match never {},
            never = hear(voice) => match never {},
        }
    }

    async fn end(&self, mut child: Child, pipes: Pipes) -> io::Result<Outcome> {
        let mut output = Head::new(verdict::RESULT_BYTES_MAX);
        let mut errors = Tail::new(verdict::TAIL_BYTES_MAX);
        let status = {
            let out = drain(pipes.out, |piece| output.push(piece));
            let err = drain(pipes.err, |piece| {
                errors.push(piece);
                if self.is_loud {
                    // It is kept, in any case.
                    let _ = io::stderr().lock().write_all(piece);
                }
            });
            wait(&mut child, async { tokio::join!(out, err) }).await?
        };
        if verdict::was_told_to_end(status) && self.is_asked_to_end().await {
            return Ok(Outcome::Release);
        }
        Ok(verdict::of(status, output, &errors))
    }

    /// A service manager tells all of a service to end, the commands as well as the worker: that
    /// is no failure of theirs. Who hears it first is a matter of luck.
    async fn is_asked_to_end(&self) -> bool {
        let asked = self.asked_to_end.cancelled();
        timeout(SAME_SIGNAL_WITHIN, asked).await.is_ok()
    }
}

async fn hear(voice: Option<&mut Voice>) -> std::convert::Infallible {
    match voice {
        Some(voice) => voice.hear().await,
        None => std::future::pending().await,
    }
}

type Pipe = Box<dyn AsyncRead + Send + Unpin>;

struct Pipes {
    out: Pipe,
    err: Pipe,
}

struct Running {
    child: Child,
    /// While this is open the guard lets the command live.
    leash: ChildStdin,
    pipes: Pipes,
}

impl Running {
    fn new(mut child: Child) -> io::Result<Self> {
        let all = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(leash), Some(out), Some(err)) = all else {
            return Err(io::Error::other("it has no pipes"));
        };
        let (out, err) = (Box::new(out), Box::new(err));
        Ok(Self {
            child,
            leash,
            pipes: Pipes { out, err },
        })
    }
}

/// This very program, even if its file has been replaced meanwhile.
fn myself() -> io::Result<PathBuf> {
    let linux = Path::new("/proc/self/exe");
    if linux.exists() {
        return Ok(linux.into());
    }
    std::env::current_exe()
}

/// Hands over the payload and holds on. When the task is to end, or is cancelled, the guard is told
/// to end the command; a while after the latter it is let go, which kills it.
async fn hold(
    mut leash: ChildStdin,
    task: &Task,
    kill_after: Duration,
) -> std::convert::Infallible {
    let payload = &task.payload;
    // A write fails only if the guard is gone, which is noticed by those who wait for it.
    let _ = leash.write_all(&guard::header(payload.len())).await;
    let _ = leash.write_all(payload).await;
    let is_asked = tokio::select! {
        () = task.cancelled.cancelled() => false,
        () = task.stop_asked.cancelled() => true,
    };
    if is_asked {
        let _ = leash.write_all(&[guard::TERMINATE]).await;
        task.cancelled.cancelled().await;
    }
    let _ = leash.write_all(&[guard::TERMINATE]).await;
    sleep(kill_after).await;
    drop(leash);
    std::future::pending().await
}

async fn wait(child: &mut Child, pipes: impl Future) -> io::Result<ExitStatus> {
    let mut pipes = pin!(pipes);
    tokio::select! {
        status = child.wait() => {
            let _ = timeout(PIPES_AFTER, pipes).await;
            status
        }
        _ = &mut pipes => child.wait().await,
    }
}

/// Reads to the end. A pipe that fails has ended.
async fn drain(mut pipe: Pipe, mut take: impl FnMut(&[u8])) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(read @ 1..) = pipe.read(&mut piece).await {
        take(&piece[..read]);
    }
}
