//! What producers and nodes do.

mod again;
pub(crate) mod holder;
pub(crate) mod node;
pub(crate) mod producer;

use std::{io, time::Duration};

use leasehold_judge::Life;
use leasehold_node::{NodeName, NodeOptions, PoolName, StateKind};
use leasehold_reach::Door;
use tokio::signal::unix::{SignalKind, signal};

use crate::{args::PartArgs, error::ChaosError};

/// Nobody waits longer than that for a hub.
const PATIENCE: Duration = Duration::from_secs(150);

fn door(part: &PartArgs) -> Result<Door, ChaosError> {
    Ok(part.way.door(&part.hub)?)
}

/// Comes back quickly, however often the hub dies.
fn options(part: &PartArgs) -> Result<NodeOptions, ChaosError> {
    let name = NodeName::new(&part.name);
    let name = name.map_err(|error| ChaosError::Usage(error.to_string()))?;
    Ok(door(part)?
        .options()
        .name(name)
        .give_up_after(PATIENCE)
        .reconnect_base(Duration::from_millis(10))
        .reconnect_cap(Duration::from_millis(200)))
}

fn pool(part: &PartArgs) -> Result<PoolName, ChaosError> {
    PoolName::new(&part.pool).map_err(|error| ChaosError::Usage(error.to_string()))
}

/// Waits for SIGTERM; from its making on it does not end the process.
fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        terminate.recv().await;
    })
}

/// The state of a task, in the words of the history.
pub(crate) const fn life(of: StateKind) -> Life {
    match of {
        StateKind::Scheduled => Life::Scheduled,
        StateKind::Ready => Life::Ready,
        StateKind::Claimed => Life::Claimed,
        StateKind::Completed => Life::Completed,
        StateKind::Cancelled => Life::Cancelled,
        StateKind::Dead => Life::Dead,
    }
}
