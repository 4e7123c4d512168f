//! From the end of a command to the outcome of its task.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use leasehold_node::Outcome;
use nix::sys::signal::Signal;

use super::tail::{Head, Tail};

/// `EX_DATAERR` of sysexits.h: the input is wrong, and will be the next time.
const HOPELESS: i32 = 65;

/// `EX_TEMPFAIL` of sysexits.h: try again later.
const RELEASE: i32 = 75;

/// No hub keeps more of a reason.
const REASON_BYTES_MAX: usize = 1024;

/// Kept for how the command ended, before the end of what it said.
const PREFIX_BYTES_MAX: usize = 24;

/// Of standard error.
pub(super) const TAIL_BYTES_MAX: usize = REASON_BYTES_MAX - PREFIX_BYTES_MAX;

/// No hub takes a longer result.
pub(super) const RESULT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is to be made of a command that ended by itself.
pub(super) fn of(status: ExitStatus, output: Head, errors: &Tail) -> Outcome {
    match status.code() {
        Some(0) => completed(output),
        Some(RELEASE) => Outcome::Release,
        Some(HOPELESS) => Outcome::Hopeless(reason(status, &errors.text())),
        Some(_) | None => Outcome::Fail(reason(status, &errors.text())),
    }
}

/// Whether it ended by a signal that asks for it, or says so in the way of shells.
pub(super) fn was_told_to_end(status: ExitStatus) -> bool {
    let by_code = status.code().and_then(|code| code.checked_sub(128));
    let signal = status.signal().or(by_code);
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]
        .iter()
        .any(|asking| Some(*asking as i32) == signal)
}

fn completed(output: Head) -> Outcome {
    match output.whole() {
        Some(output) => Outcome::Complete(Some(output.into())),
        None => Outcome::Fail(format!(
            "the result is too long: the command wrote more than {RESULT_BYTES_MAX} bytes to its \
             standard output"
        )),
    }
}

fn reason(status: ExitStatus, said: &str) -> String {
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended strangely".into(),
    };
    if said.is_empty() {
        return ended;
    }
    format!("{ended}: {said}")
}

#[cfg(test)]
mod tests;
