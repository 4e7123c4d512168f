//! Figures of the store, written by its thread and read by everybody.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use leasehold_core::Rejection;
use leasehold_store::StoreStats;
use leasehold_wire::StoreStatus;

/// What free space reads where nobody knows it.
const UNKNOWN: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Gauge {
    engine: &'static str,
    reserve: u64,
    disk_bytes: AtomicU64,
    live_bytes: AtomicU64,
    free_bytes: AtomicU64,
    commits: AtomicU64,
    changes: AtomicU64,
    /// Payload bytes accepted since the disk was last measured, and before that: some may be on
    /// their way still.
    accepted: [AtomicU64; 2],
}

/// Bytes that a store may write for one accepted, at its worst moment: the record, the engine's
/// own copies of it, and what is carried over with it.
const WRITTEN_PER_BYTE: u64 = 4;

impl Gauge {
    pub(crate) fn new(stats: &StoreStats, reserve: u64) -> Self {
        let gauge = Self {
            engine: stats.engine,
            reserve,
            disk_bytes: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
            free_bytes: AtomicU64::new(UNKNOWN),
            commits: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            accepted: [AtomicU64::new(0), AtomicU64::new(0)],
        };
        gauge.measured(stats);
        gauge
    }

    pub(crate) fn measured(&self, stats: &StoreStats) {
        self.disk_bytes.store(stats.disk_bytes, Relaxed);
        self.live_bytes.store(stats.live_bytes, Relaxed);
        self.free_bytes
            .store(stats.free_bytes.unwrap_or(UNKNOWN), Relaxed);
        let [now, before] = &self.accepted;
        before.store(now.swap(0, Relaxed), Relaxed);
    }

    pub(crate) fn committed(&self, changes: u64) {
        self.commits.fetch_add(1, Relaxed);
        self.changes.fetch_add(changes, Relaxed);
    }

    /// Whether so many bytes of payloads may be accepted: what was accepted needs room to be
    /// finished. Between two measurements what was accepted is taken for written.
    pub(crate) fn admit(&self, bytes: u64) -> Result<(), Rejection> {
        let [now, before] = &self.accepted;
        let accepted = now.fetch_add(bytes, Relaxed) + before.load(Relaxed) + bytes;
        let reserve = self.reserve;
        let free = self.free_bytes.load(Relaxed);
        let left = free.saturating_sub(accepted.saturating_mul(WRITTEN_PER_BYTE));
        if free == UNKNOWN || left >= reserve {
            return Ok(());
        }
        now.fetch_sub(bytes, Relaxed);
        let free = if free < reserve { free } else { left };
        Err(Rejection::DiskNearlyFull { free, reserve })
    }

    pub(crate) fn status(&self) -> StoreStatus {
        let free = self.free_bytes.load(Relaxed);
        StoreStatus {
            engine: self.engine.to_owned(),
            disk_bytes: self.disk_bytes.load(Relaxed),
            live_bytes: self.live_bytes.load(Relaxed),
            free_bytes: (free != UNKNOWN).then_some(free),
            commits: self.commits.load(Relaxed),
            changes: self.changes.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_accepted_since_the_last_look_is_taken_for_written() {
        let stats = |free| StoreStats {
            free_bytes: Some(free),
            ..StoreStats::default()
        };
        let gauge = Gauge::new(&stats(1_000), 600);
        assert_eq!(gauge.admit(60), Ok(()));
        let refused = gauge.admit(60).unwrap_err();
        let left = Rejection::DiskNearlyFull {
            free: 520,
            reserve: 600,
        };
        assert_eq!(refused, left);
        // What was on its way at one look is on the disk by the next but one.
        gauge.measured(&stats(1_000));
        assert!(gauge.admit(60).is_err());
        gauge.measured(&stats(1_000));
        assert_eq!(gauge.admit(60), Ok(()));
    }
}
