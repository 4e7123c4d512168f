//! A process that is killed when the test ends, and what it says.

use std::{
    process::{ExitStatus, Stdio},
    thread,
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
    task::JoinHandle,
};

use super::within;

/// The binary that is tested.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_leasehold");

/// A command of the binary, with nothing of this machine's settings in its environment.
pub(crate) fn leasehold(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args);
    unswayed(command)
}

/// The command with nothing of this machine's settings in its environment, and nobody to talk to.
pub(crate) fn unswayed(mut command: Command) -> Command {
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let of_ours = |name: &str| name.starts_with("LEASEHOLD_") || name == "RUST_LOG";
        if name.to_str().is_some_and(of_ours) {
            command.env_remove(name);
        }
    }
    command
}

/// A running process. Dropped, it is killed; if the test is failing, what it said is shown.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    pid: Pid,
    said: watch::Receiver<Vec<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it; what it says on either output is kept, line by line.
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let id = child.id().expect("it was just started");
        let pid = Pid::from_raw(i32::try_from(id).expect("a process id fits"));
        let (lines, said) = watch::channel(Vec::new());
        let out = child.stdout.take().expect("its output is a pipe");
        let err = child.stderr.take().expect("its error output is a pipe");
        let readers = vec![
            tokio::spawn(read(out, lines.clone())),
            tokio::spawn(read(err, lines)),
        ];
        Self {
            name: name.to_owned(),
            child,
            pid,
            said,
            readers,
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Its standard input, if that is a pipe and was not taken yet.
    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for a line with this in it, be it said already or yet to come.
    pub(crate) async fn said(&self, what: &str) -> String {
        let mut said = self.said.clone();
        let waited = format!("that {} says {what:?}", self.name);
        let found = within(waited, said.wait_for(|lines| find(lines, what).is_some())).await;
        match found {
            Ok(lines) => find(&lines, what).expect("it was just found"),
            Err(_) => panic!("{} ended without saying {what:?}", self.name),
        }
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Stops it with `SIGSTOP`; returns when all of it stands still, which takes a moment.
    pub(crate) async fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        let id = Id::Pid(self.pid);
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT;
        let stopped = tokio::task::spawn_blocking(move || waitid(id, flags));
        let stopped = within(format!("the stop of {}", self.name), stopped).await;
        stopped
            .expect("the wait does not panic")
            .expect("a child can be waited for");
    }

    /// Waits for its end, and for all that it had to say.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let waited = format!("the end of {}", self.name);
        let status = within(&waited, self.child.wait()).await;
        for reader in self.readers.drain(..) {
            within(&waited, reader).await.expect("readers do not panic");
        }
        status.expect("a child can be waited for")
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failing test shows what was said")]
    fn drop(&mut self) {
        // Fails only if it is gone already.
        let _ = self.child.start_kill();
        if thread::panicking() {
            eprintln!("--- {} said:", self.name);
            for line in self.said.borrow().iter() {
                eprintln!("    {line}");
            }
        }
    }
}

fn find(lines: &[String], what: &str) -> Option<String> {
    lines.iter().find(|line| line.contains(what)).cloned()
}

async fn read(pipe: impl AsyncRead + Unpin, said: watch::Sender<Vec<String>>) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        said.send_modify(|lines| lines.push(line));
    }
}
