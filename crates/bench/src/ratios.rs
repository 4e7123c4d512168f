//! What was measured as a multiple of what could be reached, from one and the same run.

use crate::{
    book::{Book, Figure, Unit},
    limits,
    phases::{latency, mixed, throughput},
};

/// Bytes of a task on disk beside its payload, in the barest log that one could think of.
const RECORD_BYTES: f64 = 44.0;

/// Bytes of the largest append that is measured.
const LARGE_BYTES: f64 = 64.0 * 1024.0;

/// A system, and whether it syncs before it acknowledges.
pub(crate) type Syncs = (String, bool);

/// Adds the ratios to the figures.
pub(crate) fn add(book: &mut Book, targets: &[Syncs], payload_bytes: usize) {
    let mut found = to_syncs(book);
    found.extend(to_the_log(book, payload_bytes));
    found.extend(to_others(book, targets));
    for ratio in found {
        let (of, name) = (&ratio.of, &ratio.name);
        book.note(
            of.phase,
            &of.case,
            &of.target,
            name,
            ratio.unit,
            ratio.value,
        );
    }
}

struct Ratio {
    of: Figure,
    name: String,
    unit: Unit,
    value: f64,
}

/// Latencies as multiples of the disk's own: a lone request's, and those of a waiting node.
fn to_syncs(book: &Book) -> Vec<Ratio> {
    let compared = [
        (throughput::SINGLE, "enqueued "),
        (latency::PHASE, "acknowledged "),
        (latency::PHASE, "delivered "),
    ];
    let mut ratios = Vec::new();
    for figure in book.figures() {
        for (phase, prefix) in compared {
            let quantile = figure.name.strip_prefix(prefix);
            let quantile = quantile.filter(|name| ["p50", "p99"].contains(name));
            let Some(quantile) = quantile.filter(|_| figure.phase == phase) else {
                continue;
            };
            let limit = |case: &str| book.median(limits::PHASE, case, limits::MACHINE, quantile);
            let at_its_rate = limit(&limits::sync_at(&figure.case));
            let sync = at_its_rate.or_else(|| limit(limits::SYNC_SMALL));
            let echo = limit(&limits::synced_echo_at(&figure.case));
            let of_limit = |(limit, name)| {
                let value = figure.median() / limit?;
                Some(Ratio {
                    name: format!("{} ÷ {name}", figure.name),
                    unit: Unit::Times,
                    value,
                    of: figure.clone(),
                })
            };
            ratios.extend(
                [(sync, "sync"), (echo, "synced echo")]
                    .map(of_limit)
                    .into_iter()
                    .flatten(),
            );
        }
    }
    ratios
}

/// Rates as fractions of what a bare log could take that syncs after each 64 KiB.
fn to_the_log(book: &Book, payload_bytes: usize) -> Vec<Ratio> {
    let syncs = book.median(limits::PHASE, limits::SYNC_LARGE, limits::MACHINE, "syncs");
    let Some(syncs) = syncs else {
        return Vec::new();
    };
    let most = syncs * LARGE_BYTES / (payload_bytes as f64 + RECORD_BYTES);
    let rates = book
        .figures()
        .iter()
        .filter(|figure| figure.name == "enqueued" && figure.phase == throughput::ENQUEUE);
    let of_log = |figure: &Figure| Ratio {
        name: "of a bare log".to_owned(),
        unit: Unit::Percent,
        value: figure.median() * 100.0 / most,
        of: figure.clone(),
    };
    rates.map(of_log).collect()
}

