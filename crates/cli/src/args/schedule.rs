//! `leasehold schedule`

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{ArgGroup, Args, Subcommand};
use leasehold_node::{Misfire, PoolName, ScheduleName, Timestamp};

use super::{Reach, help, values, wishes, wishes::WishArgs};

/// `leasehold schedule`
#[derive(Debug, Args)]
#[command(after_help = help::SCHEDULE, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ScheduleArgs {
    #[command(subcommand)]
    pub(crate) verb: ScheduleVerb,
}

/// One verb each.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleVerb {
    /// Keep a schedule, in place of one of the same name
    Put(Box<PutArgs>),
    /// List the schedules of a pool
    Ls(PoolOnly),
    /// Show all of a schedule, with its next five instants
    Show(OneSchedule),
    /// Drop a schedule; the tasks that it fired stay
    Rm(OneSchedule),
    /// Let its instants pass without a task
    Pause(OneSchedule),
    /// Let it fire again; what passed meanwhile is not made up
    Resume(OneSchedule),
}

/// A pool.
#[derive(Debug, Args)]
pub(crate) struct PoolOnly {
    /// The pool
    pub(crate) pool: PoolName,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// A schedule.
#[derive(Debug, Args)]
pub(crate) struct OneSchedule {
    /// The pool
    pub(crate) pool: PoolName,
    /// The schedule
    pub(crate) name: ScheduleName,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold schedule put`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("when").args(["cron", "every"]).required(true))]
pub(crate) struct PutArgs {
    /// The pool, which is made if need be
    pub(crate) pool: PoolName,
    /// What it is called in its pool: 1 to 64 letters, digits, ".", "_", "-"
    pub(crate) name: ScheduleName,
    /// The payload of each task
    pub(crate) payload: Option<OsString>,
    /// The payload is what is in this file; at most 32 KiB
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    pub(crate) file: Option<PathBuf>,
    /// A cron expression of five fields, or six with the second first: `30 4 * * MON-FRI`
    #[arg(long, value_name = "EXPR")]
    pub(crate) cron: Option<String>,
    /// The time zone of the cron expression, by its IANA name
    #[arg(
        long,
        value_name = "ZONE",
        default_value = "UTC",
        conflicts_with = "every"
    )]
    pub(crate) zone: String,
    /// An interval of at least a second
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) every: Option<Duration>,
    /// The first instant of the interval [default: one interval from now]
    #[arg(long, value_name = "TIME", conflicts_with = "cron", value_parser = wishes::moment)]
    pub(crate) from: Option<Timestamp>,
    /// What becomes of instants that passed while the hub was down for a minute or more: skip (none
    /// fires), once (the newest fires), all (each fires, the newest thousand)
    #[arg(long, value_name = "POLICY", default_value = "once", value_parser = misfire)]
    pub(crate) misfire: Misfire,
    /// Keep it without letting it fire
    #[arg(long)]
    pub(crate) paused: bool,
    /// 0 is the most urgent; or critical (0), high (2), normal (4), low (8), bulk (16)
    #[arg(long, value_name = "N|NAME", default_value = "normal", value_parser = values::priority)]
    pub(crate) priority: u32,
    /// With so many failures a task is dead, instead of the pool's own number
    #[arg(long, value_name = "N")]
    pub(crate) attempts_max: Option<u32>,
    #[command(flatten)]
    pub(crate) wishes: WishArgs,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// What is said of each policy.
pub(crate) const MISFIRES: [(Misfire, &str); 3] = [
    (Misfire::Skip, "skip"),
    (Misfire::Once, "once"),
    (Misfire::All, "all"),
];

fn misfire(text: &str) -> Result<Misfire, String> {
    let found = MISFIRES.into_iter().find(|(_, name)| *name == text);
    let names = || MISFIRES.map(|(_, name)| name).join(", ");
    found
        .map(|(misfire, _)| misfire)
        .ok_or_else(|| format!("a policy is {}", names()))
}
