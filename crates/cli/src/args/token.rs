//! `leasehold token`, and the token that every command may show.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process,
    sync::OnceLock,
    time::Duration,
};

use clap::{Args, Subcommand};
use leasehold_node::{NodeName, PoolName, Role, Secret};

use super::{Reach, help, values};
use crate::exit::complain;

/// Holds a token where no file does.
const VARIABLE: &str = "LEASEHOLD_TOKEN";

/// The exit code of a command that was asked wrongly.
const USAGE: i32 = 2;

/// Longer files are no tokens.
const BYTES_MAX: u64 = 4096;

/// What tells a token from the name of a file.
const PREFIX: &str = "lh1.";

/// The token to show. It is never an argument itself: those are in lists of processes.
#[derive(Debug, Args)]
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
    read: OnceLock<Option<Secret>>,
}

impl TokenFile {
    /// The token, if there is one. A file that cannot be read is the end of the command, but only of one
    /// that shows a token: the one that makes the first may have its variable set already.
    pub(crate) fn shown(&self) -> Option<Secret> {
        let token = || match &self.file {
            None => of_variable(),
            Some(path) => Some(read(path).unwrap_or_else(|why| {
                complain(format!("--token-file (or LEASEHOLD_TOKEN_FILE): {why}"));
                process::exit(USAGE)
            })),
        };
        self.read.get_or_init(token).clone()
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
    if about.is_file() && about.len() > BYTES_MAX {
        return Err(failed(format!("it has more than {BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    if about.is_file() && about.permissions().mode() & 0o077 != 0 {
        let path = path.display();
        complain(format!(
            "others may read the token in {path}: chmod 600 {path}"
        ));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    Ok(Secret::new(text.to_owned()))
}

/// `leasehold token`
#[derive(Debug, Args)]
#[command(after_help = help::TOKEN, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) verb: TokenVerb,
}

/// One verb each.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Make a token, and show it this once; it is good at once
    Create(CreateArgs),
    /// Show all tokens, without their secrets, which nobody keeps
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Make a token worthless at once: its sessions end
    Revoke(RevokeArgs),
}

/// Where tokens are kept of a hub that does not run.
#[derive(Debug, Args)]
pub(crate) struct Kept {
    /// Do it without a hub, in the folder of one that does not run: for the first token
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    pub(crate) data: Option<PathBuf>,
    /// The same, in the file that the hub's configuration names as auth.file
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `leasehold token create`
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What it is called: letters, digits and "._-"
    pub(crate) name: String,
    /// What it is good for: producer, node, admin; may be given several times
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role)]
    pub(crate) roles: Vec<Role>,
    /// Only in this pool; may be given several times [default: in all pools]
    #[arg(long = "pool", value_name = "POOL")]
    pub(crate) pools: Vec<PoolName>,
    /// Only for the node of this name, as `work --name` gives it
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<NodeName>,
    /// What is said of the node that shows it, such as zone=a; may be given several times
    #[arg(long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// Good for so long, such as 30d [default: until it is revoked]
    #[arg(long = "for", value_name = "DURATION", value_parser = values::duration)]
    pub(crate) good_for: Option<Duration>,
    /// Write it to this file, which must not be there, for its owner alone [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) kept: Kept,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold token list`
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) kept: Kept,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold token revoke`
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// What it is called
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) kept: Kept,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "producer" => Ok(Role::Producer),
        "node" => Ok(Role::Node),
        "admin" => Ok(Role::Admin),
        _ => Err("a role is producer, node or admin".to_owned()),
    }
}
