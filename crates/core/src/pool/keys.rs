//! One task at a time for each key.
//!
//! A key is in its task's record and goes with it. Whether a task still stands for its key is judged
//! when somebody asks: no timer ends a window.

use alloc::collections::BTreeSet;
use core::time::Duration;

use smol_str::SmolStr;

use super::{Pool, enqueue::within, tasks::At};
use crate::{
    Accepted, Key, Rejection, Task, TaskId, Timestamp, Wish, limits::KEY_BYTES_MAX, time::millis,
};

/// Tasks by key, and those of one key by age. Of each of the two ways there is at most one that
/// stands for its key, and it is the newest that has it so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys {
    /// Those that have not ended, whose key is theirs for so long.
    live: BTreeSet<(SmolStr, u64, At)>,
    /// Those that have theirs for a time, ended or not, until they are forgotten.
    timed: BTreeSet<(SmolStr, u64, At)>,
}

impl Keys {
    pub(super) fn enter(&mut self, at: At, task: &Task) {
        if let Some(of) = key_of(task)
            && let Some(those) = self.those_of(of, task)
        {
            those.insert((of.key.clone(), task.place, at));
        }
    }

    pub(super) fn leave(&mut self, at: At, task: &Task) {
        if let Some(of) = key_of(task)
            && let Some(those) = self.those_of(of, task)
        {
            those.remove(&(of.key.clone(), task.place, at));
        }
    }

    fn those_of(&mut self, key: &Key, task: &Task) -> Option<&mut BTreeSet<(SmolStr, u64, At)>> {
        match key.window_ms {
            Some(_) => Some(&mut self.timed),
            None if task.state.kind().is_end() => None,
            None => Some(&mut self.live),
        }
    }
}

fn key_of(task: &Task) -> Option<&Key> {
    task.extras.as_ref()?.key.as_deref()
}

/// The key that is wished for.
pub(super) fn wished_key(wishes: &[Wish]) -> Option<&str> {
    wishes.iter().find_map(|wish| match wish {
        Wish::Key { key, .. } => Some(key.as_str()),
        Wish::RunAt(_)
        | Wish::ExpiresAfter(_)
        | Wish::MaxRuntime(_)
        | Wish::BackOff { .. }
        | Wish::LossesMax(_)
        | Wish::InterruptionsMax(_)
        | Wish::Group(_)
        | Wish::After { .. }
        | Wish::Trace(_) => None,
    })
}

/// The newest task of this key.
fn newest(of: &BTreeSet<(SmolStr, u64, At)>, key: &SmolStr) -> Option<At> {
    let last = (key.clone(), u64::MAX, At::MAX);
    let (found, _, at) = of.range(..=last).next_back()?;
    (found == key).then_some(*at)
}

impl Pool {
    pub(super) fn check_key(&self, key: &str, window_ms: Option<u64>) -> Result<(), Rejection> {
        if self.settings.partitions > 1 {
            return Err(Rejection::unsupported("keys in a pool in partitions"));
        }
        let what = "the length of the key in bytes";
        within(what, key.len() as u64, 1, KEY_BYTES_MAX as u64)?;
        let longest = millis(self.settings.completed_kept_for);
        window_ms.map_or(Ok(()), |window| {
            within("the key's window in milliseconds", window, 1, longest)
        })
    }

    /// The task that has the key that is wished for, as the answer to the enqueue.
    pub(super) fn known_by_key(&self, wishes: &[Wish]) -> Option<Accepted> {
        if wishes.is_empty() {
            return None;
        }
        let at = self.holder_of(&wished_key(wishes)?.into())?;
        let shelf = &self.tasks.shelf;
        Some(Accepted {
            id: shelf.id(at),
            known_as: Some(shelf.kind(at)),
        })
    }

    /// Refuses to bring a dead task back whose key is another's now.
    pub(super) fn check_key_is_free(&self, at: At) -> Result<(), Rejection> {
        let shelf = &self.tasks.shelf;
        let key = shelf.extras(at).and_then(|extras| extras.key.as_deref());
        let holder = key.and_then(|of| self.holder_of(&of.key));
        match holder.filter(|holder| *holder != at) {
            Some(holder) => Err(Rejection::KeyTaken(shelf.id(holder))),
            None => Ok(()),
        }
    }

    /// Whether a task with these wishes would be another by its key, were it enqueued when this one
    /// has completed: a key without a window comes free with it.
    pub(super) fn is_anothers_after(&self, end: TaskId, wishes: &[Wish]) -> bool {
        let Some(at) = wished_key(wishes).and_then(|key| self.holder_of(&key.into())) else {
            return false;
        };
        let task = self.tasks.shelf.task(at);
        task.id != end || window_end(&task).is_some()
    }

    fn holder_of(&self, key: &SmolStr) -> Option<At> {
        let keys = &self.tasks.side.keys;
        let in_time = |at: &At| {
            let task = self.tasks.shelf.task(*at);
            window_end(&task).is_some_and(|end| self.now < end)
        };
        let timed = newest(&keys.timed, key).filter(in_time);
        newest(&keys.live, key).or(timed)
    }
}

fn window_end(task: &Task) -> Option<Timestamp> {
    let window = key_of(task)?.window_ms?;
    Some(task.enqueued_at + Duration::from_millis(window))
}
