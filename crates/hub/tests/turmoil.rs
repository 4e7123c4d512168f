//! The hub's own actors, the node library and a network that fails, all on one thread in time that
//! is made up: a world is a seed. Each is lived through twice, each time in a process of its own,
//! and must be the same story both times, for chance and time are tamed there (see
//! `crates/hub/tests/turmoil/world.rs`).
//!
//! One world, with all that happened:
//!
//! ```text
//! LEASEHOLD_WORLD=7 cargo test -p leasehold-hub --test turmoil -- --nocapture one_world
//! ```

#![expect(clippy::print_stdout, reason = "that is how a world tells its story")]

#[path = "turmoil/faults.rs"]
mod faults;
#[path = "turmoil/judge.rs"]
mod judge;
#[path = "turmoil/recorder.rs"]
mod recorder;
#[path = "turmoil/world.rs"]
mod world;

use std::{
    env,
    process::{Command, Output},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// Worlds that are lived through twice.
const SEEDS: u64 = 20;

const SEED: &str = "LEASEHOLD_WORLD";

/// What the store of a world is to lose, to see that it is missed.
const LOSES: &str = "LEASEHOLD_WORLD_LOSES";

/// The last line of what a world says begins so.
const HASH: &str = "the story's hash: ";

#[test]
fn nothing_acknowledged_is_lost_and_each_seed_is_one_story() {
    let next = AtomicU64::new(0);
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    let hashes = [live(seed), live(seed)];
                    assert_eq!(hashes[0], hashes[1], "seed {seed} is two stories");
                }
            });
        }
    });
}

#[test]
fn a_store_that_loses_what_it_acknowledged_is_found_out() {
    let is_found = |seed: u64| {
        let output = spawn(seed, true);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        !output.status.success() && text.contains("VIOLATED")
    };
    assert!((0..3).any(is_found), "nobody missed what was lost");
}

/// The hash of its story.
fn live(seed: u64) -> String {
    let output = spawn(seed, false);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let last: Vec<&str> = text.lines().rev().take(60).collect();
    let told: Vec<&str> = last.into_iter().rev().collect();
    assert!(
        output.status.success(),
        "seed {seed}: {}\n{error}",
        told.join("\n")
    );
    let hash = text.lines().find_map(|line| line.strip_prefix(HASH));
    hash.expect("a world ends with its hash").to_owned()
}

fn spawn(seed: u64, loses: bool) -> Output {
    let mut world = Command::new(env::current_exe().expect("this is a program"));
    world.args(["--exact", "one_world", "--nocapture"]);
    world.env(SEED, seed.to_string());
    if loses {
        world.env(LOSES, "1");
    }
    world.output().expect("it starts again")
}

/// The one of this seed, or the first. The other tests start it in processes of its own.
#[test]
fn one_world() {
    let seed = env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let story = world::live(seed.unwrap_or(0), env::var(LOSES).is_ok());
    println!("{}", story.lines.join("\n"));
    println!("{HASH}{:016x}", story.hash());
    if let Some(violation) = story.violation {
        println!("VIOLATED: {violation}");
        panic!("{violation}");
    }
}
