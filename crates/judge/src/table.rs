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
