//! Nobody whom a run starts outlives it.

use std::{os::unix::process::CommandExt, process::Command};

use crate::{args::LeashArgs, error::ChaosError};

/// Becomes the command, which the kernel kills when the thread that started it ends: that one lives
/// as long as its process. Returns only what went wrong.
pub(crate) fn leash(args: &LeashArgs) -> ChaosError {
    tie();
    let (program, rest) = args.command.split_first().expect("the parser wants one");
    let error = Command::new(program).args(rest).exec();
    ChaosError::failed(format!("run {}", program.to_string_lossy()), error)
}

#[cfg(target_os = "linux")]
fn tie() {
    use nix::sys::{prctl, signal::Signal};
    // Without it, whoever kills the run has to kill the rest, too.
    _ = prctl::set_pdeathsig(Signal::SIGKILL);
}

#[cfg(not(target_os = "linux"))]
const fn tie() {}
