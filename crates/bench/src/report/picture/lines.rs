//! Lines: what something came to over time, or over the number of tasks standing.

use std::{ops::Range, path::Path};

use plotters::{
    chart::{ChartBuilder, SeriesLabelPosition},
    element::PathElement,
    prelude::{IntoLogRange, LineSeries, Ranged},
    style::{Color, RGBColor, text_anchor::HPos},
};

use super::{FIRST, INK, LETTERS, SECOND, THIRD, failed, faint, open, style, text};
use crate::{
    BenchError,
    book::{Book, Unit},
};

const SIZE: (u32, u32) = (760, 360);

struct Line<'a> {
    name: &'a str,
    points: Vec<(f64, f64)>,
}

/// Lifecycles a second with more and more tasks standing.
pub(super) fn draw_deep(path: &Path, book: &Book, phase: &str) -> Result<(), BenchError> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let figures = book.figures().iter();
    for figure in figures.filter(|it| it.phase == phase && it.name == "lifecycles") {
        let standing = standing(&figure.case);
        let point = (standing, figure.median());
        match lines.iter_mut().find(|line| line.name == figure.target) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name: &figure.target,
                points: vec![point],
            }),
        }
    }
    let across = lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x);
    let (least, most) = (
        across.clone().fold(f64::INFINITY, f64::min),
        across.fold(0.0, f64::max),
    );
    // One point is no line.
    if least >= most {
        return Ok(());
    }
    let picture = Picture {
        title: "Lifecycles a second, by the number of tasks standing",
        across: &|count| text(Unit::Count, *count),
        unit: Unit::PerSecond,
        lines: &lines,
    };
    picture.draw(path, (least..most).log_scale())
}

/// `10 M` is ten million.
fn standing(case: &str) -> f64 {
    let (number, times) = case.split_once(' ').unwrap_or((case, ""));
    let times = match times {
        "k" => 1e3,
        "M" => 1e6,
        _ => 1.0,
    };
    number.parse().unwrap_or(0.0) * times
}

/// Memory and disk over time.
pub(super) fn draw_series(path: &Path, book: &Book, phase: &str) -> Result<(), BenchError> {
    let series = book.series().iter().filter(|series| series.phase == phase);
    let lines: Vec<_> = series
        .map(|series| Line {
            name: series.name,
            points: series.points.clone(),
        })
        .collect();
    let across = lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x);
    let last = across.fold(0.0, f64::max);
    if last <= 0.0 {
        return Ok(());
    }
    let picture = Picture {
        title: "Soak: bytes over time, quiet at the end",
        across: &|seconds| format!("{seconds:.0} s"),
        unit: Unit::Bytes,
        lines: &lines,
    };
    picture.draw::<Range<f64>, plotters::coord::types::RangedCoordf64>(path, 0.0..last)
}

struct Picture<'a> {
    title: &'a str,
    across: &'a dyn Fn(&f64) -> String,
    unit: Unit,
    lines: &'a [Line<'a>],
}

impl Picture<'_> {
    fn draw<R, C>(&self, path: &Path, across: R) -> Result<(), BenchError>
    where
        R: plotters::coord::ranged1d::AsRangedCoord<CoordDescType = C, Value = f64>,
        C: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
    {
        let ups = self
            .lines
            .iter()
            .flat_map(|line| &line.points)
            .map(|(_, y)| *y);
        let most = ups.fold(0.0, f64::max) * 1.1;
        let area = open(path, SIZE);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, style(LETTERS + 3, INK, HPos::Left))
            .margin(12)
            .x_label_area_size(32)
            .y_label_area_size(84)
            .build_cartesian_2d(across, 0.0..most.max(1.0))
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(faint(INK))
            .light_line_style(INK.mix(0.0))
            .axis_style(faint(INK))
            .label_style(style(LETTERS, INK, HPos::Left))
            .y_labels(6)
            .x_labels(8)
            .x_label_formatter(self.across)
            .y_label_formatter(&|value| text(self.unit, *value))
            .draw()
            .map_err(failed)?;
        for (place, line) in self.lines.iter().enumerate() {
            let colour = colour(place);
            let drawn = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
            chart
                .draw_series(drawn.point_size(2))
                .map_err(failed)?
                .label(line.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(style(LETTERS, INK, HPos::Left))
            .draw()
            .map_err(failed)?;
        area.present().map_err(failed)
    }
}

fn colour(place: usize) -> RGBColor {
    [FIRST, SECOND, THIRD][place.min(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_numbers_again() {
        let counts = ["10 M", "1.5 k", "7"].map(standing);
        assert_eq!(counts, [1e7, 1500.0, 7.0]);
    }
}
