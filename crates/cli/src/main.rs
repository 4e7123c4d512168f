//! `leasehold`, the binary: wiring and presentation only. What happens, happens in the crates
//! `leasehold-hub`, `leasehold-node` and `leasehold-bench`.

mod args;
mod backup;
mod demo;
mod enqueue;
mod exit;
mod hub;
mod inspect;
mod logging;
mod output;
mod pool;
mod schedule;
mod signals;
mod token;
mod transfer;
mod verify;
mod wait;
mod work;

use std::process::ExitCode;

use clap::Parser;
use leasehold_bench::{BenchArgs, BenchError};
use leasehold_chaos::{ChaosArgs, ChaosError};
use leasehold_hub::{LogFormat, LogLevel};
use mimalloc::MiMalloc;

use args::{Args, Command};
use exit::Failure;

/// What one thread allocates another frees, for every task that passes through a hub: the system's
/// allocator takes a lock for that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = Args::parse().command;
    if let Command::ExecGuard(args) = &command {
        return work::guard::run(&args.command);
    }
    if let Command::Bench(args) = command {
        return bench(*args).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS);
    }
    if let Command::Chaos(args) = command {
        return chaos(*args).unwrap_or_else(|failure| failure.report());
    }
    in_runtime(command).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}

/// It has a runtime of its own, for the hub that it drives needs most of the machine.
fn bench(args: BenchArgs) -> Result<(), Failure> {
    leasehold_bench::run(args).map_err(|error| match error {
        BenchError::Usage(_) => Failure::Usage(error.to_string()),
        BenchError::Hub { what, why } => Failure::request(what, &why),
        BenchError::Failed { .. } | BenchError::Unexpected { .. } => {
            Failure::Failed(error.to_string())
        }
    })
}

/// Nor is this one's runtime for anything else.
fn chaos(args: ChaosArgs) -> Result<ExitCode, Failure> {
    leasehold_chaos::run(args).map_err(|error| match error {
        ChaosError::Usage(_) => Failure::Usage(error.to_string()),
        ChaosError::Hub { what, why } => Failure::request(what, &why),
        ChaosError::Failed { .. } => Failure::Failed(error.to_string()),
    })
}

/// How many tasks a thread polls before it looks at its sockets. A poll that takes in a batch of
/// requests is a tenth of a millisecond: at the 61 of tokio whoever is at a socket waits long for a
/// busy hub.
const POLLS_BETWEEN_LOOKS: u32 = 8;

fn in_runtime(command: Command) -> Result<(), Failure> {
    // They are told as what they mean: that a store is damaged, and which file of it.
    leasehold_hub::hush_engine_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .event_interval(POLLS_BETWEEN_LOOKS)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("start", error))?;
    let ended = runtime.block_on(Box::pin(run(command)));
    // Nothing is worth waiting for here: a thread may be reading a terminal.
    runtime.shutdown_background();
    ended
}

async fn run(command: Command) -> Result<(), Failure> {
    if matches!(command, Command::Verify(_)) {
        // What a store says while it opens is of the copy that is looked at.
        logging::begin(LogLevel::Off, LogFormat::Human);
    } else if !matches!(command, Command::Hub(_)) {
        logging::begin(LogLevel::Warn, LogFormat::Human);
    }
    match command {
        Command::Hub(args) => hub::run(args).await,
        Command::Enqueue(args) => enqueue::run(*args).await,
        Command::Work(args) => work::run(args).await,
        Command::Status(args) => inspect::status::run(args).await,
        Command::Tasks(args) => inspect::tasks::run(args).await,
        Command::Task(args) => inspect::task::run(args).await,
        Command::Cancel(args) => inspect::cancel::run(args).await,
        Command::Revive(args) => inspect::revive::run(args).await,
        Command::Wait(args) => wait::run(args).await,
        Command::Pool(args) => pool::run(args).await,
        Command::Schedule(args) => schedule::run(*args).await,
        Command::Backup(args) => backup::run(args).await,
        Command::Restore(args) => backup::restore(&args).await,
        Command::Verify(args) => verify::run(&args),
        Command::Token(args) => token::run(*args).await,
        Command::Export(args) => transfer::export(&args),
        Command::Import(args) => transfer::import(&args),
        Command::Demo(args) => demo::run(args).await,
        Command::ExecGuard(_) | Command::Bench(_) | Command::Chaos(_) => {
            unreachable!("they need no runtime")
        }
    }
}
