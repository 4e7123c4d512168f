//! What may be said on the command line.

mod backup;
mod dead;
mod help;
mod pool;
mod reach;
mod schedule;
mod token;
pub(crate) mod values;
mod wishes;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{ArgGroup, Args as ArgsOf, Parser, Subcommand};
use leasehold_bench::BenchArgs;
use leasehold_chaos::ChaosArgs;
use leasehold_hub::LogEngine;
use leasehold_node::{Death, NodeName, PoolName, StateKind, TaskId};
use leasehold_reach::WayArgs;

use self::wishes::WishArgs;
pub(crate) use self::{
    backup::{BackupArgs, ExportArgs, RestoreArgs, VerifyArgs},
    pool::{PoolArgs, PoolVerb, PurgeArgs, SetArgs},
    schedule::{MISFIRES, PutArgs, ScheduleArgs, ScheduleVerb},
    token::{CreateArgs, Kept, TokenArgs, TokenVerb},
};

/// A durable task broker: a hub keeps tasks, nodes work on them under leases, nothing is lost.
#[derive(Debug, Parser)]
#[command(name = "leasehold", version, max_term_width = 100)]
#[command(after_help = help::TOP, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a hub, which keeps pools of tasks and leases them to nodes
    Hub(HubArgs),
    /// Put tasks into a pool
    Enqueue(Box<EnqueueArgs>),
    /// Work on tasks of pools by running a command for each
    Work(WorkArgs),
    /// Show pools with their counts, nodes, the store and the hub
    Status(StatusArgs),
    /// List the tasks of a pool
    Tasks(TasksArgs),
    /// Show everything known of one task
    Task(TaskArgs),
    /// Call tasks off
    Cancel(CancelArgs),
    /// Bring dead tasks back
    Revive(ReviveArgs),
    /// Wait for the end of tasks and print their results
    Wait(WaitArgs),
    /// Make, show, change, pause, empty or delete a pool
    Pool(PoolArgs),
    /// Keep, show, pause or drop schedules, which enqueue tasks again and again
    Schedule(Box<ScheduleArgs>),
    /// Take a backup of a running hub, or of a data folder
    Backup(BackupArgs),
    /// Make a data folder, of either engine, of what backup made
    Restore(RestoreArgs),
    /// Check every record of a data folder or of a backup
    Verify(VerifyArgs),
    /// Make, show or revoke tokens, which say who may do what
    Token(Box<TokenArgs>),
    /// Write all that a data folder holds as lines of JSON; no hub may have it open
    Export(ExportArgs),
    /// Make a data folder, of either engine, of what export wrote
    Import(ImportArgs),
    /// Show on real files that nothing is lost when anything dies
    Demo(DemoArgs),
    /// Measure a hub, and the machine under it
    #[command(after_help = help::BENCH)]
    Bench(Box<BenchArgs>),
    /// Hurt a hub and its nodes in many ways, and judge whether every promise was kept
    #[command(after_help = help::CHAOS)]
    Chaos(Box<ChaosArgs>),
    /// Run a command and kill all of it when standard input ends
    #[command(hide = true)]
    ExecGuard(GuardArgs),
}

/// How a hub is reached, and how its answers are shown.
#[derive(Debug, ArgsOf)]
pub(crate) struct Reach {
    /// Where the hub is: host:port
    #[arg(
        long,
        value_name = "ADDR",
        env = "LEASEHOLD_HUB",
        hide_env_values = true
    )]
    #[arg(default_value = "127.0.0.1:7411", value_parser = leasehold_reach::address)]
    pub(crate) hub: String,
    #[command(flatten)]
    pub(crate) way: WayArgs,
    /// How long to try to reach the hub before giving up with exit code 69
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub(crate) timeout: Duration,
    /// Print JSON instead of text for people
    #[arg(long)]
    pub(crate) json: bool,
}

/// `leasehold hub`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::HUB)]
pub(crate) struct HubArgs {
    /// A configuration file; see --print-config
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen; port 0 takes any that is free [config: hub.listen]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// The folder of the store, made if it is not there [config: store.data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print the configuration in force as a file that explains itself, and end
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Say whether the configuration is sound, and end
    #[arg(long, conflicts_with = "print_config")]
    pub(crate) check_config: bool,
}

