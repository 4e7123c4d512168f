//! What is in a backup, or in a store: every state decoded and counted.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use leasehold_core::{PoolId, PoolName, StateKind, Task, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    BackupError,
    frame::{Frame, Kind, task_of},
};
use crate::{
    Blob,
    record::{Entry, PoolSum, Unreadable, What},
};

/// Of all pools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// In the order of their numbers.
    pub pools: Vec<PoolCensus>,
    /// The newest time in any of them.
    pub latest: Timestamp,
}

/// What there is of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCensus {
    /// What it is called.
    #[serde(deserialize_with = "PoolName::deserialize_stored")]
    pub name: PoolName,
    /// Its newest owner's epoch.
    pub epoch: u32,
    /// Tasks, those included that have ended and are remembered.
    pub tasks: u64,
    /// How many are in each state.
    pub by_state: BTreeMap<String, u64>,
    /// Its policy, if one was set, and its schedules.
    pub notes: u64,
    /// Bytes of payloads.
    pub payload_bytes: u64,
    /// Bytes of results.
    pub result_bytes: u64,
}

impl Census {
    /// Tasks of all pools.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.pools.iter().map(|pool| pool.tasks).sum()
    }
}

/// What was seen of a task.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    state: Option<StateKind>,
    /// Bytes of its payload by its state, and as they are.
    payload: (u32, Option<u32>),
    /// The same of its result.
    result: (Option<u32>, Option<u32>),
}

impl Seen {
    pub(crate) fn state(&mut self, task: &Task) {
        self.state = Some(task.state.kind());
        self.payload.0 = task.payload_len;
        self.result.0 = task.result_len;
        if !Blob::Payload.is_kept_by(task.state.kind()) {
            self.payload.1 = None;
        }
    }

    pub(crate) fn blob(&mut self, kind: Blob, len: usize) {
        let len = u32::try_from(len).ok();
        match kind {
            Blob::Payload => self.payload.1 = len,
            Blob::Result => self.result.1 = len,
        }
    }

    /// What does not fit together.
    fn flaw(&self) -> Option<String> {
        let Some(state) = self.state else {
            return Some("its state is gone".to_owned());
        };
        let (says, has) = self.payload;
        if Blob::Payload.is_kept_by(state) && has.unwrap_or(0) != says {
            let has = has.unwrap_or(0);
            return Some(format!(
                "its payload has {has} bytes, and {says} were stored"
            ));
        }
        match self.result {
            (Some(says), has) if has.unwrap_or(0) != says => {
                let has = has.unwrap_or(0);
                Some(format!(
                    "its result has {has} bytes, and {says} were stored"
                ))
            }
            _ => None,
        }
    }
}

/// The tasks of a pool, as far as they were seen.
#[derive(Debug, Default)]
pub(crate) struct Tasks(HashMap<TaskId, Seen>);

impl Tasks {
    /// Of a task, which may be new.
    pub(crate) fn of(&mut self, task: TaskId) -> &mut Seen {
        self.0.entry(task).or_default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, entry: &Entry<'_>) -> Result<(), Unreadable> {
        match entry.what {
            What::State(state) | What::Completed(state) => {
                let task = task_of(entry, state)?;
                self.of(entry.task).state(&task);
            }
            What::Inline(kind, bytes) => self.of(entry.task).blob(kind, bytes.len()),
            What::Forget => _ = self.0.remove(&entry.task),
            What::Apart(..) => return Err(Unreadable::Damaged("a payload is not in it")),
        }
        Ok(())
    }

    /// The first that does not fit together, by its id.
    pub(crate) fn flaw(&self) -> Option<(TaskId, String)> {
        let flaws = self.0.iter();
        let flaws = flaws.filter_map(|(id, seen)| Some((*id, seen.flaw()?)));
        flaws.min_by_key(|(id, _)| *id)
    }

