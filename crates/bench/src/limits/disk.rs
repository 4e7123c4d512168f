//! What the disk can do at best: append to a file that is there already, and sync.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio_util::sync::CancellationToken;

use crate::{BenchError, Stamp, lane::noise, timer::Timer};

/// Bytes of the file, which is written over from its beginning when it is full.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// What is written while the file is made.
const FILL_BYTES: usize = 1024 * 1024;

/// How long it took to make something durable, again and again.
#[derive(Debug)]
pub(crate) struct Syncs {
    /// Each time, in nanoseconds, up to a minute.
    took: Histogram<u64>,
    /// All of them.
    seconds: f64,
    /// Cancelled when nobody waits for the outcome any more: a thread cannot be aborted.
    over: CancellationToken,
}

impl Syncs {
    /// Nothing yet; once `over` is cancelled, no more either.
    pub(crate) fn new(over: CancellationToken) -> Result<Self, BenchError> {
        let took = Histogram::new_with_bounds(100, 60_000_000_000, 3)
            .map_err(|error| BenchError::failed("make a histogram", error))?;
        Ok(Self {
            took,
            seconds: 0.0,
            over,
        })
    }

    /// Times what syncs, again and again, for so long.
    pub(crate) fn time(
        &mut self,
        during: Duration,
        mut sync: impl FnMut() -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let began = Stamp::now();
        let ends = began.after(during);
        let mut before = began;
        while before < ends {
            if self.over.is_cancelled() {
                return Err(BenchError::failed("go on", "the bench is over"));
            }
            sync()?;
            let now = Stamp::now();
            self.took.saturating_record(now.since(before));
            before = now;
        }
        self.seconds += before.since(began) as f64 / 1e9;
        Ok(())
    }

    /// Times what syncs, once.
    fn time_one(
        &mut self,
        sync: impl FnOnce() -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        if self.over.is_cancelled() {
            return Err(BenchError::failed("go on", "the bench is over"));
        }
        let began = Stamp::now();
        sync()?;
        let took = Stamp::now().since(began);
        self.took.saturating_record(took);
        self.seconds += took as f64 / 1e9;
        Ok(())
    }

    /// So many a second.
    pub(crate) fn rate(&self) -> f64 {
        self.took.len() as f64 / self.seconds.max(1e-9)
    }

    /// In microseconds.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        self.took.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// A file whose blocks are there and written: nothing of a file system's own is to be synced with
/// what is appended.
#[derive(Debug)]
pub(crate) struct BareLog {
    file: File,
    at: u64,
}

impl BareLog {
    /// Makes the file, in this folder, without a name that could be left behind.
    pub(crate) fn make(folder: &Path) -> Result<Self, BenchError> {
        let what = format!("make a file in {}", folder.display());
        Self::try_make(folder).map_err(BenchError::io(what))
    }

    fn try_make(folder: &Path) -> io::Result<Self> {
        let path = folder.join(".leasehold-bench-log");
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)?;
        std::fs::remove_file(&path)?;
        let zeros = vec![0; FILL_BYTES];
        for at in (0..FILE_BYTES).step_by(FILL_BYTES) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    /// Appends these bytes and syncs them.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.at + bytes.len() as u64 > FILE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        self.file.sync_data()
    }

    /// Appends and syncs so many bytes at a time, for so long.
    pub(crate) fn measure(
        &mut self,
        bytes: usize,
        during: Duration,
        syncs: &mut Syncs,
    ) -> Result<(), BenchError> {
        let data = noise(bytes, 0);
        syncs.time(during, || {
            self.append(&data)
                .map_err(|error| BenchError::failed("measure the disk", error))
        })
    }

    /// Appends and syncs so many bytes at a time, so many times a second, for so long. What it is
    /// late itself is not counted.
    pub(crate) async fn measure_at(
        &mut self,
        bytes: usize,
        rate: f64,
        during: Duration,
        syncs: &mut Syncs,
    ) -> Result<(), BenchError> {
        let fail = |error| BenchError::failed("measure the disk", error);
        let data = noise(bytes, 0);
        let mut timer = Timer::new().map_err(fail)?;
        let pause = Duration::from_secs_f64(1.0 / rate);
        let mut next = Stamp::now();
        let ends = next.after(during);
        while next < ends {
            timer.until(next).await.map_err(fail)?;
            syncs.time_one(|| self.append(&data).map_err(fail))?;
            next = next.after(pause);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_written_over_from_its_beginning_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = BareLog::make(folder.path()).unwrap();
        let data = vec![1; 40 * 1024 * 1024];
        log.append(&data).unwrap();
        log.append(&data).unwrap();
        assert_eq!(log.at, data.len() as u64);
        assert_eq!(log.file.metadata().unwrap().len(), FILE_BYTES);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn syncs_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = BareLog::make(folder.path()).unwrap();
        let mut syncs = Syncs::new(CancellationToken::new()).unwrap();
        for _ in 0..2 {
            let during = Duration::from_millis(5);
            log.measure(300, during, &mut syncs).unwrap();
        }
        assert!(syncs.rate() > 0.0);
        assert!(syncs.quantile(0.5) > 0.0);
        assert!(syncs.seconds >= 0.01);
        syncs.over.cancel();
        let went_on = log.measure(300, Duration::from_secs(3600), &mut syncs);
        assert!(went_on.is_err());
    }

    #[tokio::test]
    async fn syncs_at_a_rate_are_as_many() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = BareLog::make(folder.path()).unwrap();
        let mut syncs = Syncs::new(CancellationToken::new()).unwrap();
        let during = Duration::from_millis(10);
        log.measure_at(300, 1000.0, during, &mut syncs)
            .await
            .unwrap();
        assert_eq!(syncs.took.len(), 10);
    }
}
