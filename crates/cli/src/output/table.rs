//! Columns that line up.

use super::words::one_line;

/// Between two columns.
const GAP: &str = "  ";

/// Which way a column leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lean {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// A table that may be written a page at a time; its columns never get narrower.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<(&'static str, Lean)>,
    widths: Vec<usize>,
    headed: bool,
}

impl Table {
    /// A table of these columns.
    pub(crate) fn new(heads: &[(&'static str, Lean)]) -> Self {
        Self {
            heads: heads.to_vec(),
            widths: heads.iter().map(|(head, _)| head.len()).collect(),
            headed: false,
        }
    }

    /// These rows as text, below the heads if they are the first.
    pub(crate) fn page(&mut self, rows: &[Vec<String>]) -> String {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| clean(row)).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let heads: Vec<String> = self.heads.iter().map(|(head, _)| (*head).into()).collect();
        let heads = (!std::mem::replace(&mut self.headed, true)).then_some(&heads);
        heads
            .into_iter()
            .chain(&rows)
            .map(|row| self.row(row))
            .collect()
    }

    fn row(&self, cells: &[String]) -> String {
        let columns = self.heads.iter().zip(&self.widths).zip(cells);
        let padded = columns.map(|(((_, lean), width), cell)| match lean {
            Lean::Left => format!("{cell:<width$}"),
            Lean::Right => format!("{cell:>width$}"),
        });
        let line = padded.collect::<Vec<_>>().join(GAP);
        line.trim_end().to_owned() + "\n"
    }
}

fn clean(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| one_line(cell)).collect()
}

/// Names with their values below one another.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        let line = format!("{name:<width$}{GAP}{}", one_line(value));
        line.trim_end().to_owned() + "\n"
    };
    facts.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
