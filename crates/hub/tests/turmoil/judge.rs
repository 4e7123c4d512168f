//! What must be true of all that became durable, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_core::{AttemptEnding, Cause, Change, LeaseId, Task, TaskId};

#[derive(Default)]
struct Life {
    newest: Option<LeaseId>,
    completed: u32,
    has_ended: bool,
}

/// Every task that was acknowledged completed exactly once, under the newest of its leases, and
/// after that nothing became of it; no lease was older than one before it.
pub(crate) fn judge(changes: &[Change], acknowledged: &BTreeSet<TaskId>) -> Result<(), String> {
    let mut lives: BTreeMap<TaskId, Life> = BTreeMap::new();
    for change in changes {
        if let Change::Put { task, cause, .. } = change {
            let life = lives.entry(task.id).or_default();
            live_on(life, task, *cause).map_err(|what| format!("{}: {what}", short(task.id)))?;
        }
    }
    for id in acknowledged {
        let completed = lives.get(id).map_or(0, |life| life.completed);
        if completed != 1 {
            return Err(format!(
                "{}: it was acknowledged, and completed {completed} times",
                short(*id)
            ));
        }
    }
    Ok(())
}

fn live_on(life: &mut Life, task: &Task, cause: Cause) -> Result<(), String> {
    if life.has_ended {
        return Err(format!("{cause:?} after its end"));
    }
    if cause == Cause::Claimed {
        let lease = task.lease.as_ref().map(|lease| lease.id);
        if lease <= life.newest {
            return Err(format!(
                "its lease {lease:?} is not newer than {:?}",
                life.newest
            ));
        }
        life.newest = lease;
    }
    if cause == Cause::Completed {
        life.completed += 1;
        let last = task.history.last();
        let by = last.map(|attempt| (Some(attempt.lease), attempt.ending));
        if by != Some((life.newest, AttemptEnding::Completed)) {
            return Err(format!(
                "completed by {by:?}, while the newest lease is {:?}",
                life.newest
            ));
        }
    }
    life.has_ended = task.state.kind().is_end();
    Ok(())
}

fn short(id: TaskId) -> String {
    format!("t{}", id.as_u128() & 0xffff)
}
