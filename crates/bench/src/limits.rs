//! The limits of the machine, measured in the same run as what is compared with them.

mod disk;
mod echo;

use std::{sync::Arc, time::Duration};

pub(crate) use disk::{BareLog, histogram};
use echo::Echo;

use crate::{
    BenchError, Limits, Target,
    book::{Book, Unit},
    drive::{self, Load},
    options::Options,
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

/// Measures disk and loopback.
pub(crate) async fn measure(options: &Options, book: &mut Book) -> Result<(), BenchError> {
    let during = options.seconds / 4;
    let folder = options.folder.clone();
    let measured = tokio::task::spawn_blocking(move || measure_disk(&folder, during)).await;
    let measured = measured.map_err(|error| BenchError::failed("measure the disk", error))??;
    for (case, syncs) in measured {
        let mut note = |figure, unit, value| book.note(PHASE, case, MACHINE, figure, unit, value);
        note(
            "syncs",
            Unit::PerSecond,
            syncs.took.len() as f64 / syncs.seconds,
        );
        for (figure, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let nanos = syncs.took.value_at_quantile(quantile);
            note(figure, Unit::Micros, nanos as f64 / 1e3);
        }
    }
    measure_loopback(options, book).await
}

fn measure_disk(
    folder: &std::path::Path,
    during: Duration,
) -> Result<Vec<(&'static str, disk::Syncs)>, BenchError> {
    let mut log = BareLog::make(folder)?;
    let measure = |(bytes, case)| Ok((case, log.measure(bytes, during)?));
    SIZES.into_iter().map(measure).collect()
}

async fn measure_loopback(options: &Options, book: &mut Book) -> Result<(), BenchError> {
    let echo: Arc<dyn Target> = Arc::new(Echo::start(options.threads)?);
    for (connections, in_flight) in SHAPES {
        let limits = Limits {
            measured_for: Some(options.seconds / 4),
            warm_up: options.seconds / 20,
            in_flight,
            payload_bytes: FRAME_BYTES,
            ..Limits::default()
        };
        let load = Load {
            limits,
            producers: connections,
            workers: 0,
            to_the_end: false,
        };
        let outcome = drive::drive(&echo, load).await?;
        let case = format!("echo {connections}×{in_flight}");
        let rate = outcome.tally.acknowledged_rate();
        book.note(PHASE, &case, MACHINE, "frames", Unit::PerSecond, rate);
        book.note_latency(PHASE, &case, MACHINE, "", &outcome.tally.until_acknowledged);
    }
    Ok(())
}
