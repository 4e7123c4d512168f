//! What a worker did, told as it happens.

use std::collections::HashMap;

use leasehold_node::{LeaseRef, NodeName, Outcome, PoolName, Rejection, WorkerEvent};
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    exit::{Failure, complain},
    output::{self, json},
};

/// Follows a worker's events.
pub(super) struct Report {
    node: NodeName,
    as_json: bool,
    running: HashMap<LeaseRef, (PoolName, u32)>,
    is_cut: bool,
}

/// One finished task.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: String,
    pool: Option<&'a str>,
    attempt: Option<u32>,
    lease: String,
    node: &'a str,
    outcome: &'static str,
    reason: Option<String>,
}

impl Report {
    /// Tells of the worker of this node: of each task if as JSON, else only of the connection.
    pub(super) fn new(node: NodeName, as_json: bool) -> Self {
        Self {
            node,
            as_json,
            running: HashMap::new(),
            is_cut: false,
        }
    }

    /// Until the worker has ended, or nobody reads it any more.
    pub(super) async fn follow(mut self, mut events: Receiver<WorkerEvent>) -> Result<(), Failure> {
        loop {
            match events.recv().await {
                Ok(event) => self.tell(event)?,
                Err(RecvError::Lagged(missed)) => {
                    complain(format!("{missed} events were too fast to be told"));
                }
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }

    fn tell(&mut self, event: WorkerEvent) -> Result<(), Failure> {
        match event {
            WorkerEvent::Started {
                proof,
                pool,
                attempt,
            } => {
                self.running.insert(proof, (pool, attempt));
            }
            WorkerEvent::Finished {
                proof,
                outcome,
                accepted,
            } => {
                let of = self.running.remove(&proof);
                if self.as_json {
                    output::document(&self.line(proof, of.as_ref(), &outcome, &accepted))?;
                }
            }
            WorkerEvent::Connected { resumed, lost, .. } => {
                if std::mem::take(&mut self.is_cut) {
                    complain(format!(
                        "back at the hub: {resumed} leases go on, {lost} are lost"
                    ));
                }
            }
            WorkerEvent::Refused { pool, why } => {
                let failure = Failure::failed(format!("work on {pool}"), &why);
                if !matches!(why, Rejection::DiskNearlyFull { .. }) {
                    return Err(failure);
                }
                // That passes.
                let _ = failure.report();
            }
            WorkerEvent::Disconnected { reason } => {
                if !std::mem::replace(&mut self.is_cut, true) {
                    complain(format!("lost the hub, trying again: {reason}"));
                }
            }
        }
        Ok(())
    }

    fn line<'a>(
        &'a self,
        proof: LeaseRef,
        of: Option<&'a (PoolName, u32)>,
        outcome: &Outcome,
        accepted: &Result<(), Rejection>,
    ) -> Line<'a> {
        let (outcome, reason) = told(outcome, accepted);
        Line {
            id: proof.task.to_string(),
            pool: of.map(|(pool, _)| pool.as_str()),
            attempt: of.map(|(_, attempt)| *attempt),
            lease: proof.lease.to_string(),
            node: self.node.as_str(),
            outcome,
            reason: reason.as_deref().and_then(json::text).map(Into::into),
        }
    }
}

fn told(outcome: &Outcome, accepted: &Result<(), Rejection>) -> (&'static str, Option<String>) {
    match (accepted, outcome) {
        (Err(why), _) => ("lost", Some(why.to_string())),
        (Ok(()), Outcome::Complete(_) | Outcome::Then(..)) => ("completed", None),
        (
            Ok(()),
            Outcome::Fail(reason) | Outcome::FailAfter(reason, _) | Outcome::Hopeless(reason),
        ) => ("failed", Some(reason.clone())),
        (Ok(()), Outcome::Release) => ("released", None),
    }
}

#[cfg(test)]
mod tests;
