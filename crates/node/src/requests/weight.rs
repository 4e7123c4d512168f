//! How much of what is asked counts against the bound on payloads under way.

use leasehold_wire::{EnqueueMoreItem, Request};

/// Bytes of the payloads in it.
pub(super) fn payload_bytes(request: &Request) -> usize {
    match request {
        Request::Enqueue { tasks, .. } => tasks.iter().map(|task| task.payload.len()).sum(),
        Request::EnqueueMore { tasks, .. } => more_bytes(tasks),
        Request::CompleteMore { items } => items.iter().map(|item| more_bytes(&item.then)).sum(),
        Request::Claim { .. }
        | Request::Credit { .. }
        | Request::Extend { .. }
        | Request::Complete { .. }
        | Request::Fail { .. }
        | Request::FailMore { .. }
        | Request::CancelWithin { .. }
        | Request::Progress { .. }
        | Request::TasksWhere { .. }
        | Request::ReviveWhere { .. }
        | Request::Purge { .. }
        | Request::Pool { .. }
        | Request::Schedule { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. }
        | Request::Release { .. }
        | Request::Resume { .. }
        | Request::Cancel { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. }
        | Request::Tasks { .. }
        | Request::Task { .. } => 0,
    }
}

fn more_bytes(tasks: &[EnqueueMoreItem]) -> usize {
    tasks.iter().map(|task| task.item.payload.len()).sum()
}
