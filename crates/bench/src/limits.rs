//! The limits of the machine, measured in the same run as what is compared with them.

mod disk;
mod echo;

use std::{sync::Arc, time::Duration};

pub(crate) use disk::{BareLog, Syncs};
use echo::Echo;

use crate::{
    BenchError, Limits, Target,
    book::{Book, Unit},
    drive::{self, Load},
    options::Options,
    phases::latency,
};

/// The phase's name.
pub(crate) const PHASE: &str = "limits";

/// The one to whom a limit belongs.
pub(crate) const MACHINE: &str = "machine";

/// Bytes of the appends that are measured.
const SIZES: [(usize, &str); 4] = [
    (300, "sync 300 B"),
    (4096, "sync 4 KiB"),
    (16 * 1024, "sync 16 KiB"),
    (64 * 1024, "sync 64 KiB"),
];

/// The size to which one commit of one task comes nearest.
pub(crate) const SYNC_SMALL: &str = SIZES[0].1;

/// The size to which a commit of many tasks comes nearest.
pub(crate) const SYNC_LARGE: &str = SIZES[3].1;

/// Bytes of a frame that comes back.
const FRAME_BYTES: usize = 300;

/// Connections and frames in flight of each, for loopback.
const SHAPES: [(u32, usize); 3] = [(1, 1), (64, 1), (64, 32)];

/// Loopback is not measured for less: connections are new at first.
const LEAST: Duration = Duration::from_millis(200);

/// Pieces into which the time is cut, so that what else the disk does meets all sizes alike.
const TURNS: u32 = 8;

/// Measures disk and loopback.
pub(crate) async fn measure(options: &Options, book: &mut Book) -> Result<(), BenchError> {
    measure_disk(options, &SIZES, book).await?;
    measure_loopback(options, book).await
}

/// Measures again what a lone request is compared with.
pub(crate) async fn measure_small(options: &Options, book: &mut Book) -> Result<(), BenchError> {
    measure_disk(options, &SIZES[..1], book).await?;
    note_synced_echo(options, in_turn(options, 1, 1), "1×1", book).await
}

/// What a sync takes at this rate, and a frame that comes back: a disk and a processor that are
/// waited for in between are not as awake as those that are never left alone.
pub(crate) async fn measure_at(
    options: &Options,
    rate: f64,
    book: &mut Book,
) -> Result<(), BenchError> {
    let mut log = BareLog::make(&options.folder)?;
    let mut syncs = Syncs::new(options.over.clone())?;
    let (bytes, _) = SIZES[0];
    log.measure_at(bytes, rate, options.seconds / 2, &mut syncs)
        .await?;
    let case = sync_at(&format!("{rate}/s"));
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        let took = syncs.quantile(quantile);
        book.note(PHASE, &case, MACHINE, name, Unit::Micros, took);
    }
    let limits = Limits {
        measured_for: Some(options.seconds / 2),
        warm_up: options.seconds / 10,
        in_flight: latency::IN_FLIGHT,
        rate: Some(rate),
        ..of_frames()
    };
    let load = Load {
        limits,
        producers: latency::producers(options),
        workers: 0,
        to_the_end: true,
    };
    let case = format!("{rate}/s");
    let plain: Arc<dyn Target> = Arc::new(Echo::start(options.threads)?);
    note_echo(&plain, load, &echo_at(&case), book).await?;
    note_synced_echo(options, load, &case, book).await
}

/// A frame that comes back in this case.
pub(crate) fn echo_at(case: &str) -> String {
    format!("echo {case}")
}

/// A frame that comes back in this case when it was synced.
pub(crate) fn synced_echo_at(case: &str) -> String {
    format!("synced echo {case}")
}

async fn note_synced_echo(
    options: &Options,
    load: Load,
    case: &str,
    book: &mut Book,
) -> Result<(), BenchError> {
    let log = BareLog::make(&options.folder)?;
    let synced: Arc<dyn Target> = Arc::new(Echo::start_synced(log)?);
    note_echo(&synced, load, &synced_echo_at(case), book).await
}

async fn note_echo(
    echo: &Arc<dyn Target>,
    load: Load,
    case: &str,
    book: &mut Book,
) -> Result<(), BenchError> {
    let outcome = drive::drive(echo, load).await?;
    let rate = outcome.tally.acknowledged_rate();
    book.note(PHASE, case, MACHINE, "frames", Unit::PerSecond, rate);
    book.note_latency(PHASE, case, MACHINE, "", &outcome.tally.until_acknowledged);
    Ok(())
}

fn of_frames() -> Limits {
    Limits {
        payload_bytes: FRAME_BYTES,
        ..Limits::default()
    }
}

/// The limit of the case of this rate.
pub(crate) fn sync_at(rate: &str) -> String {
    format!("{SYNC_SMALL} {rate}")
}

async fn measure_disk(
    options: &Options,
    sizes: &'static [(usize, &str)],
    book: &mut Book,
) -> Result<(), BenchError> {
    let of_options = options.clone();
    let measured = tokio::task::spawn_blocking(move || syncs(&of_options, sizes)).await;
    let measured = measured.map_err(|error| BenchError::failed("measure the disk", error))??;
    for ((_, case), syncs) in sizes.iter().zip(measured) {
        let mut note = |name, unit, value| book.note(PHASE, case, MACHINE, name, unit, value);
        note("syncs", Unit::PerSecond, syncs.rate());
        note("p50", Unit::Micros, syncs.quantile(0.5));
        note("p99", Unit::Micros, syncs.quantile(0.99));
    }
    Ok(())
}

fn syncs(options: &Options, sizes: &[(usize, &str)]) -> Result<Vec<Syncs>, BenchError> {
    let during = options.seconds / 4 / TURNS;
    let mut log = BareLog::make(&options.folder)?;
    let mut all: Vec<Syncs> = sizes
        .iter()
        .map(|_| Syncs::new(options.over.clone()))
        .collect::<Result<_, _>>()?;
    for _ in 0..TURNS {
        for ((bytes, _), syncs) in sizes.iter().zip(&mut all) {
            log.measure(*bytes, during, syncs)?;
        }
    }
    Ok(all)
}

async fn measure_loopback(options: &Options, book: &mut Book) -> Result<(), BenchError> {
    let echo: Arc<dyn Target> = Arc::new(Echo::start(options.threads)?);
    for (connections, in_flight) in SHAPES {
        let load = in_turn(options, connections, in_flight);
        let case = echo_at(&format!("{connections}×{in_flight}"));
        note_echo(&echo, load, &case, book).await?;
    }
    Ok(())
}

/// Frames as fast as they come back.
fn in_turn(options: &Options, connections: u32, in_flight: usize) -> Load {
    let limits = Limits {
        measured_for: Some((options.seconds / 4).max(LEAST)),
        warm_up: options.seconds / 20,
        in_flight,
        ..of_frames()
    };
    Load {
        limits,
        producers: connections,
        workers: 0,
        to_the_end: false,
    }
}
