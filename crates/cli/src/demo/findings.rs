//! What came of it, against what was promised.

use std::time::Duration;

use serde_json::{Value, json};

use super::scenes::{ELSEWHERE_WITHIN, Scenes, Share};
use crate::{
    exit::Failure,
    output::table::{Lean, Table},
};

/// The counts of a whole demonstration.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) enqueued: usize,
    pub(super) completed: usize,
    pub(super) lost: usize,
    pub(super) completed_twice: usize,
    pub(super) results_wrong: usize,
    pub(super) files_changed: usize,
    pub(super) ran_again: usize,
    pub(super) scenes: Scenes,
    pub(super) total: Duration,
}

/// A line of the table.
struct Row {
    what: &'static str,
    promised: String,
    found: String,
    /// None where nothing was promised.
    holds: Option<bool>,
}

impl Findings {
    /// The table, and what to try next.
    pub(super) fn text(&self) -> String {
        let heads = [
            ("what", Lean::Left),
            ("promised", Lean::Right),
            ("found", Lean::Right),
            ("", Lean::Left),
        ];
        let cells = |row: Row| {
            let mark = row
                .holds
                .map_or("", |holds| if holds { "✓" } else { "✗ BROKEN" });
            vec![row.what.into(), row.promised, row.found, mark.into()]
        };
        let rows: Vec<_> = self.rows().into_iter().map(cells).collect();
        format!("\n{}{}", Table::new(&heads).page(&rows), next())
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.rows_of_tasks();
        rows.extend(self.rows_of_scenes());
        rows.push(Row::told("total time", seconds(self.total)));
        rows
    }

    fn rows_of_tasks(&self) -> Vec<Row> {
        let mut rows = vec![
            Row::told("tasks enqueued", self.enqueued.to_string()),
            Row::equal("tasks completed", self.enqueued, self.completed),
            Row::equal("tasks lost", 0, self.lost),
            Row::equal("tasks completed twice", 0, self.completed_twice),
            Row::equal("results that are wrong", 0, self.results_wrong),
            Row::told("tasks run again after a crash", self.ran_again.to_string()),
        ];
        if self.files_changed > 0 {
            let changed = self.files_changed.to_string();
            rows.push(Row::told(
                "not compared: the file changed meanwhile",
                changed,
            ));
        }
        rows
    }

    fn rows_of_scenes(&self) -> Vec<Row> {
        let Scenes {
            moved,
            stale,
            cut,
            restart,
        } = &self.scenes;
        vec![
            Row {
                what: "dead worker: its tasks ran elsewhere after",
                promised: format!("< {}", seconds(ELSEWHERE_WITHIN)),
                found: seconds(moved.after),
                holds: Some(moved.is_in_time()),
            },
            Row::all("frozen worker: zombie answers refused", *stale),
            Row::all("connection cut: leases kept, tasks run once", *cut),
            Row::all("hub killed: leases that survived its restart", *restart),
        ]
    }

    /// The same for programs.
    pub(super) fn document(&self) -> Value {
        let Scenes {
            moved,
            stale,
            cut,
            restart,
        } = &self.scenes;
        json!({
            "tasks_enqueued": self.enqueued,
            "tasks_completed": self.completed,
            "tasks_lost": self.lost,
            "tasks_completed_twice": self.completed_twice,
            "results_wrong": self.results_wrong,
            "files_changed": self.files_changed,
            "tasks_run_again": self.ran_again,
            "dead_worker": {"tasks": moved.tasks, "elsewhere_after_ms": whole_ms(moved.after)},
            "frozen_worker": {"answers": stale.whole, "refused": stale.part},
            "connection_cut": {"leases": cut.whole, "kept": cut.part},
            "hub_restart": {"leases": restart.whole, "survived": restart.part},
            "total_ms": whole_ms(self.total),
            "broken": self.broken(),
        })
    }

    /// The promises that were not kept.
    fn broken(&self) -> Vec<&'static str> {
        let broken = self
            .rows()
            .into_iter()
            .filter(|row| row.holds == Some(false));
        broken.map(|row| row.what).collect()
    }

    /// An error if any promise was broken.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let broken = self.broken();
        if broken.is_empty() {
            return Ok(());
        }
        Err(Failure::failed("keep every promise", broken.join("; ")))
    }
}

impl Row {
    const fn told(what: &'static str, found: String) -> Self {
        Self {
            what,
            promised: String::new(),
            found,
            holds: None,
        }
    }

    fn equal(what: &'static str, promised: usize, found: usize) -> Self {
        Self {
            what,
            promised: promised.to_string(),
            found: found.to_string(),
            holds: Some(promised == found),
        }
    }

    /// Nothing shown is nothing kept.
    fn all(what: &'static str, Share { part, whole }: Share) -> Self {
        Self {
            what,
            promised: format!("all {whole}"),
            found: part.to_string(),
            holds: Some(part == whole && whole > 0),
        }
    }
}

/// What to do next, with this program as it was called.
fn next() -> String {
    let called = std::env::args_os()
        .next()
        .map(|name| name.display().to_string());
    let leasehold = called.unwrap_or_else(|| "leasehold".into());
    format!(
        "
Try next:
  {leasehold} hub &
  seq 100 | {leasehold} enqueue numbers --lines -
  {leasehold} work numbers --exec 'xargs -I{{}} expr {{}} + 1' --slots 4 --until-empty
"
    )
}

fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

fn whole_ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::scenes::Moved, *};

    fn findings() -> Findings {
        let all = Share { part: 3, whole: 3 };
        let after = Duration::from_millis(540);
        Findings {
            enqueued: 9,
            completed: 9,
            lost: 0,
            completed_twice: 0,
            results_wrong: 0,
            files_changed: 0,
            ran_again: 2,
            scenes: Scenes {
                moved: Moved { tasks: 3, after },
                stale: all,
                cut: all,
                restart: all,
            },
            total: Duration::from_secs(12),
        }
    }

    #[test]
    fn all_kept_is_no_failure_and_lines_up() {
        let text = findings().text();
        assert!(findings().verdict().is_ok());
        assert!(!text.contains('✗'), "{text}");
        let ends: Vec<_> = text.lines().filter_map(|line| line.find(" ✓")).collect();
        assert_eq!(ends.len(), 8, "{text}");
        assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
    }

    #[test]
    fn each_broken_promise_is_a_failure() {
        let spoil: [fn(&mut Findings); 8] = [
            |found| found.completed = 8,
            |found| found.lost = 1,
            |found| found.completed_twice = 1,
            |found| found.results_wrong = 1,
            |found| found.scenes.moved.after = ELSEWHERE_WITHIN,
            |found| found.scenes.stale.part = 2,
            |found| found.scenes.cut = Share { part: 0, whole: 0 },
            |found| found.scenes.restart.part = 0,
        ];
        for (case, spoil) in spoil.into_iter().enumerate() {
            let mut found = findings();
            spoil(&mut found);
            assert_eq!(found.broken().len(), 1, "{case}");
            assert!(found.verdict().is_err(), "{case}");
        }
    }
}