/// Rates of the first system as multiples of the fastest other one.
fn to_others(book: &Book, targets: &[Syncs]) -> Vec<Ratio> {
    let Some(((first, _), others)) = targets.split_first() else {
        return Vec::new();
    };
    let phases = [
        throughput::ENQUEUE,
        throughput::CLAIM,
        throughput::SINGLE,
        mixed::PHASE,
    ];
    let is_rate = |figure: &&Figure| {
        figure.unit == Unit::PerSecond && figure.target == *first && phases.contains(&figure.phase)
    };
    let mut ratios = Vec::new();
    for figure in book.figures().iter().filter(is_rate) {
        for (syncs, which) in [(true, "that syncs"), (false, "that does not")] {
            let rates = others
                .iter()
                .filter(|(_, other)| *other == syncs)
                .filter_map(|(name, _)| {
                    book.median(figure.phase, &figure.case, name, &figure.name)
                });
            let fastest = rates.fold(0.0, f64::max);
            if fastest > 0.0 {
                ratios.push(Ratio {
                    name: format!("{} ÷ fastest {which}", figure.name),
                    unit: Unit::Times,
                    value: figure.median() / fastest,
                    of: figure.clone(),
                });
            }
        }
    }
    ratios
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_compared_with_the_disks_own() {
        let mut book = Book::default();
        let (case, machine) = (limits::SYNC_SMALL, limits::MACHINE);
        book.note(limits::PHASE, case, machine, "p50", Unit::Micros, 80.0);
        let phase = throughput::SINGLE;
        book.note(
            phase,
            "1×1",
            "leasehold",
            "enqueued p50",
            Unit::Micros,
            120.0,
        );
        add(&mut book, &[], 256);
        let ratio = book.median(phase, "1×1", "leasehold", "enqueued p50 ÷ sync");
        assert_eq!(ratio, Some(1.5));
    }

    #[test]
    fn latencies_at_a_rate_are_compared_with_the_disks_at_that_rate() {
        let mut book = Book::default();
        let (limit, machine) = (limits::PHASE, limits::MACHINE);
        let at_rate = limits::sync_at("500/s");
        book.note(
            limit,
            limits::SYNC_SMALL,
            machine,
            "p50",
            Unit::Micros,
            80.0,
        );
        book.note(limit, &at_rate, machine, "p50", Unit::Micros, 150.0);
        let echo = limits::synced_echo_at("500/s");
        book.note(limit, &echo, machine, "p50", Unit::Micros, 200.0);
        let (phase, case, target) = (latency::PHASE, "500/s", "leasehold");
        book.note(phase, case, target, "delivered p50", Unit::Micros, 300.0);
        add(&mut book, &[], 256);
        let ratio = book.median(phase, case, target, "delivered p50 ÷ sync");
        assert_eq!(ratio, Some(2.0));
        let ratio = book.median(phase, case, target, "delivered p50 ÷ synced echo");
        assert_eq!(ratio, Some(1.5));
    }

    #[test]
    fn rates_are_compared_with_the_fastest_of_each_kind() {
        let mut book = Book::default();
        let rates = [
            ("leasehold", 300.0),
            ("slow", 50.0),
            ("fast", 100.0),
            ("careless", 200.0),
        ];
        for (target, rate) in rates {
            book.note("mixed", "8×64", target, "lifecycles", Unit::PerSecond, rate);
        }
        let syncs = |name: &str| (name.to_owned(), name != "careless");
        let targets: Vec<_> = rates.iter().map(|(name, _)| syncs(name)).collect();
        add(&mut book, &targets, 256);
        let ratio = |which: &str| {
            let name = format!("lifecycles ÷ fastest {which}");
            book.median("mixed", "8×64", "leasehold", &name)
        };
        assert_eq!(ratio("that syncs"), Some(3.0));
        assert_eq!(ratio("that does not"), Some(1.5));
    }

    #[test]
    fn an_enqueue_is_compared_with_a_bare_log() {
        let mut book = Book::default();
        let (case, machine) = (limits::SYNC_LARGE, limits::MACHINE);
        book.note(
            limits::PHASE,
            case,
            machine,
            "syncs",
            Unit::PerSecond,
            300.0,
        );
        let rate = 65_536.0;
        book.note(
            "enqueue",
            "x",
            "leasehold",
            "enqueued",
            Unit::PerSecond,
            rate,
        );
        add(&mut book, &[], 256);
        let found = book.median("enqueue", "x", "leasehold", "of a bare log");
        assert!((found.unwrap() - 100.0).abs() < 1e-9, "{found:?}");
    }
}
