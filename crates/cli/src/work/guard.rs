//! `leasehold exec-guard`: stands between a worker and a command, so that the command ends when the
//! worker does, however the worker ends.
//!
//! Its standard input is the leash. On it come the length of the payload (eight bytes, the least
//! first), the payload, and then, if ever, [`TERMINATE`]: the command's process group gets SIGTERM.
//! The end of the leash is SIGKILL for the group. A dead worker has let go of it.
//!
//! The guard ends as the command did, and with it ends what the command left running.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        resource::{Resource, setrlimit},
        signal::{Signal, killpg, raise},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use crate::exit::complain;

/// On the leash after the payload: end the command.
pub(super) const TERMINATE: u8 = b't';

/// The exit code of a guard that could not run the command, as of a shell's.
const NOT_RUN: u8 = 126;

/// How often a group that was told to end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What goes before a payload of this length.
pub(super) fn header(payload_bytes: usize) -> [u8; 8] {
    (payload_bytes as u64).to_le_bytes()
}

/// Guards the command to its end.
pub(crate) fn run(command: &OsStr) -> ExitCode {
    // The lock on standard input is given back here: the watch needs it next.
    let payload = read_payload(&mut io::stdin().lock());
    let ended = payload.and_then(|payload| guard(command, payload));
    if let Some(pipe) = env::var_os("LEASEHOLD_TELL") {
        // A worker that lives has done so, or will.
        let _ = fs::remove_file(pipe);
    }
    match ended {
        Ok(status) => end_as(status),
        Err(error) => {
            complain(format!("failed to run the command: {error}"));
            ExitCode::from(NOT_RUN)
        }
    }
}

fn read_payload(leash: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    leash.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    let mut payload = Vec::new();
    let read = leash.take(length).read_to_end(&mut payload)? as u64;
    let is_whole = read == length;
    is_whole
        .then_some(payload)
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn guard(command: &OsStr, payload: Vec<u8>) -> io::Result<ExitStatus> {
    adopt_orphans();
    give_back_huge_pages();
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let group = Group::of(&child)?;
    if let Some(stdin) = child.stdin.take() {
        thread::spawn(move || feed(stdin, &payload));
    }
    let (told, leash) = channel();
    thread::spawn(move || watch(group, &told));
    let status = child.wait()?;
    group.await_end(&leash);
    group.signal(Signal::SIGKILL);
    Ok(status)
}

/// What the command leaves behind is to be reaped here: nobody knows how soon others would.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Without it the wait for a group that was told to end takes longer, no more.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Our allocator renounces them for this process, which would go for all that it starts.
fn give_back_huge_pages() {
    #[cfg(target_os = "linux")]
    // A kernel that does not know them has none to be given back.
    let _ = rustix::thread::disable_transparent_huge_pages(false);
}

fn feed(mut stdin: ChildStdin, payload: &[u8]) {
    // A command may well not want its payload.
    let _ = stdin.write_all(payload);
}

/// Something that came over the leash.
struct Terminated;

fn watch(group: Group, told: &Sender<Terminated>) {
    let mut byte = [0];
    while let Ok(1) = io::stdin().lock().read(&mut byte) {
        // Nobody listens once the command has ended.
        let _ = told.send(Terminated);
        group.signal(Signal::SIGTERM);
    }
    group.signal(Signal::SIGKILL);
}

/// The process group of the command.
#[derive(Clone, Copy)]
struct Group(Pid);

impl Group {
    fn of(child: &Child) -> io::Result<Self> {
        let leader = i32::try_from(child.id()).map_err(io::Error::other)?;
        Ok(Self(Pid::from_raw(leader)))
    }

    fn signal(self, signal: Signal) {
        // Fails if all of it is gone, which is what was wanted.
        let _ = killpg(self.0, signal);
    }

    fn is_there(self) -> bool {
        let anyone = Pid::from_raw(-self.0.as_raw());
        let reaped = || waitpid(anyone, Some(WaitPidFlag::WNOHANG));
        while reaped().is_ok_and(|status| status.pid().is_some()) {}
        killpg(self.0, None).is_ok()
    }

    /// A shell that was told to end goes before its children: they have until the worker lets go.
    fn await_end(self, leash: &Receiver<Terminated>) {
        if leash.try_recv().is_err() {
            return;
        }
        while self.is_there() {
            match leash.recv_timeout(LOOK_EVERY) {
                Ok(Terminated) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// Ends with the command's exit code, or by the signal that it ended by.
fn end_as(status: ExitStatus) -> ExitCode {
    let signal = status
        .signal()
        .and_then(|signal| Signal::try_from(signal).ok());
    if let Some(signal) = signal {
        // One core is enough. The second time finds those that the runtime handles the first.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
        let _ = raise(signal).and_then(|()| raise(signal));
    }
    let as_shells_do = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(as_shells_do).unwrap_or_default();
    ExitCode::from(u8::try_from(code).unwrap_or(NOT_RUN))
}
