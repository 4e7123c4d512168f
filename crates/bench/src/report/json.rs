//! All figures as one document. What programs read is a promise: fields are added, never changed.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    Target,
    book::{Book, Figure, Series},
    machine::Machine,
    options::Options,
};

/// Grows when a field changes its meaning.
const FORMAT: u32 = 1;

/// The whole document.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    format: u32,
    version: &'static str,
    machine: &'a Machine,
    options: OptionsShown<'a>,
    targets: Vec<TargetShown<'a>>,
    figures: Vec<FigureShown<'a>>,
    series: &'a [Series],
}

#[derive(Debug, Serialize)]
struct OptionsShown<'a> {
    payload_bytes: usize,
    connections: u32,
    in_flight: usize,
    slots: usize,
    seconds: f64,
    tasks: Option<u64>,
    standing: &'a [u64],
    rates: &'a [f64],
    sessions: &'a [u32],
    repeat: u32,
    threads: usize,
    engine: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct TargetShown<'a> {
    name: &'a str,
    syncs: bool,
    promise: &'static str,
}

#[derive(Debug, Serialize)]
struct FigureShown<'a> {
    phase: &'static str,
    case: &'a str,
    target: &'a str,
    figure: &'a str,
    unit: &'static str,
    median: f64,
    least: f64,
    most: f64,
    values: &'a [f64],
}

impl<'a> Document<'a> {
    pub(super) fn new(
        book: &'a Book,
        options: &'a Options,
        machine: &'a Machine,
        targets: &'a [Arc<dyn Target>],
    ) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            machine,
            options: OptionsShown::new(options),
            targets: targets.iter().map(|target| shown(target)).collect(),
            figures: book.figures().iter().map(FigureShown::new).collect(),
            series: book.series(),
        }
    }
}

impl<'a> OptionsShown<'a> {
    fn new(options: &'a Options) -> Self {
        Self {
            payload_bytes: options.payload_bytes,
            connections: options.connections,
            in_flight: options.in_flight,
            slots: options.slots,
            seconds: options.seconds.as_secs_f64(),
            tasks: options.tasks,
            standing: &options.standing,
            rates: &options.rates,
            sessions: &options.sessions,
            repeat: options.repeat,
            threads: options.threads,
            engine: options.engine.as_deref(),
        }
    }
}

fn shown(target: &Arc<dyn Target>) -> TargetShown<'_> {
    let promise = target.promise();
    TargetShown {
        name: target.name(),
        syncs: promise.syncs,
        promise: promise.says,
    }
}

impl<'a> FigureShown<'a> {
    fn new(figure: &'a Figure) -> Self {
        Self {
            phase: figure.phase,
            case: &figure.case,
            target: &figure.target,
            figure: &figure.name,
            unit: figure.unit.as_str(),
            median: figure.median(),
            least: figure.least(),
            most: figure.most(),
            values: &figure.values,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::book::Unit;

    #[test]
    fn a_figure_has_its_unit_and_its_spread() {
        let mut book = Book::default();
        for value in [3.0, 1.0, 2.0] {
            book.note("enqueue", "1×1", "leasehold", "p50", Unit::Micros, value);
        }
        let options = Options::for_tests();
        let machine = Machine::here(Path::new("."));
        let document = Document::new(&book, &options, &machine, &[]);
        let document = serde_json::to_value(document).unwrap();
        assert_eq!(
            document["figures"],
            json!([{
                "phase": "enqueue", "case": "1×1", "target": "leasehold", "figure": "p50",
                "unit": "us", "median": 2.0, "least": 1.0, "most": 3.0,
                "values": [3.0, 1.0, 2.0],
            }])
        );
        assert_eq!(document["format"], 1);
        assert_eq!(document["options"]["payload_bytes"], 256);
        assert!(document["machine"]["cores"].as_u64() > Some(0));
    }
}
