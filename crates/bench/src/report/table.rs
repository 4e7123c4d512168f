//! A table a phase: a line for each case of each system, a column for each figure.

use std::{fmt::Write, sync::Arc};

use crate::{
    Target,
    book::{Book, Figure, Unit},
    machine::Machine,
    phases::latency,
};

/// All of it.
pub(super) fn all(book: &Book, machine: &Machine, targets: &[Arc<dyn Target>]) -> String {
    let mut phases: Vec<&str> = Vec::new();
    for figure in book.figures() {
        if !phases.contains(&figure.phase) {
            phases.push(figure.phase);
        }
    }
    let tables = phases.into_iter().map(|phase| of_phase(book, phase));
    let mut text: String = tables.map(|table| table + "\n").collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "measured on {}", machine.line());
    for target in targets {
        let promise = target.promise();
        let syncs = if promise.syncs {
            "syncs"
        } else {
            "does not sync"
        };
        let _ = writeln!(
            text,
            "an acknowledgement of {} ({syncs}): {}",
            target.name(),
            promise.says
        );
    }
    text
}

fn of_phase(book: &Book, phase: &str) -> String {
    let figures: Vec<_> = book
        .figures()
        .iter()
        .filter(|figure| figure.phase == phase)
        .collect();
    let mut columns: Vec<&str> = Vec::new();
    let mut lines: Vec<(String, &str)> = Vec::new();
    for figure in &figures {
        let (line, column) = place(figure);
        if !columns.contains(&column) {
            columns.push(column);
        }
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let mut cells = vec![header(phase, &columns)];
    for line in lines {
        let find = |column: &&str| {
            let is_it = |figure: &&&Figure| {
                let (its_line, its_column) = place(figure);
                its_line == line && its_column == *column
            };
            let found = figures.iter().find(is_it);
            found.map_or("–".to_owned(), |figure| text(figure))
        };
        let found: Vec<_> = columns.iter().map(find).collect();
        let (case, target) = line;
        cells.push([vec![case, target.to_owned()], found].concat());
    }
    aligned(&cells)
}

/// The line and the column of a figure. Latencies of several moments have a line each: beside each
/// other they would be wider than any terminal.
fn place(figure: &Figure) -> ((String, &str), &str) {
    let (case, target) = (&figure.case, figure.target.as_str());
    let moments = ["acknowledged ", "delivered ", "completed "];
    let quantile = moments.iter().find_map(|moment| {
        let quantile = figure.name.strip_prefix(moment)?;
        Some((moment.trim_end(), quantile))
    });
    match quantile {
        Some((moment, quantile)) if figure.phase == latency::PHASE => {
            ((format!("{case} {moment}"), target), quantile)
        }
        Some(_) | None => ((case.clone(), target), &figure.name),
    }
}

fn header(phase: &str, columns: &[&str]) -> Vec<String> {
    let names = columns.iter().map(|name| (*name).to_owned());
    [phase.to_owned(), String::new()]
        .into_iter()
        .chain(names)
        .collect()
}

/// Words to the left, numbers to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut shown = String::new();
        for (column, cell) in line.iter().enumerate() {
            let fill = " ".repeat(widths[column] - cell.chars().count());
            let cell = if column < 2 {
                format!("{cell}{fill}  ")
            } else {
                format!("{fill}{cell}  ")
            };
            shown.push_str(&cell);
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

fn text(figure: &Figure) -> String {
    value(figure.unit, figure.median())
}

/// Three figures and a unit.
pub(in crate::report) fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", scaled(value, 1000.0, &["", "k", "M", "G"])),
        Unit::Micros if value >= 1e6 => format!("{} s", figures(value / 1e6)),
        Unit::Micros if value >= 1e3 => format!("{} ms", figures(value / 1e3)),
        Unit::Micros => format!("{} µs", figures(value)),
        Unit::Seconds => format!("{} s", figures(value)),
        Unit::Bytes => format!("{}B", scaled(value, 1024.0, &["", "Ki", "Mi", "Gi", "Ti"])),
        Unit::Percent => format!("{} %", figures(value)),
        Unit::Times => format!("{} ×", figures(value)),
        Unit::Count => figures(value),
    }
}

fn scaled(value: f64, step: f64, prefixes: &[&str]) -> String {
    let mut value = value;
    let mut prefixes = prefixes.iter();
    let mut prefix = prefixes.next().copied().unwrap_or_default();
    for larger in prefixes {
        if value.abs() < step {
            break;
        }
        value /= step;
        prefix = larger;
    }
    format!("{} {prefix}", figures(value))
}

fn figures(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        large if large >= 100.0 => 0,
        some if some >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_have_units() {
        for (unit, number, wanted) in [
            (Unit::PerSecond, 123_456.0, "123 k/s"),
            (Unit::PerSecond, 12.3, "12.3 /s"),
            (Unit::Micros, 83.4, "83.4 µs"),
            (Unit::Micros, 1234.0, "1.23 ms"),
            (Unit::Bytes, 24_576.0, "24.0 KiB"),
            (Unit::Bytes, 12.0, "12.0 B"),
            (Unit::Times, 1.5, "1.50 ×"),
            (Unit::Count, 0.0, "0"),
        ] {
            assert_eq!(value(unit, number), wanted);
        }
    }

    #[test]
    fn each_moment_of_a_latency_has_a_line() {
        let mut book = Book::default();
        for name in ["acknowledged p50", "delivered p50"] {
            let phase = latency::PHASE;
            book.note(phase, "500/s", "leasehold", name, Unit::Micros, 80.0);
        }
        let wanted = "\
latency                            p50
500/s acknowledged  leasehold  80.0 µs
500/s delivered     leasehold  80.0 µs
";
        assert_eq!(of_phase(&book, latency::PHASE), wanted);
    }

    #[test]
    fn lines_are_cases_and_columns_are_figures() {
        let mut book = Book::default();
        for (case, name, value) in [("1×1", "rate", 10.0), ("64×1", "rate", 2000.0)] {
            book.note("single", case, "leasehold", name, Unit::PerSecond, value);
        }
        book.note("single", "64×1", "leasehold", "p50", Unit::Micros, 80.0);
        let wanted = "\
single                 rate      p50
1×1     leasehold   10.0 /s        –
64×1    leasehold  2.00 k/s  80.0 µs
";
        assert_eq!(of_phase(&book, "single"), wanted);
    }
}
