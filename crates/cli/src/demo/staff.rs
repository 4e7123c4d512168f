//! The real processes: a hub and workers, all of them this very program.

use std::{
    fs::{File, OpenOptions},
    io,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::Path,
    process::Stdio,
    time::Duration,
};

use leasehold_node::LeaseId;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

use super::{group::Group, outcomes::Outcomes, process::Process, proxy::Proxy};

/// Tasks at a time, of each worker.
pub(super) const SLOTS: usize = 3;

/// Where the hub logs, in the folder of the demonstration.
pub(super) const HUB_LOG: &str = "hub.log";

/// The only settings that are not the defaults: knob, value, default.
pub(super) const SETTINGS: [(&str, &str, &str); 2] =
    [("heartbeat", "500ms", "4s"), ("silence_after", "2s", "10s")];

/// A link to this program in the folder of the demonstration, so that no path needs quotes.
const PROGRAM: &str = "leasehold";

const CONFIG: &str = "hub.toml";

/// How long a hub may take until it listens; it restores its pools first.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

/// Writes what the processes need into the folder, and makes a group for them.
pub(super) async fn prepare(folder: &Path) -> io::Result<Group> {
    let knob = |(name, value, _): (&str, &str, &str)| format!("{name} = \"{value}\"\n");
    let config = format!("[session]\n{}", SETTINGS.map(knob).concat());
    std::fs::write(folder.join(CONFIG), config)?;
    let program = folder.join(PROGRAM);
    symlink(std::env::current_exe()?.canonicalize()?, &program)?;
    Group::start(&program).await
}

/// A hub that listens.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) process: Process,
    pub(super) address: SocketAddr,
    /// Open, so that the hub never finds it closed.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Hub {
    /// Starts one on the store in this folder.
    pub(super) async fn start(
        folder: &Path,
        group: &Group,
        listen: SocketAddr,
    ) -> io::Result<Self> {
        let mut command = program(folder, HUB_LOG)?;
        command.args(["hub", "--config", CONFIG, "--data", "data"]);
        command.args(["--listen", &listen.to_string()]);
        let (process, output) = Process::start(command, group)?;
        let mut output = BufReader::new(output).lines();
        let line = timeout(LISTENS_WITHIN, output.next_line()).await??;
        let address = line
            .as_deref()
            .and_then(|line| line.strip_prefix("listening on "));
        let address = address.and_then(|address| address.parse().ok());
        Ok(Self {
            process,
            address: address.ok_or_else(|| io::Error::other("it did not say where it listens"))?,
            _output: output,
        })
    }
}

/// Where a worker works, and on what.
#[derive(Debug)]
pub(super) struct Post<'a> {
    pub(super) folder: &'a Path,
    pub(super) group: &'a Group,
    pub(super) hub: SocketAddr,
    pub(super) pool: &'a str,
    /// How long each of its tasks rests.
    pub(super) rest: Duration,
    pub(super) outcomes: &'a Outcomes,
}

/// A worker, and its own way to the hub.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// The hub has taken from it all that it was granted up to this lease.
    pub(super) taken: Option<LeaseId>,
    pub(super) process: Process,
    pub(super) proxy: Proxy,
    pub(super) reader: JoinHandle<()>,
}

impl Node {
    /// Starts `leasehold work`.
    pub(super) async fn start(post: &Post<'_>, name: &str) -> io::Result<Self> {
        let Post { folder, group, .. } = *post;
        let proxy = Proxy::start(post.hub).await?;
        let mut command = program(folder, &format!("{name}.log"))?;
        let exec = format!(
            "exec ./{PROGRAM} demo --hash-and-rest {}ms",
            post.rest.as_millis()
        );
        command.args([
            "work",
            post.pool,
            "--json",
            "--timeout",
            "30s",
            "--name",
            name,
        ]);
        command.args(["--exec", &exec, "--slots", &SLOTS.to_string()]);
        command.args(["--hub", &proxy.address().to_string()]);
        let (process, output) = Process::start(command, group)?;
        Ok(Self {
            name: name.into(),
            taken: None,
            process,
            proxy,
            reader: post.outcomes.follow(output),
        })
    }
}

fn program(folder: &Path, log: &str) -> io::Result<Command> {
    let mut command = Command::new(folder.join(PROGRAM));
    command
        .current_dir(folder)
        .stderr(Stdio::from(appended(&folder.join(log))?));
    Ok(command)
}

fn appended(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
