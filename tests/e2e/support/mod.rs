//! What the end-to-end tests share: real processes of the built binary, under guards that end them
//! however a test ends, and ways to wait for what they do.
//!
//! Nothing here sleeps: whatever is waited for is an event, and has a deadline.

#![expect(
    dead_code,
    reason = "each test is a program of its own, and takes what it needs"
)]

pub(crate) mod certificates;
pub(crate) mod fifo;
pub(crate) mod hub;
pub(crate) mod node;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod shell;
pub(crate) mod stalls;

use std::time::Duration;

use leasehold_node::{NodeName, PoolName, TaskId};

/// Used by no test, so that the expectation above is one that every test fulfils.
const TAKEN_BY_NONE: () = ();

/// How long anything may take that is bound to happen. Only a failing test waits for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that is bound to happen.
pub(crate) async fn within<T>(what: impl AsRef<str>, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happens)
        .await
        .unwrap_or_else(|_| panic!("{} did not happen within {PATIENCE:?}", what.as_ref()))
}

/// The pool that most tests use.
pub(crate) fn pool() -> PoolName {
    PoolName::new("p").expect("a letter is a name")
}

/// A node's name.
pub(crate) fn named(name: &str) -> NodeName {
    NodeName::new(name).expect("tests choose good names")
}

/// The id that a command printed.
pub(crate) fn task_id(text: &str) -> TaskId {
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{text:?} is no task id"))
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
