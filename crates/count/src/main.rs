//! Counts the instructions of every hot path and compares with the baseline. Started by
//! `scripts/count`, which sees to it that valgrind is there.
#![expect(clippy::print_stdout, reason = "it prints what it counted")]
#![expect(clippy::print_stderr, reason = "and what kept it from that")]

mod baseline;
mod bench;
mod callgrind;
mod verdict;

use std::{collections::BTreeMap, env, fs, path::Path, process::ExitCode};

use baseline::{BASELINE, Baseline};
use bench::Bench;
use callgrind::Machine;
use verdict::Verdict;

/// What keeps paths from being counted.
#[derive(Debug, thiserror::Error)]
enum CountError {
    #[error("failed to run {what}: {source}")]
    Run {
        what: String,
        source: std::io::Error,
    },
    #[error("{what} failed:\n{told}")]
    Failed { what: String, told: String },
    #[error("nothing of {path} was counted: callgrind saw no {function}")]
    Nothing {
        path: String,
        function: &'static str,
    },
    #[error("failed to read or write {BASELINE}: {0}")]
    Baseline(std::io::Error),
}

/// Instructions of one operation of each path.
type Counts = BTreeMap<String, f64>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["--accept"] => accept(),
        _ => {
            eprintln!("usage: scripts/count [--accept]");
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn compare() -> Result<ExitCode, CountError> {
    let baseline = Baseline::parse(&fs::read_to_string(path()).unwrap_or_default());
    let benches = bench::build()?;
    let counts = callgrind::count_all(&benches, |bench, least| {
        verdict::is_within(least, baseline.counts.get(&bench.name).copied())
    })?;
    let verdict = Verdict::of(&counts, &baseline, &Machine::this().to_string());
    println!("{verdict}");
    Ok(if verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn accept() -> Result<ExitCode, CountError> {
    let before = Baseline::parse(&fs::read_to_string(path()).unwrap_or_default());
    let benches = bench::build()?;
    let machine = Machine::this().to_string();
    let counts = callgrind::count_all(&benches, |_, _| false)?;
    println!("{}", Verdict::of(&counts, &before, &machine).table());
    let baseline = Baseline { machine, counts };
    fs::write(path(), baseline.to_string()).map_err(CountError::Baseline)?;
    println!("\n{BASELINE} now has these counts; commit it, and say why.");
    Ok(ExitCode::SUCCESS)
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(BASELINE)
}
