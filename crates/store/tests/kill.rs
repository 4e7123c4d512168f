//! What was committed survives `kill -9`, whenever it comes.
//!
//! The test runs itself as a child that commits numbered batches and says each number; the parent
//! kills it after some of them, in the middle of what comes next, and looks.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod batches;

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use leasehold_store::{LogEngine, LogOptions, verify_store};

use crate::batches::{options, verify};

const FOLDER: &str = "LEASEHOLD_KILL_TEST_FOLDER";
const JOURNAL: &str = "LEASEHOLD_KILL_TEST_JOURNAL";
const ROUNDS: u64 = 20;

/// Lengths of the journal, in bytes: of one that hardly fills, of one that is written anew all the
/// time, and of one that most batches are too long for.
const JOURNALS: [u64; 3] = [32 << 20, 4 << 20, 1 << 20];

#[test]
fn acknowledged_batches_survive_a_kill_on_sled() {
    survive(
        LogEngine::Sled,
        "acknowledged_batches_survive_a_kill_on_sled",
    );
}

#[test]
fn acknowledged_batches_survive_a_kill_on_fjall() {
    survive(
        LogEngine::Fjall,
        "acknowledged_batches_survive_a_kill_on_fjall",
    );
}

fn survive(engine: LogEngine, test: &str) {
    if let Some(folder) = env::var_os(FOLDER) {
        let journal = env::var(JOURNAL).unwrap().parse().unwrap();
        commit_for_ever(&options(engine, journal), Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut newest = 0;
    for round in 0..ROUNDS {
        // Also in the middle of the open, and after thousands of changes.
        let journal = JOURNALS[usize::try_from(round % 3).unwrap()];
        let acknowledged = run_and_kill(test, folder.path(), journal, (round * 7) % 60);
        let options = options(engine, journal);
        if round % 5 == 4 {
            assert_no_strays(folder.path());
        }
        newest = verify(&options, folder.path(), acknowledged.max(newest));
    }
    assert!(
        newest > 100,
        "{newest} batches are too few to mean anything"
    );
}

/// No payload is left that no record names, which would be told as damage. The batches do not say how
/// long their payloads are, which is.
fn assert_no_strays(folder: &Path) {
    let scratch = tempfile::tempdir().unwrap();
    let verified = verify_store(folder, scratch.path(), &mut |_| {}).unwrap();
    let mut found = verified.found.iter();
    assert!(
        found.all(|found| found.why.contains("0 were stored")),
        "{:?}",
        verified.found
    );
}

/// Kills the child after so many acknowledgements; returns the newest one.
fn run_and_kill(test: &str, folder: &Path, journal: u64, acknowledgements: u64) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(JOURNAL, journal.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers = lines
        .map_while(Result::ok)
        .filter_map(|line| number_of(&line));
    let mut newest = 0;
    for _ in 0..acknowledgements {
        newest = numbers
            .next()
            .expect("the child goes on until it is killed");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before the kill was said, also if it was not read in time.
    numbers.last().map_or(newest, |last| last.max(newest))
}

fn number_of(line: &str) -> Option<u64> {
    line.strip_prefix("committed ")?.parse().ok()
}

#[expect(clippy::print_stdout, reason = "it is how the child acknowledges")]
fn commit_for_ever(options: &LogOptions, folder: &Path) -> ! {
    batches::commit(options, folder, u64::MAX, |number| {
        println!("committed {number}");
    });
    unreachable!("numbers do not end before the kill");
}
