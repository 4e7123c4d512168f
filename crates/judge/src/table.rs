//! Several runs in one table.

use std::fmt::Write;

use crate::Summary;

const HEAD: [&str; 9] = [
    "scene",
    "seed",
    "tasks",
    "acknowledged",
    "lost",
    "twice/stale",
    "moved: longest",
    "violations",
    "verdict",
];

/// One line a run; under it, the faults that were injected.
#[must_use]
pub fn table(runs: &[Summary]) -> String {
    let rows: Vec<[String; 9]> = runs.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    line(&mut text, &HEAD.map(str::to_owned), widths);
    for (row, run) in rows.iter().zip(runs) {
        line(&mut text, row, widths);
        // Writing to a string does not fail.
        _ = writeln!(text, "    faults: {}", faults(run));
    }
    text
}

fn row(run: &Summary) -> [String; 9] {
    let longest = run.longest_requeue_ms.map_or_else(
        || "-".to_owned(),
        |longest| format!("{}: {longest} ms", run.moved),
    );
    let verdict = if run.violations == 0 {
        "held"
    } else {
        "BROKEN"
    };
    [
        run.scene.clone(),
        run.seed.to_string(),
        run.tasks.to_string(),
        run.acknowledged.to_string(),
        run.lost.to_string(),
        run.completed_twice.to_string(),
        longest,
        run.violations.to_string(),
        verdict.to_owned(),
    ]
}

/// Words to the left, figures to the right.
fn line(text: &mut String, cells: &[String; 9], widths: [usize; 9]) {
    let mut out = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if at == 0 { "" } else { "  " };
        _ = if at == 0 || at == 8 {
            write!(out, "{gap}{cell:<width$}")
        } else {
            write!(out, "{gap}{cell:>width$}")
        };
    }
    text.push_str(out.trim_end());
    text.push('\n');
}

fn faults(run: &Summary) -> String {
    if run.faults.is_empty() {
        return "none".to_owned();
    }
    let each = run
        .faults
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_is_a_line_and_its_faults_another() {
        let clean = Summary {
            scene: "kill".into(),
            seed: 7,
            tasks: 12,
            acknowledged: 11,
            moved: 2,
            longest_requeue_ms: Some(512),
            faults: [("kill hub".to_owned(), 3), ("kill node".to_owned(), 1)].into(),
            ..Summary::default()
        };
        let broken = Summary {
            scene: "freeze".into(),
            lost: 1,
            violations: 2,
            ..Summary::default()
        };
        let text = table(&[clean, broken]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[1].starts_with("kill  ") && lines[1].ends_with("held"),
            "{text}"
        );
        assert!(lines[1].contains("2: 512 ms"), "{text}");
        assert_eq!(lines[2], "    faults: 3 kill hub, 1 kill node");
        assert!(lines[3].ends_with("2  BROKEN"), "{text}");
        assert_eq!(lines[4], "    faults: none");
        let ends = |line: &str| line.find("verdict").or_else(|| line.find("held"));
        assert_eq!(
            ends(lines[0]),
            ends(lines[1]),
            "columns stand under each other: {text}"
        );
    }
}
