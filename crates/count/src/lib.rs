//! Hot paths: each is written once, in the `benches` of its crate, and measured in two ways.
//!
//! `cargo bench -p leasehold-core` runs them under a clock, with criterion. `scripts/count` runs
//! each once under valgrind's callgrind, which counts instructions, and compares with
//! `crates/count/baseline.txt`: a count is the same on a busy machine as on an idle one, so it can
//! be held to a few percent where a time cannot.

use std::{env, hint, process::ExitCode, time::Duration};

use criterion::{BatchSize, Criterion, SamplingMode, Throughput};

/// All operations of a path, one after the other.
pub type Run = Box<dyn FnMut()>;

/// A path worth measuring.
#[derive(Debug, Clone, Copy)]
pub struct HotPath {
    /// Its name, without spaces.
    pub name: &'static str,
    /// How many operations a run of it does: so many that what surrounds them drowns.
    pub operations: u64,
    /// Makes all that a run needs; what it gives back is run once, and is all that is measured.
    pub prepare: fn() -> Run,
}

impl HotPath {
    /// See the fields.
    #[must_use]
    pub const fn new(name: &'static str, operations: u64, prepare: fn() -> Run) -> Self {
        Self {
            name,
            operations,
            prepare,
        }
    }
}

/// Asks a bench for its paths: a line each, with how many operations a run has.
pub const NAMES_FLAG: &str = "--names";

/// Asks a bench to run the path of the name that follows, once.
pub const COUNT_FLAG: &str = "--count";

/// The function that callgrind counts, with all that it calls.
pub const COUNTED: &str = "leasehold_count*counted*";

/// The `main` of a bench.
#[must_use]
pub fn main(group: &str, paths: &[HotPath]) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, ..] if flag == NAMES_FLAG => tell_names(group, paths),
        [flag, name, ..] if flag == COUNT_FLAG => return run_once(group, paths, name),
        _ => run_under_clock(group, paths),
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stdout, reason = "it is asked for them")]
fn tell_names(group: &str, paths: &[HotPath]) {
    for path in paths {
        println!("{group}/{} {}", path.name, path.operations);
    }
}

fn run_once(group: &str, paths: &[HotPath], name: &str) -> ExitCode {
    let Some(path) = paths
        .iter()
        .find(|path| format!("{group}/{}", path.name) == name)
    else {
        return ExitCode::FAILURE;
    };
    counted(&mut *(path.prepare)());
    ExitCode::SUCCESS
}

/// Known to callgrind by its name, so it is never inlined, and never a mere jump.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
    hint::black_box(());
}

fn run_under_clock(group: &str, paths: &[HotPath]) {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut benches = criterion.benchmark_group(group);
    // Paths are prepared anew for each run, which takes longer than some of them.
    benches.sampling_mode(SamplingMode::Flat);
    for path in paths {
        benches.throughput(Throughput::Elements(path.operations));
        benches.bench_function(path.name, |bencher| {
            let run = |mut run: Run| {
                run();
                run
            };
            bencher.iter_batched(path.prepare, run, BatchSize::PerIteration);
        });
    }
    benches.finish();
    criterion.final_summary();
}
