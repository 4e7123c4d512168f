//! `leasehold pool`

use clap::{Args, Subcommand};
use leasehold_node::{Death, PoolName, Setting, StateKind, Timestamp};

use super::{Reach, dead, help, values, wishes};

/// `leasehold pool`
#[derive(Debug, Args)]
#[command(after_help = help::POOL, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct PoolArgs {
    #[command(subcommand)]
    pub(crate) verb: PoolVerb,
}

/// One verb each.
#[derive(Debug, Subcommand)]
pub(crate) enum PoolVerb {
    /// Make a pool that is not there yet
    Create(SetArgs),
    /// Change settings of a pool, all or none; they outlive the hub
    Set(SetArgs),
    /// Show every setting and who said so, whether it is paused, and its last changes
    Show(OnePool),
    /// Grant nothing until it is resumed; everything else goes on
    Pause(PauseArgs),
    /// Grant tasks again
    Resume(OnePool),
    /// Forget tasks that have ended, with their payloads and results
    Purge(PurgeArgs),
    /// Drop a pool and all that is in it
    Delete(DeleteArgs),
}

/// A pool.
#[derive(Debug, Args)]
pub(crate) struct OnePool {
    /// The pool
    pub(crate) pool: PoolName,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold pool create`, `leasehold pool set`
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// What is to be, as in a configuration file without quotes; `key=` goes back to what the hub's
    /// configuration says
    #[arg(value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) settings: Vec<Setting>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold pool pause`
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// For whoever asks why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold pool purge`
#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// Only those in this state: completed, cancelled, dead
    #[arg(long, value_name = "STATE", value_parser = values::state)]
    pub(crate) state: Option<StateKind>,
    /// Only dead ones of this cause: attempts-spent, lost-too-often, interrupted-too-often, expired,
    /// hopeless, parent-gone
    #[arg(long, value_name = "CAUSE", value_parser = dead::cause)]
    pub(crate) cause: Option<Death>,
    /// Only those that ended before this moment by the hub's clock, such as 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = wishes::moment)]
    pub(crate) ended_before: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold pool delete`
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// Also when there are tasks that have not ended: they are called off
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

fn setting(text: &str) -> Result<Setting, String> {
    let wanted = "a setting is KEY=VALUE, such as lease=2m; \"KEY=\" sets it no longer";
    let (key, value) = text.split_once('=').ok_or(wanted)?;
    Ok(Setting {
        key: key.trim().to_owned(),
        value: Some(value.trim().to_owned()).filter(|value| !value.is_empty()),
    })
}
