//! Many worlds, each lived through twice.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use leasehold_sim::{Boundary, LIFE, LIMITS, LINKS, Report, SCHEDULES, STOPS, Trial, run, try_out};

const SEEDS: u64 = 1_000;

/// Worlds in which the hub dies at each commit in turn.
const SEEDS_OF_CRASHES: [u64; 3] = [3, 11, 17];

/// Commits of those worlds, the first ones.
const COMMITS_MAX: u64 = 60;

const WANTED: [&str; 51] = [
    "Enqueued",
    "Claimed",
    "Extended",
    "Resumed",
    "Completed",
    "Cancelled",
    "Revived",
    "Due",
    "Forgotten",
    "Requeued(Failed)",
    "Requeued(Expired)",
    "Requeued(Cut)",
    "Requeued(Silence)",
    "Requeued(Released)",
    "Requeued(Interrupted)",
    "Revoked(Lost)",
    "Revoked(Cancelled)",
    "LeaseLost",
    "Unknown",
    "Ended",
    "NotDead",
    "PoolFull",
    "OutOfBounds",
    "SessionEnded",
    "hub died",
    "restored",
    "fenced",
    "commit failed",
    "died(AttemptsSpent)",
    "died(LostTooOften)",
    "died(InterruptedTooOften)",
    "left behind",
    "refused as left behind",
    "refused as ended",
    "spared by a late resume",
    "full before its number",
    "crashed at a commit: Before",
    "crashed at a commit: Lost",
    "crashed at a commit: Durable",
    "crashed at a commit: Answered",
    "clock set back",
    "clock set forwards",
    "governed",
    "paused",
    "said how far it is",
    "Progressed",
    "purged",
    "purged bit by bit",
    "revived otherwise",
    "refused as a flood",
    "refused to park more",
];

const OF_LIFE: [&str; 6] = [
    "Expired",
    "expired while it waited",
    "Requeued(Overran)",
    "Revoked(Overran)",
    "died(Expired)",
    "died(Hopeless)",
];

const OF_STOPS: [&str; 5] = [
    "StopAsked",
    "asked to stop",
    "asked to stop again",
    "forced to stop",
    "stopped at its end",
];

const OF_LINKS: [&str; 9] = [
    "Freed",
    "ParentGone",
    "waits for one less",
    "given up with its parent",
    "died(ParentGone)",
    "known by its key",
    "followed a completion",
    "UnknownParent",
    "KeyTaken",
];

const OF_SCHEDULES: [&str; 5] = [
    "instant fired",
    "instant skipped",
    "instant without room",
    "schedule dropped",
    "Noted",
];

const OF_LIMITS: [&str; 2] = ["cut short by a bound", "took its turn"];

#[test]
fn the_oracle_has_no_objection_and_each_seed_is_one_story() {
    let cores = cores();
    let workers: Vec<_> = (0..cores)
        .map(|first| thread::spawn(move || live_through(first, cores)))
        .collect();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for worker in workers {
        for (what, times) in worker.join().expect("a world objects") {
            *seen.entry(what).or_default() += times;
        }
    }
    assert_all_seen(&seen);
}

#[test]
fn a_hub_that_dies_at_any_commit_loses_nothing() {
    let trials: Vec<(u64, Trial)> = SEEDS_OF_CRASHES
        .into_iter()
        .flat_map(|seed| {
            let commits = run(seed, None).commits.min(COMMITS_MAX);
            let at = |number| Boundary::ALL.map(|boundary| (number, boundary));
            (1..=commits).flat_map(at).map(move |crash_at| {
                let (bug, crash_at) = (None, Some(crash_at));
                (seed, Trial { bug, crash_at })
            })
        })
        .collect();
    assert!(trials.len() > 300, "{} are few", trials.len());
    let cores = cores();
    let crashed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for first in 0..cores {
            let mine = trials.iter().skip(first).step_by(cores);
            let crashed = &crashed;
            scope.spawn(move || {
                for (seed, trial) in mine {
                    crashed.fetch_add(crashes(*seed, *trial), Ordering::Relaxed);
                }
            });
        }
    });
    // A few commits are not reached: the hub of that world dies of something else while they fly.
    let crashed = crashed.into_inner();
    let all = trials.len();
    assert!(crashed * 10 >= all * 9, "{crashed} of {all}");
}

/// How often the hub died at a commit.
fn crashes(seed: u64, trial: Trial) -> usize {
    let report = try_out(seed, trial);
    assert!(report.violation.is_none(), "{trial:?}: {report}");
    let crashed = report.figures.keys();
    crashed
        .filter(|what| what.starts_with("crashed at a commit"))
        .count()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

/// Every so many-th seed, from this one on.
fn live_through(first: usize, step: usize) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::new();
    for seed in (0..SEEDS).skip(first).step_by(step) {
        let report = run(seed, None);
        assert!(report.violation.is_none(), "{report}");
        assert_same_story(&report, &run(seed, None));
        for (what, times) in report.figures {
            *seen.entry(what).or_default() += times;
        }
    }
    seen
}

fn assert_same_story(one: &Report, other: &Report) {
    let differs = one.lines.iter().zip(&other.lines).find(|(a, b)| a != b);
    assert_eq!(one.hash, other.hash, "seed {}: {differs:?}", one.seed);
}

/// Worlds in which something never happens say nothing about it.
fn assert_all_seen(seen: &BTreeMap<String, u64>) {
    let of = |is_there: bool, what: &'static [&'static str]| what.iter().filter(move |_| is_there);
    let rare: Vec<_> = of(true, &WANTED)
        .chain(of(LIFE, &OF_LIFE))
        .chain(of(STOPS, &OF_STOPS))
        .chain(of(LINKS, &OF_LINKS))
        .chain(of(SCHEDULES, &OF_SCHEDULES))
        .chain(of(LIMITS, &OF_LIMITS))
        .filter(|what| seen.get(**what).is_none_or(|times| *times < 10))
        .collect();
    assert!(rare.is_empty(), "seen too rarely: {rare:?}");
}
