//! Runs of a path under callgrind.

use std::{
    env,
    fmt::{self, Write},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use leasehold_count::{COUNT_FLAG, COUNTED};

use super::{Bench, CountError, Counts, bench::output};

/// Runs of a path, at the most. What differs between runs is work that chance adds (an engine's
/// threads get in the caller's way), so the least of several counts is the path's own.
const RUNS_MAX: usize = 3;

/// glibc picks how it copies memory by the processor, and copying is an eighth of some paths: so
/// that machines agree, it is told of a processor that has nothing but what all x86-64 have.
const PLAIN_PROCESSOR: &str =
    "glibc.cpu.hwcaps=-AVX2,-AVX512VL,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM";

/// Counts every path, several at a time; a path is run until its least count is `enough`.
pub(crate) fn count_all(
    benches: &[Bench],
    enough: impl Fn(&Bench, f64) -> bool + Sync,
) -> Result<Counts, CountError> {
    let next = AtomicUsize::new(0);
    let count_some = || {
        let mut counts = Vec::new();
        while let Some(bench) = benches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let least = count_least(bench, |least| enough(bench, least))?;
            counts.push((bench.name.clone(), least));
        }
        Ok(counts)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let spawn = |_| scope.spawn(count_some);
        let counters: Vec<_> = (0..threads).map(spawn).collect();
        let join = |counter: thread::ScopedJoinHandle<'_, Result<Vec<_>, _>>| {
            counter.join().expect("a counter does not panic")
        };
        let counts: Result<Vec<_>, CountError> = counters.into_iter().map(join).collect();
        Ok(counts?.into_iter().flatten().collect())
    })
}

fn count_least(bench: &Bench, enough: impl Fn(f64) -> bool) -> Result<f64, CountError> {
    let mut least = f64::INFINITY;
    for _ in 0..RUNS_MAX {
        least = least.min(count(bench)?);
        if enough(least) {
            break;
        }
    }
    Ok(least)
}

/// Instructions of one operation.
fn count(bench: &Bench) -> Result<f64, CountError> {
    let profile = profile(bench);
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg(format!("--toggle-collect=*{COUNTED}*"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(&bench.executable)
        .args([COUNT_FLAG, &bench.name])
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("GLIBC_TUNABLES", PLAIN_PROCESSOR);
    output(valgrind)?;
    match parse_total(&fs::read_to_string(&profile).unwrap_or_default()) {
        None | Some(0) => Err(CountError::Nothing {
            path: bench.name.clone(),
            function: COUNTED,
        }),
        Some(total) => Ok(total as f64 / bench.operations as f64),
    }
}

/// Where callgrind says what it saw, for `callgrind_annotate`: `target/count`, beside what is built.
fn profile(bench: &Bench) -> PathBuf {
    let built = bench.executable.ancestors().nth(3);
    let folder = built.unwrap_or(Path::new(".")).join("count");
    // If it cannot be made, callgrind says so.
    let _ = fs::create_dir_all(&folder);
    folder.join(format!("{}.out", bench.name.replace('/', "-")))
}

fn parse_total(profile: &str) -> Option<u64> {
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))?;
    total.trim().parse().ok()
}

/// What counts depend on beside our code.
#[derive(Debug)]
pub(crate) struct Machine(String);

impl Machine {
    pub(crate) fn this() -> Self {
        let mut what = env::consts::ARCH.to_owned();
        for (program, argument) in [
            ("rustc", "--version"),
            ("getconf", "GNU_LIBC_VERSION"),
            ("valgrind", "--version"),
        ] {
            let mut command = Command::new(program);
            command.arg(argument);
            let told = output(command).unwrap_or_else(|_| format!("no {program}"));
            let _ = write!(what, ", {}", told.trim());
        }
        Self(what)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_found() {
        let profile = "events: Ir\nsummary: 12\n\nfn=(1)\n0 12\n\ntotals: 12\n";
        assert_eq!(parse_total(profile), Some(12));
        assert_eq!(parse_total("events: Ir\n"), None);
    }

    #[test]
    fn profiles_stand_beside_what_is_built() {
        let bench = Bench {
            name: "core/enqueue-1".to_owned(),
            operations: 1,
            executable: env::temp_dir().join("leasehold-count/release/deps/paths-1"),
        };
        let expected = env::temp_dir().join("leasehold-count/count/core-enqueue-1.out");
        assert_eq!(profile(&bench), expected);
    }
}
