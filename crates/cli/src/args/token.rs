//! `leasehold token`

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use leasehold_node::{NodeName, PoolName, Role};

use super::{Reach, help, values};

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
