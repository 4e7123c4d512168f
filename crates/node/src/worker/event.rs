//! What a worker tells of itself.

use leasehold_core::{LeaseRef, PoolName, Rejection};

use super::Outcome;

/// Counts of a worker since its start, and how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerStats {
    /// Tasks whose completion the hub accepted.
    pub completed: u64,
    /// Tasks whose failure the hub accepted.
    pub failed: u64,
    /// Tasks that the hub accepted back.
    pub released: u64,
    /// Leases that were lost: an answer, an extension or a resume was rejected, or the hub revoked
    /// them.
    pub lost: u64,
    /// Sessions after the first.
    pub reconnects: u64,
    /// Leases that went on in a later session.
    pub resumed: u64,
    /// Handlers that run now.
    pub running: usize,
    /// Leases held now: handlers that run, tasks that wait for a slot, outcomes that the hub has
    /// yet to confirm.
    pub held: usize,
}

/// Something that happened in a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerEvent {
    /// A handler was started.
    Started {
        /// The task and its lease.
        proof: LeaseRef,
        /// Where it came from.
        pool: PoolName,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// An attempt is over, and the hub has said what it makes of it.
    Finished {
        /// The task and its lease.
        proof: LeaseRef,
        /// How it went.
        outcome: Outcome,
        /// Whether the hub took it; [`Rejection::LeaseLost`] also if it was not sent because the
        /// lease was known to be lost.
        accepted: Result<(), Rejection>,
    },
    /// A session is open, and its resume was answered.
    Connected {
        /// The session, as the hub calls it.
        session: u64,
        /// Leases that go on.
        resumed: usize,
        /// Leases that are lost.
        lost: usize,
    },
    /// The hub does not send tasks of this pool, and not because of a moment's trouble. The worker
    /// asks again after a while.
    Refused {
        /// Which pool.
        pool: PoolName,
        /// Why.
        why: Rejection,
    },
    /// The session ended; handlers run on.
    Disconnected {
        /// For people.
        reason: String,
    },
}
