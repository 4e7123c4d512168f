//! What was measured: each figure with its unit, and one value for each time it was measured.

use hdrhistogram::Histogram;
use serde::Serialize;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// So many a second.
    PerSecond,
    /// Microseconds.
    Micros,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Of a hundred.
    Percent,
    /// Of one: a ratio.
    Times,
    /// So many.
    Count,
}

impl Unit {
    /// For programs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PerSecond => "1/s",
            Self::Micros => "us",
            Self::Seconds => "s",
            Self::Bytes => "bytes",
            Self::Percent => "percent",
            Self::Times => "times",
            Self::Count => "count",
        }
    }
}

/// A figure of a system in one case of one phase.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) phase: &'static str,
    /// Such as `16×64`.
    pub(crate) case: String,
    pub(crate) target: String,
    /// Such as `p99`.
    pub(crate) name: String,
    pub(crate) unit: Unit,
    /// In the order in which they were measured.
    pub(crate) values: Vec<f64>,
}

impl Figure {
    /// The value in the middle; between two, the mean of both.
    pub(crate) fn median(&self) -> f64 {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or_default();
        let middle = values.len() / 2;
        if values.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        }
    }

    pub(crate) fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn most(&self) -> f64 {
        let values = self.values.iter().copied();
        values.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// All figures, in the order in which they were first measured.
#[derive(Debug, Default)]
pub(crate) struct Book {
    figures: Vec<Figure>,
    series: Vec<Series>,
}

/// What was looked at again and again.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Series {
    pub(crate) phase: &'static str,
    pub(crate) name: &'static str,
    #[serde(serialize_with = "as_word")]
    pub(crate) unit: Unit,
    /// Seconds since the beginning, and what it was then.
    pub(crate) points: Vec<(f64, f64)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde has it so")]
fn as_word<S: serde::Serializer>(unit: &Unit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(unit.as_str())
}

impl Book {
    /// Notes a value; of a figure that is there already, one more.
    pub(crate) fn note(
        &mut self,
        phase: &'static str,
        case: &str,
        target: &str,
        name: &str,
        unit: Unit,
        value: f64,
    ) {
        let known = |figure: &&mut Figure| {
            figure.phase == phase
                && figure.case == case
                && figure.target == target
                && figure.name == name
        };
        if let Some(figure) = self.figures.iter_mut().find(known) {
            figure.values.push(value);
            return;
        }
        self.figures.push(Figure {
            phase,
            case: case.to_owned(),
            target: target.to_owned(),
            name: name.to_owned(),
            unit,
            values: vec![value],
        });
    }

    /// Notes the quantiles of latencies in nanoseconds, if there are any, under names that begin
    /// with `prefix`.
    pub(crate) fn note_latency(
        &mut self,
        phase: &'static str,
        case: &str,
        target: &str,
        prefix: &str,
        latencies: &Histogram<u64>,
    ) {
        if latencies.is_empty() {
            return;
        }
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            let micros = latencies.value_at_quantile(quantile) as f64 / 1e3;
            let name = format!("{prefix}{name}");
            self.note(phase, case, target, &name, Unit::Micros, micros);
        }
    }

    /// Notes how something went over time, instead of how it went before.
    pub(crate) fn note_series(&mut self, series: Series) {
        let is_it = |it: &Series| it.phase == series.phase && it.name == series.name;
        self.series.retain(|known| !is_it(known));
        self.series.push(series);
    }

    pub(crate) fn series(&self) -> &[Series] {
        &self.series
    }

    pub(crate) fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// The median of a figure, if it was measured.
    pub(crate) fn median(&self, phase: &str, case: &str, target: &str, name: &str) -> Option<f64> {
        let found = self.figures.iter().find(|figure| {
            figure.phase == phase
                && figure.case == case
                && figure.target == target
                && figure.name == name
        });
        found.map(Figure::median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(values: &[f64]) -> Book {
        let mut book = Book::default();
        for value in values {
            book.note("enqueue", "1×1", "x", "rate", Unit::PerSecond, *value);
        }
        book
    }

    #[test]
    fn the_median_is_in_the_middle_and_the_spread_around_it() {
        let book = book(&[3.0, 1.0, 2.0]);
        let [figure] = book.figures() else {
            panic!("{book:?}");
        };
        assert_eq!(
            (figure.least(), figure.median(), figure.most()),
            (1.0, 2.0, 3.0)
        );
        assert_eq!(figure.values, [3.0, 1.0, 2.0]);
    }

    #[test]
    fn of_two_in_the_middle_the_median_is_between() {
        let found = book(&[4.0, 1.0]).median("enqueue", "1×1", "x", "rate");
        assert_eq!(found, Some(2.5));
        assert_eq!(book(&[]).median("enqueue", "1×1", "x", "rate"), None);
    }

    #[test]
    fn latencies_are_noted_in_microseconds() {
        let mut latencies = Histogram::new(3).unwrap();
        (1..=1000_u64).for_each(|micros| latencies.record(micros * 1000).unwrap());
        let mut book = Book::default();
        book.note_latency("latency", "500/s", "x", "acknowledged ", &latencies);
        for (name, micros) in [("p50", 500.0), ("p99", 990.0), ("p999", 999.0)] {
            let name = format!("acknowledged {name}");
            let found = book.median("latency", "500/s", "x", &name).unwrap();
            assert!((found / micros - 1.0).abs() < 0.01, "{name}: {found}");
        }
    }
}
