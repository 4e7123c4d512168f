//! Planted bugs: each must be found, or the simulator proves nothing; and what is found must be
//! told so that a person can read it.

#![expect(
    clippy::print_stderr,
    reason = "how long each was hidden is worth knowing"
)]

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use leasehold_sim::{Mutation, Shrunk, Trial, run, shrink};

/// Each bug must show within so many seeds.
const SEEDS_MAX: u64 = 100;

/// A story is no longer than this.
const STORY_LINES_MAX: usize = 25;

/// What is planted, and words of the rule that its story must name.
const STORIES: [(Mutation, &str); 10] = [
    (Mutation::HolderUnchecked, "nobody asked for"),
    (Mutation::PriorityInverted, "which is first"),
    (Mutation::GrantedTwice, "was issued twice"),
    (Mutation::ProgressForgotten, "its progress"),
    (Mutation::ReplyBeforeCommit, "the disk does not know it"),
    (Mutation::LeaseReissued, "was issued twice"),
    (Mutation::GroupLimitPassed, "past a limit of its group"),
    (Mutation::PauseIgnored, "in a pool that is paused"),
    (Mutation::ClockFollowed, "the hub's clock jumped"),
    (Mutation::PoolsTorn, "durable"),
];

#[test]
fn every_planted_bug_is_found() {
    let bugs: Vec<Mutation> = Mutation::ALL
        .into_iter()
        .filter(|bug| bug.is_there())
        .collect();
    let survivors = Mutex::new(Vec::new());
    side_by_side(&bugs, |bug| match first_found(*bug) {
        Some((seed, what)) => eprintln!("{bug:?}: after {} seeds: {what}", seed + 1),
        None => survivors.lock().expect("no hunt panics").push(*bug),
    });
    let survivors = survivors.into_inner().expect("no hunt panics");
    assert!(survivors.is_empty(), "nobody found {survivors:?}");
}

fn first_found(bug: Mutation) -> Option<(u64, String)> {
    (0..SEEDS_MAX).find_map(|seed| Some((seed, run(seed, Some(bug)).violation?.what)))
}

#[test]
fn what_is_found_is_told_in_a_few_lines_that_name_the_rule() {
    side_by_side(&STORIES, |(bug, words)| {
        let shrunk = short_story(*bug, words);
        let story = shrunk.to_string();
        eprintln!("{bug:?}, {} worlds tried:\n{story}\n", shrunk.tries);
        let lines = story.lines().count();
        assert!(lines <= STORY_LINES_MAX, "{bug:?}: {lines} lines");
        let last = story.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("VIOLATED: ") && last.contains(words),
            "{last}"
        );
        assert!(shrunk.steps.1 < shrunk.steps.0, "nothing was left out");
    });
}

/// Of the first seed that shows the bug by this rule.
fn short_story(bug: Mutation, words: &str) -> Shrunk {
    let trial = Trial {
        bug: Some(bug),
        crash_at: None,
    };
    let shows = |seed: &u64| {
        let violation = run(*seed, Some(bug)).violation;
        violation.is_some_and(|violation| violation.what.contains(words))
    };
    let seed = (0..SEEDS_MAX).find(shows).expect("the rule is broken");
    shrink(seed, trial).expect("it fails again")
}

/// On as many threads as there are cores.
fn side_by_side<T: Sync>(of: &[T], one: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(it) = of.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one(it);
                }
            });
        }
    });
}
