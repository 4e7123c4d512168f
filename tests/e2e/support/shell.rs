//! Commands as a user types them.

use std::{ffi::OsStr, path::Path, process::Stdio};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    hub::Hub,
    process::{Process, leasehold},
    within,
};

/// What a command came to.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Told {
    /// Its output; it must have gone well.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Its error output; it must have ended with this code.
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self.err
    }

    /// Its output as one JSON document.
    pub(crate) fn json(self) -> Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error} in {out}"))
    }

    /// Its output as one JSON document a line.
    pub(crate) fn json_lines(self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("a line is a document");
        self.ok().lines().map(parse).collect()
    }
}

/// Runs a command to its end.
pub(crate) async fn run(command: Command) -> Told {
    run_with_input(command, b"").await
}

/// Runs a command to its end, with this on its standard input.
pub(crate) async fn run_with_input(mut command: Command, input: &[u8]) -> Told {
    let what = format!("the end of {:?}", command.as_std());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    let write = async move {
        // Not every command reads its input.
        let _ = stdin.write_all(input).await;
    };
    let both = async { tokio::join!(write, child.wait_with_output()).1 };
    let output = within(what, both).await.expect("it can be waited for");
    Told {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Hub {
    /// A command that speaks with this hub.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = leasehold(args);
        command.env("LEASEHOLD_HUB", self.at());
        command
    }

    /// Runs a command that speaks with this hub.
    pub(crate) async fn run(&self, args: &[&str]) -> Told {
        run(self.command(args)).await
    }

    /// Enqueues tasks with these payloads; their ids.
    pub(crate) async fn enqueue(&self, payloads: &[&str]) -> Vec<String> {
        let lines = payloads.join("\n");
        let command = self.command(&["enqueue", "p", "--lines", "-"]);
        let told = run_with_input(command, lines.as_bytes()).await.ok();
        told.lines().map(str::to_owned).collect()
    }

    /// Everything known of a task.
    pub(crate) async fn task(&self, id: &str) -> Value {
        self.run(&["task", id, "--json"]).await.json()
    }

    /// How the pool `p` stands.
    pub(crate) async fn pool(&self) -> Value {
        let status = self.run(&["status", "p", "--json"]).await.json();
        status["pools"][0].clone()
    }

    /// A worker of the pool `p` that runs this for each task, with `$E2E` the hub's folder.
    pub(crate) fn work(&self, name: &str, exec: &str, more: &[&str]) -> Process {
        self.work_at(&self.at(), name, exec, more)
    }

    /// The same by way of another address.
    pub(crate) fn work_at(&self, address: &str, name: &str, exec: &str, more: &[&str]) -> Process {
        let args = [
            "work", "p", "--hub", address, "--name", name, "--exec", exec,
        ];
        let mut command = leasehold(&args);
        command.args(more).env("E2E", self.folder());
        Process::start(name, command)
    }

    /// Writes a file beside the hub's folder; its path.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder().join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        text_of(&path)
    }
}

/// A path as an argument.
pub(crate) fn text_of(path: &Path) -> String {
    let text: &OsStr = path.as_ref();
    text.to_str().expect("paths of tests are text").to_owned()
}
