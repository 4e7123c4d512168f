//! A process that does not outlive the demonstration.

use std::{io, process::Stdio, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use tokio::{
    process::{Child, ChildStdout, Command},
    time::timeout,
};

#[cfg(target_os = "linux")]
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

use super::group::Group;

/// Killed, and gone, when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts a process in this group, so that Ctrl-C does not reach it, and with nothing of the
    /// surroundings' settings; gives what it writes to standard output.
    pub(super) fn start(mut command: Command, group: &Group) -> io::Result<(Self, ChildStdout)> {
        let ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("LEASEHOLD_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.process_group(group.number()).spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((Self { child }, output))
    }

    /// Sends a signal, if the process is still there.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // Fails only if the process is gone, which whoever waits for it will notice.
            let _ = kill(pid, signal);
        }
    }

    /// Whether all of it stands still since it was told to stop, which each time is said once. The
    /// signal goes to one of its threads, and until that one has a processor the others go on:
    /// where more is to be done than there are processors, for long enough to send an answer.
    #[cfg(target_os = "linux")]
    pub(super) fn has_stopped(&self) -> bool {
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG;
        let status = self.pid().map(|pid| waitid(Id::Pid(pid), flags));
        matches!(status, Some(Ok(WaitStatus::Stopped(..))))
    }

    /// Elsewhere the signal has to do.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn has_stopped(&self) -> bool {
        self.pid().is_some()
    }

    /// Waits so long for it to end by itself.
    pub(super) async fn ended_within(&mut self, within: Duration) -> bool {
        timeout(within, self.child.wait()).await.is_ok()
    }

    /// None once it has been seen to have ended: its number may be another's then.
    fn pid(&self) -> Option<Pid> {
        self.child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw)
    }
}

impl Drop for Process {
    /// Waits until it is gone, so that it writes nothing into a folder that is being removed.
    fn drop(&mut self) {
        let Some(pid) = self.pid() else { return };
        self.signal(Signal::SIGKILL);
        while waitpid(pid, None) == Err(Errno::EINTR) {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_process_stands_still_only_when_all_of_it_does() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, mut stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let process = Process { child };
        assert!(!process.has_stopped());
        for _ in 0..2 {
            process.signal(Signal::SIGSTOP);
            while !process.has_stopped() {
                tokio::task::yield_now().await;
            }
            assert!(!process.has_stopped(), "it is said once");
            process.signal(Signal::SIGCONT);
        }
        drop(stdin);
        assert_eq!(stdout.read(&mut [0]).await.unwrap(), 0, "it went on");
    }
}
