//! Bars that lie: there is room for names beside them, however many there are.

use std::path::Path;

use plotters::{
    element::{PathElement, Rectangle, Text},
    style::{Color, RGBColor, text_anchor::HPos},
};

use super::{INK, LETTERS, failed, faint, open, style, text};
use crate::{BenchError, book::Unit};

/// Bars to be compared with each other.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

/// A median, and its spread.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) unit: Unit,
    pub(super) colour: RGBColor,
}

const WIDTH: i32 = 760;
/// Where bars begin.
const LEFT: i32 = 210;
/// Where the longest ends; behind it is room for its value.
const RIGHT: i32 = WIDTH - 90;
const TITLE: i32 = 40;
const GROUP_TITLE: i32 = 26;
const LINE: i32 = 22;
const BAR: i32 = 14;
const BELOW: i32 = 12;

/// Draws groups one below the other, each with a scale of its own.
pub(super) fn draw(path: &Path, title: &str, groups: &[Group]) -> Result<(), BenchError> {
    let lines = |group: &Group| i32::try_from(group.bars.len()).unwrap_or(0) * LINE;
    let groups_height: i32 = groups
        .iter()
        .map(|group| GROUP_TITLE + lines(group) + BELOW)
        .sum();
    let height = u32::try_from(TITLE + groups_height).unwrap_or(0);
    let area = open(path, (WIDTH.unsigned_abs(), height));
    let put = |at: (i32, i32), words: &str, size: u32, across: HPos| {
        area.draw(&Text::new(words.to_owned(), at, style(size, INK, across)))
            .map_err(failed)
    };
    put((10, TITLE / 2), title, LETTERS + 3, HPos::Left)?;
    let mut top = TITLE;
    for group in groups {
        put(
            (10, top + GROUP_TITLE / 2),
            &group.title,
            LETTERS,
            HPos::Left,
        )?;
        top += GROUP_TITLE;
        let longest = group.bars.iter().map(|bar| bar.most).fold(0.0, f64::max);
        for bar in &group.bars {
            let middle = top + LINE / 2;
            put((LEFT - 8, middle), &bar.label, LETTERS, HPos::Right)?;
            let end = |value: f64| LEFT + length(value, longest);
            let corners = [(LEFT, middle - BAR / 2), (end(bar.value), middle + BAR / 2)];
            area.draw(&Rectangle::new(corners, bar.colour.filled()))
                .map_err(failed)?;
            let spread = [(end(bar.least), middle), (end(bar.most), middle)];
            area.draw(&PathElement::new(spread, faint(INK).stroke_width(3)))
                .map_err(failed)?;
            let value = text(bar.unit, bar.value);
            put((end(bar.most) + 8, middle), &value, LETTERS, HPos::Left)?;
            top += LINE;
        }
        top += BELOW;
    }
    area.present().map_err(failed)
}

/// In pixels; the longest fills the room that there is.
fn length(value: f64, longest: f64) -> i32 {
    let share = if longest > 0.0 { value / longest } else { 0.0 };
    let pixels = (share.clamp(0.0, 1.0) * f64::from(RIGHT - LEFT)).round();
    // Between nothing and the width of the picture.
    format!("{pixels}").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room() {
        assert_eq!(length(5.0, 5.0), RIGHT - LEFT);
        assert_eq!(length(0.0, 5.0), 0);
        assert_eq!(length(1.0, 0.0), 0);
    }
}
