//! What may be said on the command line.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use leasehold_reach::WayArgs;

/// `leasehold chaos`
#[derive(Debug, Args)]
pub struct ChaosArgs {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// A scene each, and what goes with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Kill the hub, nodes and producers with SIGKILL: one, several, in storms
    Kill(SceneArgs),
    /// Fail the hub's disk: errors, no space, read-only, half writes, slow syncs; as root also a disk
    /// of its own that is full, and one that the kernel makes read-only
    Disk(SceneArgs),
    /// Cut the power, again and again: what the hub did not sync goes, all or any part of it
    PowerCut(SceneArgs),
    /// Cut the power of a hub with the engine fjall
    PowerCutFjall(SceneArgs),
    /// Freeze nodes and the hub with SIGSTOP, for moments and for longer than silence is borne
    Freeze(SceneArgs),
    /// Ask ten times what the hub can take, with thousands of sessions and some that behave badly
    Load(SceneArgs),
    /// Set the hub's clock forward and back by hours, while it runs and while it is down (Linux, `cc`)
    Clock(SceneArgs),
    /// Go on with the store of an earlier release; with --hub-program, that one runs first
    Upgrade(SceneArgs),
    /// Put bad cables between everybody and the hub: cut, half-open, lossy, late, corrupt
    Network(SceneArgs),
    /// Part real network namespaces, where the machine allows it (Linux, root, `ip`)
    Partition(SceneArgs),
    /// Play all scenes side by side, and print one table
    All(AllArgs),
    /// Judge histories that were recorded before
    Check(CheckArgs),
    /// Enqueue, and record what happens
    #[command(hide = true)]
    Produce(ProduceArgs),
    /// Work, and record what happens
    #[command(hide = true)]
    Work(WorkArgs),
    /// Claim, fall silent, and answer when it is too late
    #[command(hide = true)]
    Hold(HoldArgs),
    /// Become another program, and die with the parent
    #[command(hide = true)]
    Leash(LeashArgs),
}

/// One scene.
#[derive(Debug, Clone, Args)]
pub(crate) struct SceneArgs {
    /// Draw the schedule of faults from this number; with the same --for, and on a machine that allows
    /// the same (root, cc), it draws the same schedule [default: drawn, and printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How long faults are injected, 3s at the least and for load 15s; after that all that is left is
    /// worked off
    #[arg(long = "for", value_name = "DURATION", default_value = "30s")]
    #[arg(value_parser = humantime::parse_duration)]
    pub(crate) length: Duration,
    /// Play at this hub, which runs already and is yours: nodes and producers are hurt, and the hub
    /// is left to you; they use its pool "chaos"
    #[arg(long, value_name = "ADDR", conflicts_with = "hub_program")]
    #[arg(value_parser = leasehold_reach::address)]
    pub(crate) hub: Option<String>,
    /// A configuration of the hub to try, instead of the defaults; where it wants tokens, one is
    /// made for the run
    #[arg(long, value_name = "FILE")]
    pub(crate) hub_config: Option<PathBuf>,
    /// Another program for the hub, such as an older release
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) hub_program: Option<PathBuf>,
    /// Keep the history, logs and the store in this folder, which must not be there yet
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// What may be added to promised times, for a machine that is busy with other things
    #[arg(long, value_name = "DURATION", default_value = "2s")]
    #[arg(value_parser = humantime::parse_duration)]
    pub(crate) slack: Duration,
    /// Close the hub of the run to strangers: TLS, certificates and a token, all made for the run
    #[arg(long, conflicts_with = "hub")]
    pub(crate) closed: bool,
    #[command(flatten)]
    pub(crate) way: WayArgs,
    /// Write the figures into this file, too, as JSON
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) summary: Option<PathBuf>,
}

/// `leasehold chaos all`
#[derive(Debug, Args)]
pub(crate) struct AllArgs {
    /// How long faults are injected, in minutes: 0.25 at the least where load is played
    #[arg(default_value = "2", value_name = "MINUTES", value_parser = minutes)]
    pub(crate) minutes: f64,
    /// The seed of all schedules; with the same MINUTES, and on a machine that allows the same (root,
    /// cc), it draws the same schedules [default: drawn, and printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Only these scenes
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Keep histories, logs and stores in this folder, which must not be there yet
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

fn minutes(text: &str) -> Result<f64, &'static str> {
    text.parse().map_err(|_| "minutes, such as 0.5")
}

/// `leasehold chaos check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Folders with histories, such as --keep leaves
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What all who take part are told.
#[derive(Debug, Clone, Args)]
pub(crate) struct PartArgs {
    /// Where the hub is, or the way to it
    #[arg(long)]
    pub(crate) hub: String,
    #[command(flatten)]
    pub(crate) way: WayArgs,
    /// As what it takes part
    #[arg(long)]
    pub(crate) name: String,
    /// Where to record
    #[arg(long)]
    pub(crate) history: PathBuf,
    /// The pool
    #[arg(long)]
    pub(crate) pool: String,
}

/// `leasehold chaos produce`
#[derive(Debug, Args)]
pub(crate) struct ProduceArgs {
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Of what is drawn
    #[arg(long)]
    pub(crate) seed: u64,
    /// Between two enqueues, on the average
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) every: Duration,
    /// The longest rest of a task
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) rest_max: Duration,
    /// Of so many tasks one fails, in thousandths
    #[arg(long)]
    pub(crate) failing: u64,
    /// Of so many tasks one is sent twice, in thousandths
    #[arg(long)]
    pub(crate) twice: u64,
}

/// `leasehold chaos work`
#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Tasks at a time
    #[arg(long)]
    pub(crate) slots: usize,
}

/// `leasehold chaos hold`
#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    #[command(flatten)]
    pub(crate) part: PartArgs,
}

/// `leasehold chaos leash`
#[derive(Debug, Args)]
pub(crate) struct LeashArgs {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}
