//! How a command ends when it does not end well.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use leasehold_node::{RefusalCode, Rejection, RequestError};

/// `EX_UNAVAILABLE` of sysexits.h.
const UNREACHABLE: u8 = 69;

/// `EX_NOPERM` of sysexits.h.
const DENIED: u8 = 77;

/// What a shell reports of a program that SIGPIPE ended.
const BROKEN_PIPE: u8 = 141;

/// Why a command did not do all that it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked wrongly.
    Usage(String),
    /// The hub could not be reached.
    Unreachable(String),
    /// The hub does not allow it.
    Denied(String),
    /// It was refused, or failed.
    Failed(String),
    /// As above, and all that is to be said was said.
    Told,
    /// Nobody reads standard output any more.
    BrokenPipe,
}

impl Failure {
    /// `failed to {what}: {why}`
    pub(crate) fn failed(what: impl Display, why: impl Display) -> Self {
        Self::Failed(format!("failed to {what}: {why}"))
    }

    /// A request failed.
    pub(crate) fn request(what: impl Display, error: &RequestError) -> Self {
        let text = format!("failed to {what}: {error}");
        match error {
            RequestError::Unreachable { .. } => Self::Unreachable(format!(
                "{text}\nis the hub running? start one with: leasehold hub"
            )),
            RequestError::Rejected(Rejection::Denied(_)) => Self::Denied(text),
            RequestError::Refused(refusal) if refusal.code == RefusalCode::Denied => {
                Self::denied(&text)
            }
            RequestError::Rejected(_)
            | RequestError::Refused(_)
            | RequestError::Tls(_)
            | RequestError::TooLong(_)
            | RequestError::Unexpected
            | RequestError::Ended => Self::Failed(text),
        }
    }

    /// The hub lets nobody in without a token, or not with this one.
    pub(crate) fn denied(text: &str) -> Self {
        Self::Denied(format!(
            "{text}\nshow a token with --token-file FILE, LEASEHOLD_TOKEN_FILE or LEASEHOLD_TOKEN; \
             an admin makes one with: leasehold token create"
        ))
    }

    /// Standard output or error could not be written to.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::failed("write to standard output", error)
    }

    /// Says on standard error what is to be said, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(text) => told(text, 2),
            Self::Unreachable(text) => told(text, UNREACHABLE),
            Self::Denied(text) => told(text, DENIED),
            Self::Failed(text) => told(text, 1),
            Self::Told => ExitCode::from(1),
            Self::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        }
    }
}

fn told(text: &str, code: u8) -> ExitCode {
    complain(text);
    ExitCode::from(code)
}

/// Says something that went wrong on standard error, under the program's name.
pub(crate) fn complain(text: impl Display) {
    // When even this fails there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "leasehold: {text}");
}
