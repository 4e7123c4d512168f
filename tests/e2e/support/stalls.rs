//! A yardstick for times that are promised: how long this machine itself stood still meanwhile.

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use tokio::time::Instant;

/// How often it looks.
const PACE: Duration = Duration::from_millis(5);

/// What a wake-up and a sync may take before they are called a stall.
const USUAL: Duration = Duration::from_millis(20);

/// Writes and syncs a byte again and again beside the hub's data, until it is dropped.
pub(crate) struct Stalls {
    stood: Arc<Mutex<Duration>>,
    _running: Sender<()>,
}

impl Stalls {
    pub(crate) fn beside(folder: &Path) -> Self {
        let mut file = File::create(folder.join("yardstick")).expect("the folder is writable");
        let stood = Arc::new(Mutex::new(Duration::ZERO));
        let (_running, ended) = channel::<()>();
        let sum = Arc::clone(&stood);
        thread::spawn(move || {
            let mut looked_at = Instant::now();
            while ended.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                let synced = file.write_all(b"x").and_then(|()| file.sync_data());
                synced.expect("the disk takes a byte");
                let stall = looked_at.elapsed().saturating_sub(PACE + USUAL);
                *sum.lock().unwrap_or_else(PoisonError::into_inner) += stall;
                looked_at = Instant::now();
            }
        });
        Self { stood, _running }
    }

    /// How long the machine stood still since this was last asked.
    pub(crate) fn take(&self) -> Duration {
        let mut stood = self.stood.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *stood)
    }
}
