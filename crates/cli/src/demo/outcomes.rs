//! What the workers say became of their runs: the lines of `leasehold work --json`.

use std::{
    collections::HashSet,
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use leasehold_node::{LeaseId, TaskId};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::ChildStdout,
    task::JoinHandle,
};

use super::ledger::Run;

/// In the folder of the demonstration, if it is kept.
const FILE: &str = "outcomes";

/// What a worker was told of one lease: `completed`, `lost` and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) run: Run,
    pub(super) outcome: String,
    pub(super) reason: Option<String>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.outcome)?;
        let reason = self.reason.as_deref();
        reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// All that was told, by all workers.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcomes(Arc<Mutex<Vec<Told>>>);

impl Outcomes {
    /// Reads a worker's lines to their end.
    pub(super) fn follow(&self, output: ChildStdout) -> JoinHandle<()> {
        let all = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                all.with(|told| told.extend(parse(&line)));
            }
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Told>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was told of the lease of this run, if anything yet.
    pub(super) fn of(&self, run: &Run) -> Option<Told> {
        self.with(|told| told.iter().find(|told| told.run == *run).cloned())
    }

    /// Whether this is what was told of it.
    pub(super) fn is(&self, run: &Run, outcome: &str) -> bool {
        self.of(run).is_some_and(|told| told.outcome == outcome)
    }

    /// Writes a line on each into this folder.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let line = |told: &Told| {
            let Run { task, lease, node } = &told.run;
            format!("{task} {lease} {node} {told}\n")
        };
        let lines: String = self.with(|told| told.iter().map(line).collect());
        std::fs::write(folder.join(FILE), lines)
    }

    /// Whether the last word was said on each of these.
    pub(super) fn are_known(&self, runs: &[Run]) -> bool {
        let found: HashSet<Run> =
            self.with(|told| told.iter().map(|told| told.run.clone()).collect());
        runs.iter().all(|run| found.contains(run))
    }

    /// Each completion that was accepted.
    pub(super) fn completed(&self) -> Vec<(TaskId, LeaseId)> {
        let completed = |told: &&Told| told.outcome == "completed";
        self.with(|told| {
            let runs = told.iter().filter(completed).map(|told| &told.run);
            runs.map(|run| (run.task, run.lease)).collect()
        })
    }
}

#[derive(Deserialize)]
struct Line {
    id: String,
    lease: String,
    node: String,
    outcome: String,
    reason: Option<String>,
}

fn parse(line: &str) -> Option<Told> {
    let Line {
        id,
        lease,
        node,
        outcome,
        reason,
    } = serde_json::from_str(line).ok()?;
    let (task, lease) = (id.parse().ok()?, lease.parse().ok()?);
    Some(Told {
        run: Run { task, lease, node },
        outcome,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(lease: &str, outcome: &str) -> Told {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let text = format!(
            r#"{{"id":"{id}","pool":"p","lease":"{lease}","node":"a","outcome":"{outcome}"}}"#
        );
        parse(&text).unwrap()
    }

    #[test]
    fn only_what_was_accepted_counts_as_completed() {
        let outcomes = Outcomes::default();
        let all = [line("1-1-1", "lost"), line("1-1-2", "completed")];
        outcomes.with(|told| told.extend(all.clone()));
        let runs = all.map(|told| told.run);
        assert_eq!(outcomes.completed(), [(runs[1].task, runs[1].lease)]);
        assert!(outcomes.is(&runs[0], "lost") && !outcomes.is(&runs[0], "completed"));
        assert!(outcomes.are_known(&runs));
    }

    #[test]
    fn what_was_told_is_written_with_its_reason() {
        let (outcomes, folder) = (Outcomes::default(), tempfile::tempdir().unwrap());
        let mut lost = line("1-1-1", "lost");
        lost.reason = Some("the lease is lost".into());
        outcomes.with(|told| told.push(lost));
        outcomes.write(folder.path()).unwrap();
        let written = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(
            written.ends_with(" 1-1-1 a lost: the lease is lost\n"),
            "{written}"
        );
    }

    #[test]
    fn other_lines_are_none_of_ours() {
        assert_eq!(parse("the hub is gone"), None);
        assert_eq!(parse("{}"), None);
    }
}