/// `leasehold enqueue`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::ENQUEUE)]
#[command(group = ArgGroup::new("source").args(["payload", "file", "lines"]))]
pub(crate) struct EnqueueArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// The payload; without one it is read from standard input
    pub(crate) payload: Option<OsString>,
    /// Take the payload from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Make one task of each line of this file; "-" is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "wait"])]
    pub(crate) lines: Option<PathBuf>,
    /// The task's id; enqueued again under the same id it stays one task
    #[arg(long, value_name = "UUID")]
    pub(crate) id: Option<TaskId>,
    /// 0 is the most urgent; or critical (0), high (2), normal (4), low (8), bulk (16)
    #[arg(long, value_name = "N|NAME", default_value = "normal", value_parser = values::priority)]
    pub(crate) priority: u32,
    /// After so many failures the task is dead, instead of the pool's own number
    #[arg(long, value_name = "N")]
    pub(crate) attempts_max: Option<u32>,
    #[command(flatten)]
    pub(crate) wishes: WishArgs,
    /// Wait for room if the pool is full, for at most --timeout, instead of failing
    #[arg(long)]
    pub(crate) wait_when_full: bool,
    /// Wait for the task's end and print its result
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold work`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::WORK)]
pub(crate) struct WorkArgs {
    /// The pools
    #[arg(required = true, value_name = "POOL")]
    pub(crate) pools: Vec<PoolName>,
    /// Run for each task by `sh -c`, with the payload on standard input
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: OsString,
    /// How many tasks at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) slots: u32,
    /// What this node is called [default: the host's name and the process id]
    #[arg(long, value_name = "NODE")]
    pub(crate) name: Option<NodeName>,
    /// End when none of the pools has anything ready, scheduled or claimed
    #[arg(long)]
    pub(crate) until_empty: bool,
    /// How long a command that was told to end (SIGTERM) may take before it is killed
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = values::duration)]
    pub(crate) kill_after: Duration,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold status`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::STATUS)]
pub(crate) struct StatusArgs {
    /// Only this pool
    pub(crate) pool: Option<PoolName>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold tasks`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::TASKS)]
pub(crate) struct TasksArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// Only in this state: ready, scheduled, claimed, completed, cancelled, dead
    #[arg(long, value_name = "STATE", value_parser = values::state)]
    pub(crate) state: Option<StateKind>,
    #[command(flatten)]
    pub(crate) dead: DeadArgs,
    /// At most so many [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold task`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::TASK)]
pub(crate) struct TaskArgs {
    /// The task
    pub(crate) id: TaskId,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold cancel`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::CANCEL)]
pub(crate) struct CancelArgs {
    /// The tasks, in whatever pool they are
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<TaskId>,
    /// Ask the node of a task that runs to end it, and call it off only after this long, at most an
    /// hour [default: call it off at once]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) grace: Option<Duration>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold revive`
#[derive(Debug, ArgsOf)]
#[command(
    override_usage = "leasehold revive [OPTIONS] <POOL> <ID...|--all|--cause|--reason|--group|--key>"
)]
#[command(after_help = help::REVIVE)]
#[command(group = ArgGroup::new("which").required(true).multiple(true)
    .args(["ids", "all", "cause", "reason", "group", "key"]))]
pub(crate) struct ReviveArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// The tasks
    #[arg(value_name = "ID", conflicts_with_all = ["cause", "reason", "group", "key"])]
    pub(crate) ids: Vec<TaskId>,
    /// All dead tasks of the pool
    #[arg(long, conflicts_with_all = ["ids", "cause", "reason", "group", "key"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) dead: DeadArgs,
    /// Give each of them the bytes of this file for a payload
    #[arg(long, value_name = "FILE")]
    pub(crate) payload: Option<PathBuf>,
    /// Give each of them another priority; 0 is the most urgent
    #[arg(long, value_name = "N|NAME", value_parser = values::priority)]
    pub(crate) priority: Option<u32>,
    /// Give each of them another number of attempts
    #[arg(long, value_name = "N")]
    pub(crate) attempts_max: Option<u32>,
    /// Give each of them another time to be claimed in, from now on
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) expires_after: Option<Duration>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// Which tasks.
#[derive(Debug, ArgsOf)]
pub(crate) struct DeadArgs {
    /// Only dead ones of this cause: attempts-spent, lost-too-often, interrupted-too-often,
    /// expired, hopeless, parent-gone
    #[arg(long, value_name = "CAUSE", value_parser = dead::cause)]
    pub(crate) cause: Option<Death>,
    /// Only those of which this was last said when an attempt went wrong, or more with this in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Only those that count to this group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Only the one with this key, or those that had it
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// `leasehold wait`
#[derive(Debug, ArgsOf)]
pub(crate) struct WaitArgs {
    /// The pool
    pub(crate) pool: PoolName,
    /// The tasks
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<TaskId>,
    /// For how long at the most, for all of them together [default: for ever]
    #[arg(long = "for", value_name = "DURATION", value_parser = values::duration)]
    pub(crate) at_most: Option<Duration>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold import`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::IMPORT)]
pub(crate) struct ImportArgs {
    /// What export wrote; "-" is standard input
    pub(crate) file: PathBuf,
    /// The data folder to make; there may be no store in it
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// What keeps it from then on: sled, fjall
    #[arg(long, value_name = "ENGINE", default_value = "sled", value_parser = values::engine)]
    pub(crate) engine: LogEngine,
}

/// `leasehold demo`
#[derive(Debug, ArgsOf)]
#[command(after_help = help::DEMO)]
pub(crate) struct DemoArgs {
    /// The folder whose files are the input [default: the current one]
    pub(crate) folder: Option<PathBuf>,
    /// Print the findings as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// What the demonstration's workers run: hash the file that standard input names, then rest
    #[arg(long, hide = true, value_name = "REST", value_parser = values::duration)]
    pub(crate) hash_and_rest: Option<Duration>,
}

/// `leasehold exec-guard`
#[derive(Debug, ArgsOf)]
pub(crate) struct GuardArgs {
    /// Run by `sh -c`
    pub(crate) command: OsString,
}
