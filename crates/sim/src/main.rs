//! `leasehold-sim SEED` tells the story of a seed; `leasehold-sim --seeds N` tries many.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    match (arguments.first().map(String::as_str), &numbers[..]) {
        (Some("--shrink"), [seed]) => tell_in_short(*seed),
        (Some("--seeds"), [count]) => try_many(0..*count),
        (Some("--seeds"), [first, count]) => try_many(*first..first + count),
        (Some(_), [seed]) => tell(*seed),
        _ => {
            println!("usage: leasehold-sim SEED | --seeds [FIRST] COUNT");
            ExitCode::FAILURE
        }
    }
}

/// Everything that happens under one seed.
fn tell(seed: u64) -> ExitCode {
    let report = leasehold_sim::run(seed, None);
    for line in &report.lines {
        println!("{line}");
    }
    println!("{report}");
    code(report.violation.is_none())
}

/// What of it is enough to break the same rule.
fn tell_in_short(seed: u64) -> ExitCode {
    match leasehold_sim::shrink(seed, leasehold_sim::Trial::default()) {
        Some(shrunk) => println!("{shrunk}"),
        None => println!("seed {seed}: no objection"),
    }
    ExitCode::SUCCESS
}

/// Stops at the first seed that the oracle objects to.
fn try_many(seeds: std::ops::Range<u64>) -> ExitCode {
    for seed in seeds.clone() {
        let report = leasehold_sim::run(seed, None);
        if report.violation.is_some() {
            println!("{report}");
            return code(false);
        }
    }
    println!("seeds {seeds:?}: no objection");
    code(true)
}

fn code(is_fine: bool) -> ExitCode {
    if is_fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
