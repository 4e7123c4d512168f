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

/// Entries of which an empty table keeps the room.
const ENTRIES_SPARE: usize = 16 * 1024;

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
pub(crate) struct Cache {
    /// Of tasks since they were enqueued.
    kept: HashMap<TaskId, Bytes>,
    /// Of the next tasks to be claimed: what was read back, and what is to be. Apart from the others,
    /// who may be a million, so that it stays in the processor's own memory.
    next: HashMap<TaskId, Option<Bytes>>,
    /// How many are to be read.
    awaited: usize,
    budget: PayloadBudget,
}

impl Cache {
    pub(crate) fn new(budget: PayloadBudget) -> Self {
        Self {
            kept: HashMap::new(),
            next: HashMap::new(),
            awaited: 0,
            budget,
        }
    }

    /// How many there are, or are to be read.
    pub(crate) fn len(&self) -> usize {
        self.kept.len() + self.next.len()
    }

    /// Whether it is there, or is to be read.
    pub(crate) fn has(&self, task: TaskId) -> bool {
        self.next.contains_key(&task) || self.kept.contains_key(&task)
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

    /// This one is to be read.
    pub(crate) fn expect(&mut self, task: TaskId) {
        if self.next.insert(task, None).is_none() {
            self.awaited += 1;
        }
    }

    /// What was read; it is not kept if it was [taken](Cache::take) since it was expected. False if
    /// there is no room.
    pub(crate) fn come(&mut self, task: TaskId, payload: Bytes) -> bool {
        let Some(place @ None) = self.next.get_mut(&task) else {
            return true;
        };
        if !self.budget.take(payload.len() + ENTRY_BYTES) {
            return false;
        }
        *place = Some(payload);
        self.awaited -= 1;
        true
    }

    /// Nothing more comes of what was expected. Whether some of that did not come.
    pub(crate) fn expect_no_more(&mut self) -> bool {
        let awaited = std::mem::take(&mut self.awaited);
        if awaited > 0 {
            self.next.retain(|_, payload| payload.is_some());
        }
        awaited > 0
    }

    /// The task's payload, unless it has none here. It is not expected any more.
    pub(crate) fn take(&mut self, task: TaskId) -> Option<Bytes> {
        let payload = match self.next.remove(&task) {
            Some(Some(payload)) => payload,
            Some(None) => {
                self.awaited -= 1;
                return None;
            }
            None => self.kept.remove(&task)?,
        };
        self.budget.give_back(payload.len() + ENTRY_BYTES);
        if self.kept.is_empty() && self.kept.capacity() > ENTRIES_SPARE {
            self.kept = HashMap::new();
        }
        Some(payload)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let payloads = self.kept.values().chain(self.next.values().flatten());
        let bytes = payloads.map(|payload| payload.len() + ENTRY_BYTES);
        self.budget.give_back(bytes.sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_not_kept_and_room_comes_back() {
        let budget = PayloadBudget::new(2 * ENTRY_BYTES + 10);
        let mut payloads = Cache::new(budget.clone());
        let (first, second) = (TaskId::from_u128(1), TaskId::from_u128(2));
        payloads.keep(first, &Bytes::from_static(b"0123456789"));
        payloads.keep(second, &Bytes::from_static(b"0"));
        assert_eq!(payloads.take(second), None);
        assert_eq!(payloads.take(first).as_deref(), Some(&b"0123456789"[..]));
        payloads.keep(second, &Bytes::from_static(b"0"));
        drop(payloads);
        assert!(budget.take(2 * ENTRY_BYTES + 10));
    }
    #[test]
    fn what_was_taken_while_it_was_read_is_not_kept() {
        let budget = PayloadBudget::new(1000);
        let mut payloads = Cache::new(budget.clone());
        let [one, two, three, four] = [1, 2, 3, 4].map(TaskId::from_u128);
        for task in [one, two, three, four] {
            payloads.expect(task);
        }
        assert_eq!(payloads.take(one), None);
        // Enqueued anew under the same id, with another payload.
        assert!(payloads.keep(one, &Bytes::from_static(b"new")));
        assert!(payloads.come(one, Bytes::from_static(b"old")));
        assert!(payloads.come(two, Bytes::from_static(b"two")));
        assert_eq!(payloads.take(three), None);
        assert!(payloads.has(four));
        assert!(payloads.expect_no_more(), "the fourth did not come");
        assert!(!payloads.has(four));
        assert_eq!(payloads.len(), 2);
        assert_eq!(payloads.take(one).as_deref(), Some(&b"new"[..]));
        assert_eq!(payloads.take(two).as_deref(), Some(&b"two"[..]));
        assert!(!payloads.expect_no_more());
        assert!(budget.take(1000), "all room has come back");
    }

    #[test]
    fn what_was_read_and_finds_no_room_is_not_kept() {
        let budget = PayloadBudget::new(ENTRY_BYTES + 10);
        let mut payloads = Cache::new(budget.clone());
        let (first, second) = (TaskId::from_u128(1), TaskId::from_u128(2));
        payloads.expect(first);
        payloads.expect(second);
        assert!(payloads.come(first, Bytes::from_static(b"0123456789")));
        assert!(!payloads.come(second, Bytes::from_static(b"0")));
        payloads.expect_no_more();
        assert_eq!(payloads.len(), 1);
        drop(payloads);
        assert!(budget.take(ENTRY_BYTES + 10));
    }
}
