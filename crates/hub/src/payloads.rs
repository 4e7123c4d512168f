//! Payloads kept in memory until they are first delivered, under one bound for the hub.
//!
//! What finds no room is read back from the store: ahead of its claim, or with it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};
use leasehold_core::TaskId;

/// What an entry costs beside its bytes, roughly: key, handle and table.
const ENTRY_BYTES: usize = 96;

/// Room for payloads, shared by all pools of a hub.
#[derive(Debug, Clone)]
pub(crate) struct PayloadBudget {
    free: Arc<AtomicUsize>,
}

impl PayloadBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            free: Arc::new(AtomicUsize::new(bytes)),
        }
    }

    fn take(&self, bytes: usize) -> bool {
        self.free
            .fetch_update(Relaxed, Relaxed, |free| free.checked_sub(bytes))
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Relaxed);
    }
}

/// The payloads that one pool keeps.
#[derive(Debug)]
pub(crate) struct Payloads {
    kept: HashMap<TaskId, Bytes>,
    budget: PayloadBudget,
}

impl Payloads {
    pub(crate) fn new(budget: PayloadBudget) -> Self {
        Self {
            kept: HashMap::new(),
            budget,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn has(&self, task: TaskId) -> bool {
        self.kept.contains_key(&task)
    }

    /// False if there is no room.
    pub(crate) fn keep(&mut self, task: TaskId, payload: &Bytes) -> bool {
        if !self.budget.take(payload.len() + ENTRY_BYTES) {
            return false;
        }
        // Decoding copied it out of its frame: nothing else is kept with it.
        if let Some(earlier) = self.kept.insert(task, payload.clone()) {
            self.budget.give_back(earlier.len() + ENTRY_BYTES);
        }
        true
    }

    pub(crate) fn take(&mut self, task: TaskId) -> Option<Bytes> {
        let payload = self.kept.remove(&task)?;
        self.budget.give_back(payload.len() + ENTRY_BYTES);
        Some(payload)
    }
}

impl Drop for Payloads {
    fn drop(&mut self) {
        let bytes = self
            .kept
            .values()
            .map(|payload| payload.len() + ENTRY_BYTES);
        self.budget.give_back(bytes.sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_not_kept_and_room_comes_back() {
        let budget = PayloadBudget::new(2 * ENTRY_BYTES + 10);
        let mut payloads = Payloads::new(budget.clone());
        let (first, second) = (TaskId::from_u128(1), TaskId::from_u128(2));
        payloads.keep(first, &Bytes::from_static(b"0123456789"));
        payloads.keep(second, &Bytes::from_static(b"0"));
        assert_eq!(payloads.take(second), None);
        assert_eq!(payloads.take(first).as_deref(), Some(&b"0123456789"[..]));
        payloads.keep(second, &Bytes::from_static(b"0"));
        drop(payloads);
        assert!(budget.take(2 * ENTRY_BYTES + 10));
    }
}
