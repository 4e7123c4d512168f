//! Nodes in the test's own process, and what happens in them.

use std::time::Duration;

use leasehold_node::{NodeOptions, WorkerEvent};
use tokio::sync::broadcast::Receiver;

use super::within;

/// A node that comes back quickly, however often its hub dies.
pub(crate) fn tireless() -> NodeOptions {
    NodeOptions::default()
        .reconnect_base(Duration::from_millis(2))
        .reconnect_cap(Duration::from_millis(20))
}

/// Waits for an event that is one of these; others are passed over.
pub(crate) async fn until<T>(
    what: &str,
    events: &mut Receiver<WorkerEvent>,
    mut is: impl FnMut(WorkerEvent) -> Option<T>,
) -> T {
    within(what, async {
        loop {
            let event = events.recv().await;
            if let Some(found) = is(event.expect("no event is missed")) {
                return found;
            }
        }
    })
    .await
}

/// Waits for a session, the first or a later one: leases that go on, and that are lost.
pub(crate) async fn connected(events: &mut Receiver<WorkerEvent>) -> (usize, usize) {
    until("a session", events, |event| match event {
        WorkerEvent::Connected { resumed, lost, .. } => Some((resumed, lost)),
        WorkerEvent::Started { .. }
        | WorkerEvent::Finished { .. }
        | WorkerEvent::Refused { .. }
        | WorkerEvent::Disconnected { .. } => None,
    })
    .await
}
