//! What a driver is: all that differs between the systems that the bench drives.

use std::{fmt::Debug, path::PathBuf, pin::Pin, str::FromStr};

use crate::{BenchError, ProducerLane, WorkerLane};

/// A driver at work.
pub type Doing<'a, T = ()> = Pin<Box<dyn Future<Output = Result<T, BenchError>> + Send + 'a>>;

/// What a system's acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Whether what is acknowledged was synced to disk before.
    pub syncs: bool,
    /// The same as a sentence, for people who compare.
    pub says: &'static str,
}

/// A system under test: a thin driver, used as a good engineer would use that system.
///
/// A driver writes its system's raw protocol with as little between as can be: one task a
/// request, requests pipelined, one write for all that one wake-up brought. For most,
/// [`ProducerDialect`](crate::ProducerDialect) and [`WorkerDialect`](crate::WorkerDialect) are
/// the way: a dialect only writes and reads bytes, and [`run_producer`](crate::run_producer) and
/// [`run_worker`](crate::run_worker) do the rest. A system with a good library of its own may use
/// that instead and speak with the lane itself.
pub trait Target: Debug + Send + Sync {
    /// What it is called in tables, such as `redis-list`.
    fn name(&self) -> &str;

    /// What its acknowledgement means, as it is configured now.
    fn promise(&self) -> Promise;

    /// Empties it, and makes what the lanes need. Called before each phase, when no lane is open.
    fn purge(&self) -> Doing<'_>;

    /// One producing connection: connects, awaits [`ProducerLane::begin`], enqueues what
    /// [`ProducerLane::next`] hands out until it says that it is over and all is acknowledged.
    fn produce(&self, lane: ProducerLane) -> Doing<'_, ProducerLane>;

    /// One working connection: connects, awaits [`WorkerLane::begin`], holds up to
    /// [`WorkerLane::slots`] tasks at a time, tells the lane of each delivery and of each
    /// *acknowledged* completion, and returns soon after [`WorkerLane::over`].
    fn work(&self, lane: WorkerLane) -> Doing<'_, WorkerLane>;

    /// The processes whose memory and processor time are its own.
    fn pids(&self) -> Vec<u32> {
        Vec::new()
    }

    /// The folders whose bytes are its own, where they are known.
    fn folders(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Which system to compare with, as the command line says it:
/// `KIND=ADDRESS[,pid=PID]…[,data=FOLDER]…[,KEY=VALUE]…`, such as
/// `redis-list=127.0.0.1:6379,pid=4711,data=/tmp/redis`. Under the key `rests` the process may stand
/// that began all of the system's: they are stopped (`SIGSTOP`) while another one is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Which driver.
    pub kind: String,
    /// Where the system listens.
    pub address: String,
    /// Its processes.
    pub pids: Vec<u32>,
    /// Its folders.
    pub folders: Vec<PathBuf>,
    /// What else its driver wants to know, such as `name=redis-list-everysec`.
    pub others: Vec<(String, String)>,
}

impl Spec {
    /// What else was said under this key.
    #[must_use]
    pub fn other(&self, key: &str) -> Option<&str> {
        let found = self.others.iter().find(|(said, _)| said == key);
        found.map(|(_, value)| value.as_str())
    }
}

impl FromStr for Spec {
    type Err = BenchError;

    fn from_str(text: &str) -> Result<Self, BenchError> {
        let wrong = |why: &str| BenchError::Usage(format!("\"{text}\" is no system: {why}"));
        let mut parts = text.split(',');
        let system = parts.next().unwrap_or_default();
        let (kind, address) = system
            .split_once('=')
            .ok_or_else(|| wrong("say KIND=ADDRESS"))?;
        let mut spec = Self {
            kind: kind.to_owned(),
            address: address.to_owned(),
            pids: Vec::new(),
            folders: Vec::new(),
            others: Vec::new(),
        };
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| wrong("behind a comma comes KEY=VALUE"))?;
            match key {
                "pid" => spec
                    .pids
                    .push(value.parse().map_err(|_| wrong("a pid is a number"))?),
                "data" => spec.folders.push(value.into()),
                _ => spec.others.push((key.to_owned(), value.to_owned())),
            }
        }
        Ok(spec)
    }
}