    pub(crate) fn count(&self, pool: PoolName, epoch: u32, notes: u64) -> PoolCensus {
        let states = StateKind::ALL.iter().map(|kind| (kind.to_string(), 0));
        let mut census = PoolCensus {
            name: pool,
            epoch,
            tasks: self.0.len() as u64,
            by_state: states.collect(),
            notes,
            payload_bytes: 0,
            result_bytes: 0,
        };
        for seen in self.0.values() {
            if let Some(kind) = seen.state {
                *census.by_state.entry(kind.to_string()).or_default() += 1;
            }
            census.payload_bytes += u64::from(seen.payload.1.unwrap_or(0));
            census.result_bytes += u64::from(seen.result.1.unwrap_or(0));
        }
        census
    }
}

/// Frames of a backup, counted one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    pools: BTreeMap<PoolId, Counted>,
    sums: Option<Vec<PoolSum>>,
}

#[derive(Debug)]
struct Counted {
    name: PoolName,
    epoch: u32,
    tasks: Tasks,
    notes: u64,
}

impl Counting {
    pub(crate) fn take(&mut self, frame: &Frame) -> Result<(), BackupError> {
        let taken = match frame.kind {
            Kind::Pool => self.pool(frame),
            Kind::Entries => self.entries(frame),
            Kind::Note => self.note(frame),
            Kind::End => frame.sealed().sums().map(|sums| self.sums = Some(sums)),
        };
        taken.map_err(|error| frame.unreadable(&error))
    }

    fn pool(&mut self, frame: &Frame) -> Result<(), Unreadable> {
        let (pool, _) = frame.sealed().pool()?;
        let counted = self.pools.entry(frame.pool).or_insert_with(|| Counted {
            name: pool.name.clone(),
            epoch: 0,
            tasks: Tasks::default(),
            notes: 0,
        });
        if counted.name != pool.name {
            return Err(Unreadable::Damaged("the pool has another name before it"));
        }
        counted.epoch = pool.epoch.0;
        Ok(())
    }

    fn entries(&mut self, frame: &Frame) -> Result<(), Unreadable> {
        let tasks = &mut self.of(frame)?.tasks;
        let (_, entries) = frame.sealed().log()?;
        entries.iter().try_for_each(|entry| tasks.take(entry))
    }

    fn note(&mut self, frame: &Frame) -> Result<(), Unreadable> {
        frame.sealed().note()?;
        self.of(frame)?.notes += 1;
        Ok(())
    }

    fn of(&mut self, frame: &Frame) -> Result<&mut Counted, Unreadable> {
        let stray = Unreadable::Damaged("its pool does not come before it");
        self.pools.get_mut(&frame.pool).ok_or(stray)
    }

    /// What there is, if that is what the end says, and all fits together.
    pub(crate) fn finish(self) -> Result<Census, BackupError> {
        let sums = self.sums.unwrap_or_default();
        if sums.len() != self.pools.len() {
            let (found, said) = (self.pools.len(), sums.len());
            let why = format!("{found} pools are in it, and {said} at its end");
            return Err(BackupError::damaged("the backup", why));
        }
        let mut census = Census::default();
        for (sum, (id, counted)) in sums.iter().zip(self.pools) {
            let what = format!("pool {} in the backup", counted.name);
            let found = (id.0, counted.tasks.len() as u64, counted.notes);
            if found != (sum.pool, sum.tasks, u64::from(sum.notes)) {
                let why = format!(
                    "it has {} tasks and {} notes, and should have {} and {}",
                    found.1, found.2, sum.tasks, sum.notes
                );
                return Err(BackupError::damaged(what, why));
            }
            if let Some((task, why)) = counted.tasks.flaw() {
                return Err(BackupError::damaged(format!("task {task} of {what}"), why));
            }
            census.latest = census.latest.max(Timestamp::from_millis(sum.at));
            let counted = (counted.tasks).count(counted.name, counted.epoch, counted.notes);
            census.pools.push(counted);
        }
        Ok(census)
    }
}
