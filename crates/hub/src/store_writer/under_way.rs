//! Long commits under way: while one thread waits for the disk, the other makes the next commit ready.
//!
//! A commit of hundreds of changes takes about as long to be made ready as to be written. One of a
//! few is not worth a second thread, and no commit goes before one that began earlier.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many there are, and whether one has failed.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    state: Mutex<State>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    begun: u64,
    landed: u64,
    has_failed: bool,
}

/// Its place among those that have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn(u64);

impl UnderWay {
    pub(super) fn are_none(&self) -> bool {
        let state = self.lock();
        state.begun == state.landed
    }

    /// Returns when those concerned have been told of all.
    pub(super) fn wait_for_all(&self) {
        drop(self.wait_while(|state| state.landed < state.begun));
    }

    /// Whether one has failed since this was asked last.
    pub(super) fn take_failure(&self) -> bool {
        std::mem::take(&mut self.lock().has_failed)
    }

    pub(super) fn begins(&self) -> Turn {
        let mut state = self.lock();
        state.begun += 1;
        Turn(state.begun)
    }

    /// Before anybody asks for what is durable.
    pub(super) fn fails(&self) {
        self.lock().has_failed = true;
    }

    /// Tells those concerned, when all were told who began before.
    pub(super) fn lands(&self, Turn(turn): Turn, tell: impl FnOnce()) {
        drop(self.wait_while(|state| state.landed + 1 < turn));
        tell();
        self.lock().landed = turn;
        self.fewer.notify_all();
    }

    fn wait_while(&self, is_early: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.fewer.wait_while(self.lock(), |state| is_early(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn whoever_is_done_first_tells_in_turn() {
        let under_way = UnderWay::default();
        let (first, second) = (under_way.begins(), under_way.begins());
        assert!(!under_way.are_none());
        let (told, order) = mpsc::channel();
        thread::scope(|scope| {
            let (under_way, also) = (&under_way, told.clone());
            scope.spawn(move || under_way.lands(second, || also.send("second").unwrap()));
            scope.spawn(move || under_way.lands(first, || told.send("first").unwrap()));
            under_way.wait_for_all();
        });
        assert!(order.iter().eq(["first", "second"]));
        assert!(under_way.are_none());
    }
}
