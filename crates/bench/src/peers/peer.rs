//! What is alike in all of them: the names, and what was said on the command line.

use std::{fmt::Debug, path::PathBuf, str::FromStr};

use crate::{
    BenchError, Doing, ProducerDialect, ProducerLane, Promise, Spec, Target, WorkerDialect,
    WorkerLane, run_producer, run_worker,
};

/// What a system was started to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// It syncs before it acknowledges.
    Synced,
    /// It writes, and syncs some time later.
    Later,
    /// Memory only.
    Nothing,
}

impl FromStr for Keeps {
    type Err = BenchError;

    fn from_str(text: &str) -> Result<Self, BenchError> {
        match text {
            "synced" => Ok(Self::Synced),
            "later" => Ok(Self::Later),
            "nothing" => Ok(Self::Nothing),
            other => {
                let said = format!("keeps={other}: say synced, later or nothing");
                Err(BenchError::Usage(said))
            }
        }
    }
}

/// What differs between them.
pub(super) trait Protocol: Debug + Send + Sync + 'static {
    /// What an acknowledgement means of a system that was started so; none if it cannot be.
    fn says(&self, keeps: Keeps) -> Option<&'static str>;

    /// As [`Target::purge`].
    fn purge<'a>(&'a self, address: &'a str) -> Doing<'a>;

    /// As [`Target::produce`].
    fn produce(&self, address: String, lane: ProducerLane) -> Doing<'static, ProducerLane>;

    /// As [`Target::work`].
    fn work(&self, address: String, lane: WorkerLane) -> Doing<'static, WorkerLane>;
}

/// For [`Protocol::produce`] of a raw protocol.
pub(super) fn produce(
    address: String,
    dialect: impl ProducerDialect,
    lane: ProducerLane,
) -> Doing<'static, ProducerLane> {
    Box::pin(run_producer(address, dialect, lane))
}

/// For [`Protocol::work`] of a raw protocol.
pub(super) fn work(
    address: String,
    dialect: impl WorkerDialect,
    lane: WorkerLane,
) -> Doing<'static, WorkerLane> {
    Box::pin(run_worker(address, dialect, lane))
}

/// A system of others.
#[derive(Debug)]
pub(super) struct Peer<P> {
    spec: Spec,
    promise: Promise,
    protocol: P,
}

impl<P: Protocol> Peer<P> {
    /// # Errors
    /// When such a system cannot be started so.
    pub(super) fn new(spec: &Spec, keeps: Keeps, protocol: P) -> Result<Self, BenchError> {
        let says = protocol.says(keeps).ok_or_else(|| {
            BenchError::Usage(format!("{} cannot be made to keep {keeps:?}", spec.kind))
        })?;
        let syncs = keeps == Keeps::Synced;
        Ok(Self {
            spec: spec.clone(),
            promise: Promise { syncs, says },
            protocol,
        })
    }
}

impl<P: Protocol> Target for Peer<P> {
    fn name(&self) -> &str {
        self.spec.other("name").unwrap_or(&self.spec.kind)
    }

    fn promise(&self) -> Promise {
        self.promise
    }

    fn purge(&self) -> Doing<'_> {
        self.protocol.purge(&self.spec.address)
    }

    fn produce(&self, lane: ProducerLane) -> Doing<'static, ProducerLane> {
        self.protocol.produce(self.spec.address.clone(), lane)
    }

    fn work(&self, lane: WorkerLane) -> Doing<'static, WorkerLane> {
        self.protocol.work(self.spec.address.clone(), lane)
    }

    fn pids(&self) -> Vec<u32> {
        self.spec.pids.clone()
    }

    fn folders(&self) -> Vec<PathBuf> {
        self.spec.folders.clone()
    }
}
