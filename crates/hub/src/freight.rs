//! Payloads and results on their way to a session, under a bound for each.
//!
//! They lie in memory from when they are read until the session's socket takes them, and a node
//! that asks for much and reads nothing must not fill the hub with them. What finds no room on the
//! way stays in the store, and the session asks for it again once it has come to that.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Bytes of payloads and results on their way to one session, beside what its socket is being
/// given. What is longer goes alone.
const BYTES_MAX: usize = 4 << 20;

/// The way to one session, shared by all pools that it uses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    taken: Arc<AtomicUsize>,
}

/// What is on its way, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Freight {
    way: Option<(Way, usize)>,
}

impl Way {
    /// As many of the first of these lengths as there is room for: all of them as a rule, and at
    /// least one where nothing is on the way. Two pools at once may each take the last room.
    pub(crate) fn take(&self, lengths: impl IntoIterator<Item = usize>) -> (usize, Freight) {
        let taken = self.taken.load(Relaxed);
        let (mut count, mut bytes) = (0, 0);
        for length in lengths {
            let is_first = taken == 0 && count == 0;
            if !is_first && taken + bytes + length > BYTES_MAX {
                break;
            }
            (count, bytes) = (count + 1, bytes + length);
        }
        self.taken.fetch_add(bytes, Relaxed);
        let way = Some((self.clone(), bytes));
        (count, Freight { way })
    }
}

impl Drop for Freight {
    fn drop(&mut self) {
        if let Some((way, bytes)) = self.way.take() {
            way.taken.fetch_sub(bytes, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_waits_for_what_is_ahead_of_it() {
        let way = Way::default();
        let half = BYTES_MAX / 2;
        let (all, ahead) = way.take([half, half]);
        assert_eq!(all, 2);
        assert_eq!(way.take([1]).0, 0);
        drop(ahead);
        let (some, _ahead) = way.take([half, half, 1]);
        assert_eq!(some, 2);
    }

    #[test]
    fn what_is_longer_than_the_bound_goes_alone() {
        let way = Way::default();
        let (one, ahead) = way.take([2 * BYTES_MAX, 1]);
        assert_eq!(one, 1);
        assert_eq!(way.take([1]).0, 0);
        drop(ahead);
        assert_eq!(way.take([1]).0, 1);
    }

    #[test]
    fn what_weighs_nothing_always_goes() {
        let way = Way::default();
        let (_, _ahead) = way.take([BYTES_MAX]);
        assert_eq!(way.take([0, 0]).0, 2);
    }
}
