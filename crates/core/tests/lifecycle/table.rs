//! Every state of a task x every verb. A table has one verb, a row one state in which the task is:
//!
//! - `from`: the state, as [`starts`] brings it about; "kept" is a lease that ran out and that
//!   nobody else was granted since;
//! - `said`: what the node that speaks hears, and what others hear because of it;
//! - `then`: the state afterwards;
//! - `counts`: attempts / interruptions / losses in a row afterwards;
//! - `lease`: whose it is then, and for how long; "adrift" while no session has it in hand;
//! - `changes`: what is stored; what no restart must know is in brackets.
//!
//! `me` is the node that held the task first, `another` a second one. In rows in which I hold no
//! lease and never did, I show one that I invented.

mod answers;
mod endings;
mod keeping;
mod known;
mod life;
mod linked;
mod others;
mod paused;
mod scheduled;
mod starts;
mod stopped;
mod telling;

use starts::{STARTS, Scene, Start};

/// Compares what each state makes of this verb with the rows of its table.
fn check(verb: impl Fn(&mut Scene) -> Vec<leasehold_core::Reply>, table: &str) {
    check_on(&STARTS, verb, table);
}

/// As [`check`], from these states alone: those that only tasks with extras are in.
fn check_on(
    starts: &[(&str, Start)],
    verb: impl Fn(&mut Scene) -> Vec<leasehold_core::Reply>,
    table: &str,
) {
    let actual: Vec<String> = starts
        .iter()
        .map(|(name, start)| {
            let mut scene = start();
            let replies = verb(&mut scene);
            telling::row(name, &scene, &replies)
        })
        .collect();
    let rows = table.lines().map(squeezed).filter(|row| !row.is_empty());
    let told = actual.iter().map(|row| squeezed(row));
    assert!(
        rows.skip(1).eq(told),
        "the core does:\n{}",
        actual.join("\n")
    );
}

fn squeezed(row: &str) -> String {
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}
