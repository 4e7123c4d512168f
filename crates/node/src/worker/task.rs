//! What a handler is given.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use leasehold_core::{LeaseRef, NodeName, PoolName, Revocation, TaskId, trace_id};
use leasehold_wire::{Fact, ProgressItem};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A task on lease, as its handler sees it. The worker extends the lease for as long as the
/// handler runs.
#[derive(Debug, Clone)]
pub struct Task {
    /// The task.
    pub id: TaskId,
    /// Where it came from.
    pub pool: PoolName,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Proof of holding it: to fence what the handler writes elsewhere, compare `lease.lease`,
    /// which grows with every grant of a pool.
    pub lease: LeaseRef,
    /// 0 is the most urgent.
    pub priority: u32,
    /// When the hub accepted it: milliseconds since 1970 by the hub's clock.
    pub enqueued_at_ms: u64,
    /// Opaque bytes.
    pub payload: Bytes,
    /// What this node is called.
    pub node: NodeName,
    /// Cancelled when going on is of no use: the lease was lost, the task was called off, or the
    /// worker is being stopped. A handler that looks at it saves its own time, no more: after a
    /// loss its outcome is dropped in any case.
    pub cancelled: CancellationToken,
    /// Cancelled when the hub asks for the task to end: somebody called it off and left it time.
    /// Whatever the handler then gives back is taken, and only success completes the task; at the
    /// end of that time [`Self::cancelled`] follows.
    pub stop_asked: CancellationToken,
    /// What else is known of it.
    pub(crate) facts: Vec<Fact>,
    pub(crate) revoked: Arc<OnceLock<Revocation>>,
    /// What its handler says on the way.
    pub(crate) words: mpsc::UnboundedSender<ProgressItem>,
}

impl Task {
    /// Why the lease was lost, once it is; none while it is held, and none if [`Self::cancelled`]
    /// only means that the worker is being stopped.
    #[must_use]
    pub fn revoked_because(&self) -> Option<Revocation> {
        self.revoked.get().copied()
    }

    /// What is known of it beyond a plain task, as it was when it was leased: its key, its group,
    /// its trace, the schedule that fired it, how long an attempt may run, how often its payload was
    /// replaced. Nothing from a hub that speaks version 1 of the protocol.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The trace that it was enqueued in: a W3C `traceparent`, to be handed on to whatever the
    /// handler calls.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.facts.iter().find_map(|fact| match fact {
            Fact::Trace(trace) => Some(trace.as_str()),
            Fact::ExpiresAt(_)
            | Fact::RunsUntil(_)
            | Fact::MaxRuntime(_)
            | Fact::Failures(..)
            | Fact::Losses(..)
            | Fact::Interruptions(..)
            | Fact::Progress { .. }
            | Fact::Key(_)
            | Fact::Group(_)
            | Fact::After { .. }
            | Fact::Schedule(_)
            | Fact::StopUntil(_)
            | Fact::Edited(_)
            | Fact::Died(_) => None,
        })
    }

    /// In which its handler runs: whatever that logs says of which task and trace it is. Of a task
    /// without a trace there is none.
    pub(crate) fn span(&self) -> tracing::Span {
        let trace_id = self.trace().and_then(trace_id);
        let (pool, task, attempt) = (&self.pool, self.id, self.attempt);
        tracing::debug!(%pool, %task, attempt, trace_id, "an attempt begins");
        trace_id.map_or_else(
            tracing::Span::none,
            |trace_id| tracing::info_span!("task", %pool, %task, attempt, trace_id),
        )
    }
}
