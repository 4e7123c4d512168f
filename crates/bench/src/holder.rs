//! A process of its own that holds tasks with many sessions, so that all of them are cut as they are
//! when a process dies, and the one that measures does none of the work of it.

use std::{env, io::stdin, os::fd::AsFd, process::Stdio};

use leasehold_core::PoolName;
use leasehold_reach::{Door, WayArgs};
use tokio::{
    io::AsyncReadExt,
    net::unix::pipe,
    process::{Child, ChildStdin, Command},
    sync::watch,
};

use crate::{BenchError, Leasehold, leasehold::Idle, phases::sessions};

/// Tasks that each session holds.
pub(crate) const LEASES: u32 = 10;

/// Killed when it is dropped; ends by itself when the bench does.
#[derive(Debug)]
pub(crate) struct Holder {
    child: Child,
    /// Open for as long as it is to live.
    _leash: Option<ChildStdin>,
}

impl Holder {
    /// Starts it; when it holds all, the hub knows.
    pub(crate) fn start(
        hub: &str,
        way: &WayArgs,
        pool: &PoolName,
        count: u32,
    ) -> Result<Self, BenchError> {
        let program = env::current_exe().map_err(BenchError::io("find this program"))?;
        let mut command = Command::new(program);
        way.hand_on(command.as_std_mut())?;
        let mut child = command
            .args(["bench", "--hub", hub, "--hold", pool.as_str()])
            .args(["--sessions", &count.to_string(), "--threads", "1"])
            // Ctrl-C is the bench's to hear.
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(BenchError::io("start a process that holds sessions"))?;
        let _leash = child.stdin.take();
        Ok(Self { child, _leash })
    }

    /// Waits until it is gone, which it is before its time: it has said why.
    pub(crate) async fn ended(&mut self) -> BenchError {
        match self.child.wait().await {
            Ok(status) => BenchError::failed("hold sessions", status),
            Err(error) => BenchError::failed("hold sessions", error),
        }
    }

    /// Kills it: the system closes its sockets one after the other.
    pub(crate) fn cut(&mut self) -> Result<(), BenchError> {
        let killed = self.child.start_kill();
        killed.map_err(BenchError::io("kill the process that holds sessions"))
    }
}

/// What that process does, until it is killed or whoever started it is gone.
pub(crate) async fn hold(pool: &str, hub: Door, counts: &[u32]) -> Result<(), BenchError> {
    let pool = PoolName::new(pool).map_err(|error| BenchError::failed("name a pool", error))?;
    let hub = Leasehold::with_pool(hub, pool)?;
    let leash = stdin().as_fd().try_clone_to_owned();
    let mut leash = leash
        .and_then(pipe::Receiver::from_owned_fd)
        .map_err(BenchError::io("hold on to who started this"))?;
    let (_go, going) = watch::channel(false);
    let count = counts.iter().sum();
    sessions::check_descriptors(count)?;
    let mut held =
        sessions::open(&hub, count, |session| hold_tasks(session, going.clone())).await?;
    tokio::select! {
        Some(ended) = held.join_next() => Err(sessions::why(ended)),
        _ = leash.read_u8() => Ok(()),
    }
}

async fn hold_tasks(session: Idle, going: watch::Receiver<bool>) -> Result<Idle, BenchError> {
    session.claim(LEASES).await?.run(going).await
}
