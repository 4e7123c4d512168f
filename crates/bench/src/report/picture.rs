//! Pictures that read well on light and on dark: no ground of their own, and colours that are far
//! enough from both.

mod bars;
mod lines;

use std::{fs, path::Path};

use plotters::{
    prelude::{DrawingArea, IntoDrawingArea, RGBColor, SVGBackend, TextStyle},
    style::{
        Color, FontFamily, IntoFont, RGBAColor,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::{
    BenchError,
    book::{Book, Unit},
    phases::{deep, latency, mixed, soak, store, throughput},
    ratios::Syncs,
};
use bars::{Bar, Group};

/// Of words and axes: 4.5 to 1 against white and against black.
const INK: RGBColor = RGBColor(118, 118, 118);

/// Of Leasehold, and of the first line.
const FIRST: RGBColor = RGBColor(31, 136, 220);

/// Of others that sync, and of the second line.
const SECOND: RGBColor = RGBColor(217, 119, 6);

/// Of others that do not, and of the third line.
const THIRD: RGBColor = RGBColor(148, 148, 148);

/// Pixels of a letter's height.
const LETTERS: u32 = 13;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws all that there is to draw, a file each.
pub(super) fn draw(folder: &Path, book: &Book, targets: &[Syncs]) -> Result<(), BenchError> {
    let failed = BenchError::io(format!("make the folder {}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    for (file, title, phase, figures) in [
        (
            "enqueue",
            "Tasks acknowledged a second",
            throughput::ENQUEUE,
            &["enqueued"] as &[_],
        ),
        (
            "claim",
            "Tasks claimed and completed a second",
            throughput::CLAIM,
            &["completed"],
        ),
        (
            "mixed",
            "Whole lifecycles a second",
            mixed::PHASE,
            &["lifecycles"],
        ),
        (
            "single",
            "One request in flight: tasks a second, by connections",
            throughput::SINGLE,
            &["enqueued", "completed"],
        ),
        (
            "store",
            "Store engines: changes a second",
            store::PHASE,
            &["changes"],
        ),
        (
            "latency",
            "From the moment at which a task was to be sent, p50 and p99",
            latency::PHASE,
            &[
                "acknowledged p50",
                "acknowledged p99",
                "delivered p50",
                "delivered p99",
            ],
        ),
    ] {
        let engines = store::names().map(|name| (name.to_owned(), true));
        let engines: Vec<_> = engines.collect();
        let of = if phase == store::PHASE {
            &engines
        } else {
            targets
        };
        let groups = groups(book, of, phase, figures);
        if !groups.is_empty() {
            bars::draw(&folder.join(format!("{file}.svg")), title, &groups)?;
        }
    }
    lines::draw_deep(&folder.join("deep.svg"), book, deep::PHASE)?;
    lines::draw_series(&folder.join("soak.svg"), book, soak::PHASE)
}

/// A group for each case and figure, a bar in it for each system.
fn groups(book: &Book, targets: &[Syncs], phase: &str, figures: &[&str]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for name in figures {
        let found = book.figures().iter();
        for figure in found.filter(|it| it.phase == phase && it.name == *name) {
            let title = match figures {
                [_] => figure.case.clone(),
                _ => format!("{}, {name}", figure.case),
            };
            let bar = Bar {
                label: figure.target.clone(),
                value: figure.median(),
                least: figure.least(),
                most: figure.most(),
                unit: figure.unit,
                colour: colour(&figure.target, targets),
            };
            match groups.iter_mut().find(|group| group.title == title) {
                Some(group) => group.bars.push(bar),
                None => groups.push(Group {
                    title,
                    bars: vec![bar],
                }),
            }
        }
    }
    groups
}

/// The first is ours.
fn colour(target: &str, targets: &[Syncs]) -> RGBColor {
    match targets.iter().position(|(name, _)| name == target) {
        Some(0) => FIRST,
        Some(place) if targets[place].1 => SECOND,
        Some(_) | None => THIRD,
    }
}

fn style<'a>(size: u32, colour: RGBColor, across: HPos) -> TextStyle<'a> {
    (FontFamily::SansSerif, size)
        .into_font()
        .color(&colour)
        .pos(Pos::new(across, VPos::Center))
}

fn faint(colour: RGBColor) -> RGBAColor {
    colour.mix(0.35)
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::failed("draw a picture", error)
}

/// As tables have it.
fn text(unit: Unit, value: f64) -> String {
    super::table::value(unit, value)
}

fn open(path: &Path, size: (u32, u32)) -> Area<'_> {
    SVGBackend::new(path, size).into_drawing_area()
}
