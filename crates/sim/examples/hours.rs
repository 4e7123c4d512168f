//! Lives through worlds for as long as it is told to, on all cores:
//!
//! ```text
//! cargo run --release -p leasehold-sim --example hours -- --minutes 60 --seed 1000
//! ```
//!
//! Each seed is lived through twice (the trace must be the same), and once more with the hub dying
//! at one of its commits. It says how far it is every ten seconds, and in the end what it saw. The
//! first world that the oracle objects to ends it, with the story of that world in short and exit
//! status 1. `scripts/sim.sh MINUTES [SEED]` is the same.
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::disallowed_methods, reason = "it runs for a time")]

use std::{
    collections::BTreeMap,
    env,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use leasehold_sim::{Boundary, Report, Trial, shrink, try_out};

const USAGE: &str = "usage: hours [--minutes N] [--seed FIRST]   (60 minutes, from seed 100000)";

/// How often it says how far it is.
const SAY_EVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((minutes, first)) = parse(&arguments) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    println!("worlds from seed {first} on, for {minutes} min; any seed alone: -- SEED");
    let hunt = Hunt {
        next: AtomicU64::new(first),
        lived: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        figures: Mutex::default(),
        found: Mutex::default(),
    };
    let began = Instant::now();
    let ends = Duration::from_secs(minutes * 60);
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..cores {
            scope.spawn(|| hunt.go_on(|| began.elapsed() >= ends));
        }
        hunt.tell_progress(began, ends);
    });
    hunt.verdict(first, began.elapsed())
}

fn parse(arguments: &[String]) -> Option<(u64, u64)> {
    let (mut minutes, mut first) = (60, 100_000);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--minutes" => minutes = value.parse().ok()?,
            "--seed" => first = value.parse().ok()?,
            _ => return None,
        }
    }
    Some((minutes, first))
}

struct Hunt {
    next: AtomicU64,
    lived: AtomicU64,
    is_over: AtomicBool,
    figures: Mutex<BTreeMap<String, u64>>,
    found: Mutex<Option<String>>,
}

impl Hunt {
    fn go_on(&self, is_late: impl Fn() -> bool) {
        while !self.is_over.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if let Err(found) = self.live(seed) {
                let mut first = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(found);
                self.is_over.store(true, Ordering::Relaxed);
            }
            if is_late() {
                self.is_over.store(true, Ordering::Relaxed);
            }
        }
    }

    fn live(&self, seed: u64) -> Result<(), String> {
        let plain = Trial::default();
        let report = try_out(seed, plain);
        self.look_at(&report, plain)?;
        if try_out(seed, plain).hash != report.hash {
            return Err(format!(
                "seed {seed} is two stories: it is not deterministic"
            ));
        }
        let number = 1 + seed % report.commits.max(1);
        let boundary = Boundary::ALL[usize::try_from(seed % 4).unwrap_or(0)];
        let crashing = Trial {
            bug: None,
            crash_at: Some((number, boundary)),
        };
        self.look_at(&try_out(seed, crashing), crashing)
    }

    fn look_at(&self, report: &Report, trial: Trial) -> Result<(), String> {
        self.lived.fetch_add(1, Ordering::Relaxed);
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, times) in &report.figures {
            *figures.entry(what.clone()).or_default() += times;
        }
        drop(figures);
        if report.violation.is_none() {
            return Ok(());
        }
        let short = shrink(report.seed, trial).map(|shrunk| shrunk.to_string());
        let also = trial
            .crash_at
            .map_or_else(String::new, |(number, boundary)| {
                format!("\n(the hub was made to die at its commit {number}: {boundary:?})")
            });
        Err(format!(
            "{}{also}",
            short.unwrap_or_else(|| report.to_string())
        ))
    }

    fn tell_progress(&self, began: Instant, ends: Duration) {
        let mut told = Duration::ZERO;
        while !self.is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
            let elapsed = began.elapsed();
            if elapsed >= told + SAY_EVERY {
                told = elapsed;
                let worlds = self.lived.load(Ordering::Relaxed);
                let left = ends.saturating_sub(elapsed).as_secs();
                println!("{worlds:>9} worlds, no objection; {left} s to go");
            }
        }
    }

    fn verdict(&self, first: u64, took: Duration) -> ExitCode {
        let worlds = self.lived.load(Ordering::Relaxed);
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |what: &str| figures.get(what).copied().unwrap_or_default();
        let last = self.next.load(Ordering::Relaxed);
        println!(
            "\n{worlds} worlds (seeds {first} to {last}) in {} s",
            took.as_secs()
        );
        for (what, name) in [
            ("Enqueued", "tasks enqueued"),
            ("Claimed", "leases granted"),
            ("Completed", "tasks completed"),
            ("hub died", "deaths of the hub"),
            ("commit failed", "commits failed"),
            ("clock set back", "wall clocks set back"),
            ("LeaseLost", "stale answers refused"),
        ] {
            println!("{:>12}  {name}", of(what));
        }
        match &*found {
            None => {
                println!("verdict: no objection");
                ExitCode::SUCCESS
            }
            Some(story) => {
                println!("verdict: a rule was broken\n\n{story}");
                ExitCode::FAILURE
            }
        }
    }
}
