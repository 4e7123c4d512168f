//! `leasehold`, the binary: wiring and presentation only. What happens, happens in the crates
//! `leasehold-hub` and `leasehold-node`.

mod args;
mod demo;
mod enqueue;
mod exit;
mod hub;
mod inspect;
mod logging;
mod output;
mod signals;
mod transfer;
mod work;

use std::process::ExitCode;

use clap::Parser;
use leasehold_hub::{LogFormat, LogLevel};

use args::{Args, Command};
use exit::Failure;

fn main() -> ExitCode {
    let command = Args::parse().command;
    if let Command::ExecGuard(args) = &command {
        return work::guard::run(&args.command);
    }
    in_runtime(command).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}

fn in_runtime(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("start", error))?;
    let ended = runtime.block_on(Box::pin(run(command)));
    // Nothing is worth waiting for here: a thread may be reading a terminal.
    runtime.shutdown_background();
    ended
}

async fn run(command: Command) -> Result<(), Failure> {
    if !matches!(command, Command::Hub(_)) {
        logging::begin(LogLevel::Warn, LogFormat::Human);
    }
    match command {
        Command::Hub(args) => hub::run(args).await,
        Command::Enqueue(args) => enqueue::run(args).await,
        Command::Work(args) => work::run(args).await,
        Command::Status(args) => inspect::status::run(args).await,
        Command::Tasks(args) => inspect::tasks::run(args).await,
        Command::Task(args) => inspect::task::run(args).await,
        Command::Cancel(args) => inspect::cancel::run(args).await,
        Command::Revive(args) => inspect::revive::run(args).await,
        Command::Export(args) => transfer::export(&args),
        Command::Import(args) => transfer::import(&args),
        Command::Demo(args) => demo::run(args).await,
        Command::ExecGuard(_) => unreachable!("the guard needs no runtime"),
    }
}
