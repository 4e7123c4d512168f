//! Many worlds, each lived through twice.

use std::{collections::BTreeMap, thread};

use leasehold_sim::{LIFE, LIMITS, LINKS, Report, SCHEDULES, STOPS, run};

const SEEDS: u64 = 200;
const THREADS: usize = 2;

const WANTED: [&str; 36] = [
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

const OF_LIMITS: [&str; 1] = ["cut short by a bound"];

#[test]
fn the_oracle_has_no_objection_and_each_seed_is_one_story() {
    let workers: Vec<_> = (0..THREADS)
        .map(|first| thread::spawn(move || live_through(first)))
        .collect();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for worker in workers {
        for (what, times) in worker.join().expect("a world objects") {
            *seen.entry(what).or_default() += times;
        }
    }
    assert_all_seen(&seen);
}

/// Every so many-th seed, from this one on.
fn live_through(first: usize) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::new();
    for seed in (0..SEEDS).skip(first).step_by(THREADS) {
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
