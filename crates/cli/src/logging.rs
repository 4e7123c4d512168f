//! Where log lines go.

use std::io::{self, IsTerminal};

use leasehold_hub::{LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;

use crate::exit::complain;

/// Logs to standard error from here on: at the level of `RUST_LOG`, or else at this one.
pub(crate) fn begin(level: LogLevel, format: LogFormat) {
    let builder = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        // It would say so there, too, and panic: a hub lives on when its log cannot be written.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter(level));
    match format {
        LogFormat::Human => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    let configured = || EnvFilter::new(directives(level));
    let Ok(wanted) = std::env::var(EnvFilter::DEFAULT_ENV) else {
        return configured();
    };
    EnvFilter::try_new(&wanted).unwrap_or_else(|error| {
        complain(format!("RUST_LOG is not used: {error}"));
        configured()
    })
}

/// The libraries of the store speak of their own inner life one step too loud.
fn directives(level: LogLevel) -> String {
    let library = match level {
        LogLevel::Off => LogLevel::Off,
        LogLevel::Error => LogLevel::Error,
        LogLevel::Warn | LogLevel::Info => LogLevel::Warn,
        LogLevel::Debug => LogLevel::Info,
        LogLevel::Trace => LogLevel::Debug,
    };
    let (level, library) = (level.as_str(), library.as_str());
    format!("{level},sled={library},fjall={library},lsm_tree={library}")
}
