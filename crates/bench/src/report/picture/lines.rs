//! Lines: what something came to over time, or over the number of tasks standing.

use std::{ops::Range, path::Path};

use plotters::{
    chart::ChartBuilder,
    element::{PathElement, Text},
    prelude::{IntoLogRange, LineSeries, Ranged},
    style::{Color, RGBColor, text_anchor::HPos},
};

use super::{Area, FIRST, INK, LETTERS, SECOND, THIRD, failed, faint, open, style, text};
use crate::{
    BenchError,
    book::{Book, Unit},
};

const SIZE: (u32, u32) = (760, 380);

/// What is above the lines: a title, and which line is which.
const HEAD: i32 = 60;

/// Of one line's name in the head, with its mark.
const NAME_WIDTH: usize = 130;

/// Where the scale ends and lines begin.
const LEFT: i32 = 92;

/// So that scales are in round numbers of it.
const MEBI: f64 = 1024.0 * 1024.0;

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
        across: &|count| counted(*count),
        up: &|rate| text(Unit::PerSecond, *rate),
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
            points: series
                .points
                .iter()
                .map(|(at, bytes)| (*at, bytes / MEBI))
                .collect(),
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
        up: &|mebi| format!("{mebi:.0} MiB"),
        lines: &lines,
    };
    picture.draw::<Range<f64>, plotters::coord::types::RangedCoordf64>(path, 0.0..last)
}

struct Picture<'a> {
    title: &'a str,
    across: &'a dyn Fn(&f64) -> String,
    up: &'a dyn Fn(&f64) -> String,
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
        let (head, body) = area.split_vertically(HEAD);
        self.draw_head(&head)?;
        let mut chart = ChartBuilder::on(&body)
            .margin(8)
            .margin_right(40)
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
            .y_label_formatter(self.up)
            .draw()
            .map_err(failed)?;
        for (place, line) in self.lines.iter().enumerate() {
            let colour = colour(place);
            let drawn = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
            chart.draw_series(drawn.point_size(2)).map_err(failed)?;
        }
        area.present().map_err(failed)
    }

    fn draw_head(&self, area: &Area<'_>) -> Result<(), BenchError> {
        let put = |at: (i32, i32), words: &str, size: u32| {
            let words = Text::new(words.to_owned(), at, style(size, INK, HPos::Left));
            area.draw(&words).map_err(failed)
        };
        put((10, HEAD / 3), self.title, LETTERS + 3)?;
        for ((place, line), left) in self
            .lines
            .iter()
            .enumerate()
            .zip((LEFT..).step_by(NAME_WIDTH))
        {
            let middle = HEAD * 3 / 4;
            let mark = PathElement::new(
                [(left, middle), (left + 18, middle)],
                colour(place).stroke_width(2),
            );
            area.draw(&mark).map_err(failed)?;
            put((left + 26, middle), line.name, LETTERS)?;
        }
        Ok(())
    }
}

/// As the cases of the phase are called.
fn counted(count: f64) -> String {
    match count {
        _ if count >= 1e6 => format!("{} M", count / 1e6),
        _ if count >= 1e3 => format!("{} k", count / 1e3),
        _ => format!("{count}"),
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
        for case in ["10 M", "1.5 k", "7"] {
            assert_eq!(counted(standing(case)), case);
        }
    }
}
