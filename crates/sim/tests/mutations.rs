//! Planted bugs: each must be found, or the simulator proves nothing.

#![expect(
    clippy::print_stderr,
    reason = "how long each was hidden is worth knowing"
)]

use std::thread;

use leasehold_sim::{Mutation, run};

/// Each bug must show within so many seeds.
const SEEDS_MAX: u64 = 60;

#[test]
fn every_planted_bug_is_found() {
    let bugs = Mutation::ALL.into_iter().filter(|bug| bug.is_there());
    let hunts: Vec<_> = bugs
        .map(|bug| (bug, thread::spawn(move || first_found(bug))))
        .collect();
    let mut survivors = Vec::new();
    for (bug, hunt) in hunts {
        match hunt.join().expect("a hunt does not panic") {
            Some((seed, what)) => eprintln!("{bug:?}: after {} seeds: {what}", seed + 1),
            None => survivors.push(bug),
        }
    }
    assert!(survivors.is_empty(), "nobody found {survivors:?}");
}

fn first_found(bug: Mutation) -> Option<(u64, String)> {
    (0..SEEDS_MAX).find_map(|seed| Some((seed, run(seed, Some(bug)).violation?.what)))
}
