//! What there is to look at when something went wrong: the life of a task, and the last of the logs.

use std::{fs, path::Path};

use leasehold_node::TaskDetail;

use super::{
    ledger::{Ledger, Run},
    outcomes::Told,
};

/// Of each log.
const LINES: usize = 8;

const LOG: &str = ".log";

/// All that is known of a task of which one run did not come out as promised: by the worker, by the
/// ledger, and by the hub.
pub(super) fn of_run(
    run: &Run,
    told: Option<&Told>,
    ledger: &Ledger,
    detail: Option<&TaskDetail>,
) -> String {
    let Run { task, lease, node } = run;
    let told = told.map_or_else(|| "nothing".into(), ToString::to_string);
    let mut lines = format!("task {task} under lease {lease}: {node} was told \"{told}\"");
    for (run, has_ended) in ledger.of_task(*task) {
        let end = if has_ended { "ended" } else { "has no end" };
        lines += &format!(
            "\n  the ledger: {} ran it under {}, which {end}",
            run.node, run.lease
        );
    }
    let Some(detail) = detail else { return lines };
    for attempt in &detail.history {
        let (node, lease, ending) = (attempt.node.as_str(), attempt.lease, attempt.ending);
        let for_ms = attempt.ended_at_ms.saturating_sub(attempt.started_at_ms);
        lines += &format!("\n  the hub: {node} had it under {lease} for {for_ms} ms: {ending}");
        if !attempt.reason.is_empty() {
            lines += &format!(", {}", attempt.reason);
        }
    }
    lines + &format!("\n  the hub: it is {} now", detail.summary.state)
}

/// The last lines of each log in this folder.
pub(super) fn last_lines(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut logs: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(LOG))
        .collect();
    // The hub's comes last: whatever went wrong, it is the one to ask.
    logs.sort_unstable();
    logs.sort_by_key(|name| !name.starts_with("demo-"));
    logs.iter().map(|name| tail(folder, name)).collect()
}

fn tail(folder: &Path, name: &str) -> String {
    let log = fs::read(folder.join(name)).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    let last: String = last.iter().map(|line| format!("\n    {line}")).collect();
    let last = if last.is_empty() {
        "\n    nothing".into()
    } else {
        last
    };
    format!("\n  {name}, at the end:{last}")
}

#[cfg(test)]
mod tests {
    use leasehold_node::{
        AttemptDetail, AttemptEnding, NodeName, PoolName, StateKind, TaskId, TaskSummary,
    };

    use super::*;

    const ONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn detail() -> TaskDetail {
        let ended = AttemptDetail {
            attempt: 1,
            lease: "1-1-89".parse().unwrap(),
            node: NodeName::new("woken").unwrap(),
            started_at_ms: 1000,
            ended_at_ms: 3000,
            ending: AttemptEnding::Silence,
            reason: "nothing was heard".into(),
        };
        TaskDetail {
            pool: PoolName::new("p").unwrap(),
            summary: TaskSummary {
                id: TaskId::from_u128(1),
                state: StateKind::Completed,
                priority: 0,
                attempt: 2,
                attempts_max: 5,
                node: None,
                enqueued_at_ms: 0,
                at_ms: None,
                reason: String::new(),
                payload_bytes: 0,
            },
            lease: None,
            interruptions: 0,
            losses_in_a_row: 0,
            ready_at_ms: 0,
            history: vec![ended],
            payload: None,
            result: None,
        }
    }

    #[test]
    fn of_a_run_all_three_witnesses_are_heard() {
        let ledger = Ledger::parse(&format!(
            "begun {ONE} 1-1-148 other\nended {ONE} 1-1-148 other\nbegun {ONE} 1-1-89 woken\n"
        ));
        let (run, _) = ledger.of_task(ONE.parse().unwrap()).last().unwrap();
        let told = Told {
            run: run.clone(),
            outcome: "lost".into(),
            reason: Some("too late".into()),
        };
        let expected = [
            &format!("task {ONE} under lease 1-1-89: woken was told \"lost: too late\""),
            "  the ledger: other ran it under 1-1-148, which ended",
            "  the ledger: woken ran it under 1-1-89, which has no end",
            "  the hub: woken had it under 1-1-89 for 2000 ms: silence, nothing was heard",
            "  the hub: it is completed now",
        ];
        let found = of_run(run, Some(&told), &ledger, Some(&detail()));
        assert_eq!(found.lines().collect::<Vec<_>>(), expected);
        let untold = of_run(run, None, &ledger, None);
        assert!(untold.starts_with(&format!(
            "task {ONE} under lease 1-1-89: woken was told \"nothing\"\n"
        )));
    }

    #[test]
    fn the_last_lines_of_each_log_are_shown_and_the_hubs_last() {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (1..=LINES + 1).map(|n| format!("line {n}\n")).collect();
        fs::write(folder.path().join("hub.log"), lines).unwrap();
        fs::write(folder.path().join("demo-2.log"), b"\xFF").unwrap();
        fs::write(folder.path().join("demo-1.log"), "").unwrap();
        fs::write(folder.path().join("ledger"), "not a log").unwrap();
        let shown = last_lines(folder.path());
        let shown: Vec<_> = shown.lines().map(str::trim_start).collect();
        let heads = [
            "",
            "demo-1.log, at the end:",
            "nothing",
            "demo-2.log, at the end:",
        ];
        assert_eq!(shown[..4], heads);
        assert_eq!(shown[5..7], ["hub.log, at the end:", "line 2"]);
        assert_eq!(shown.len(), 6 + LINES);
    }
}
