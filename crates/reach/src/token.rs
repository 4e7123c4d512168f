//! The token that every command may show.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use clap::Args;
use leasehold_node::Secret;

use crate::WayError;

/// All variables of it.
pub(crate) const VARIABLES: [&str; 2] = [FILE_VARIABLE, VARIABLE];

/// Holds a token where no file does.
const VARIABLE: &str = "LEASEHOLD_TOKEN";

/// Names the file with one.
const FILE_VARIABLE: &str = "LEASEHOLD_TOKEN_FILE";

/// Longer files are no tokens.
const BYTES_MAX: u64 = 4096;

/// What tells a token from the name of a file.
const PREFIX: &str = "lh1.";

/// The token to show. It is never an argument itself: those are in lists of processes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TokenFile {
    /// Show the token in this file to the hub; or that in the variable LEASEHOLD_TOKEN
    #[arg(
        long = "token-file",
        id = "token_file",
        value_name = "FILE",
        env = "LEASEHOLD_TOKEN_FILE",
        hide_env_values = true
    )]
    file: Option<PathBuf>,
    /// Read once: it may be a pipe.
    #[arg(skip)]
    read: OnceLock<Result<Option<Secret>, WayError>>,
}

impl TokenFile {
    /// The one in this file, or none, whatever is in the environment.
    pub(crate) fn just(file: Option<PathBuf>) -> Self {
        let read = OnceLock::new();
        if file.is_none() {
            // It is new, so nothing is in it.
            _ = read.set(Ok(None));
        }
        Self { file, read }
    }

    /// The file of it, if one was named.
    pub(crate) fn named(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The token, if there is one.
    pub(crate) fn shown(&self) -> Result<Option<Secret>, WayError> {
        let token = || match &self.file {
            None => Ok(of_variable()),
            Some(path) => read(path)
                .map(Some)
                .map_err(|why| WayError::new(format!("--token-file (or {FILE_VARIABLE}): {why}"))),
        };
        self.read.get_or_init(token).clone()
    }

    /// By which variable another process is told of it: of the file, if it can be read again.
    pub(crate) fn handed_on(&self) -> Result<Option<(&'static str, String)>, WayError> {
        let Some(token) = self.shown()? else {
            return Ok(None);
        };
        let file = self.file.as_deref().filter(|path| path.is_file());
        Ok(Some(match file.and_then(Path::to_str) {
            Some(path) => (FILE_VARIABLE, path.to_owned()),
            None => (VARIABLE, token.reveal().to_owned()),
        }))
    }
}

fn of_variable() -> Option<Secret> {
    let text = std::env::var(VARIABLE).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| Secret::new(text.to_owned()))
}

fn read(path: &Path) -> Result<Secret, String> {
    if path.to_string_lossy().starts_with(PREFIX) && !path.exists() {
        // It stands in lists of processes now, and is not to stand in a log as well.
        let why = "that is a token, and others may have seen it by now: revoke it. What is wanted is \
                   the name of a file with one";
        return Err(why.to_owned());
    }
    if path == Path::new("") {
        return Err("no file is named; unset the variable to show no token".to_owned());
    }
    let failed = |why: String| format!("{} cannot be read: {why}", path.display());
    let about = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let read = file.take(BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(failed(format!("it has more than {BYTES_MAX} bytes")));
    }
    if about.is_file() && about.permissions().mode() & 0o077 != 0 {
        warn_of_readers(path);
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    // Whatever else is in it is nothing to show to a hub.
    if !text.starts_with(PREFIX) {
        return Err(failed(format!(
            "there is no token in it: one begins with {PREFIX}"
        )));
    }
    Ok(Secret::new(text.to_owned()))
}

fn warn_of_readers(path: &Path) {
    let path = path.display();
    // When even this fails there is nobody to tell.
    _ = writeln!(
        io::stderr().lock(),
        "leasehold: others may read the token in {path}: chmod 600 {path}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_not_shown_and_not_read_without_end() {
        let why = read(Path::new("Cargo.toml")).expect_err("it has none");
        assert!(why.contains("no token in it"), "{why}");
        let why = read(Path::new("/dev/zero")).expect_err("it has no end");
        assert!(why.contains("more than 4096 bytes"), "{why}");
    }
}
