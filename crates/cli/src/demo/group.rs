//! The process group of all that the demonstration starts. It does not outlive the demonstration
//! even if that is killed: a guard has it on a leash, as a worker has its commands.

use std::{io, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
};

/// What leads the group: it says its number, and does nothing.
const LEADER: &str = "echo $$; exec sleep 3600";

/// The guard wants to know how long the payload is, and there is none.
const NO_PAYLOAD: [u8; 8] = [0; 8];

/// Its processes are killed when this is dropped, and when this process ends in any way.
#[derive(Debug)]
pub(super) struct Group {
    _guard: Child,
    /// Open for as long as the group is to live.
    _leash: ChildStdin,
    number: i32,
}

impl Group {
    /// A group of which only the leader is there.
    pub(super) async fn start(program: &Path) -> io::Result<Self> {
        let mut guard = Command::new(program)
            .args(["exec-guard", "--", LEADER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let pipes = guard.stdin.take().zip(guard.stdout.take());
        let (mut leash, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        leash.write_all(&NO_PAYLOAD).await?;
        let number = BufReader::new(output).lines().next_line().await?;
        let number = number.and_then(|line| line.parse().ok());
        Ok(Self {
            _guard: guard,
            _leash: leash,
            number: number.ok_or_else(|| io::Error::other("the guard did not start"))?,
        })
    }

    /// As the system knows it.
    pub(super) const fn number(&self) -> i32 {
        self.number
    }
}
