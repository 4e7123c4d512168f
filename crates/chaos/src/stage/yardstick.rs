//! How long this machine itself stood still, for times that are promised.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use leasehold_judge::What;
use tokio::time::Instant;

use crate::recorder::Recorder;

/// How often it looks.
const PACE: Duration = Duration::from_millis(20);

/// What a wake-up and a sync may take before they are called a stall.
const USUAL: Duration = Duration::from_millis(30);

/// Writes and syncs a byte again and again beside the hub's data until it is dropped, and records
/// when that took long.
pub(super) struct Yardstick {
    _running: Sender<()>,
}

impl Yardstick {
    pub(super) fn beside(folder: &Path) -> io::Result<Self> {
        let mut file = File::create(folder.join("yardstick"))?;
        let recorder = Recorder::open(&folder.join("yardstick.jsonl"), "yardstick")?;
        let (running, ended) = channel::<()>();
        thread::spawn(move || {
            let mut looked_at = Instant::now();
            while ended.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                // A disk that is full stalls nobody.
                _ = file.write_all(b"x").and_then(|()| file.sync_data());
                let stall = looked_at.elapsed().saturating_sub(PACE + USUAL);
                if !stall.is_zero() {
                    let for_us = u64::try_from(stall.as_micros()).unwrap_or(u64::MAX);
                    recorder.record(What::Stalled { for_us });
                }
                looked_at = Instant::now();
            }
        });
        Ok(Self { _running: running })
    }
}
