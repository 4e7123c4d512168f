//! What the sessions of one address use together.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use tokio::sync::{Notify, futures::OwnedNotified};

use super::throttle::Rates;

/// All sessions of an address have it, and it ends with the last of them.
#[derive(Debug, Default)]
pub(crate) struct Household {
    rates: Mutex<Rates>,
    /// In flight.
    bytes: AtomicUsize,
    has_less: Arc<Notify>,
}

impl Household {
    pub(super) fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.bytes.fetch_sub(bytes, SeqCst);
            self.has_less.notify_waiters();
        }
    }
}

/// What a session has in flight, in bytes, and its part of what its address has.
#[derive(Debug)]
pub(super) struct InFlight {
    bytes: usize,
    /// As many of them as its address knows of: none while that has no bound.
    counted: usize,
    /// What its address may have.
    address_max: Option<usize>,
    /// Nothing for who is inside this process.
    household: Option<Arc<Household>>,
}

impl InFlight {
    pub(super) const fn new(household: Option<Arc<Household>>) -> Self {
        Self {
            bytes: 0,
            counted: 0,
            address_max: None,
            household,
        }
    }

    /// Goes by what the owner decides now.
    pub(super) const fn follow(&mut self, address_max: Option<usize>) {
        self.address_max = address_max;
    }

    /// Its own.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there may be more of them, as far as its address is concerned.
    pub(super) fn has_room(&self) -> bool {
        self.bounded()
            .is_none_or(|(household, max)| household.bytes.load(SeqCst) < max)
    }

    /// Hears when there is less of them from here on, if its address has a bound.
    pub(super) fn less(&self) -> Option<OwnedNotified> {
        let household = self
            .household
            .as_ref()
            .filter(|_| self.address_max.is_some())?;
        Some(Arc::clone(&household.has_less).notified_owned())
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        if let Some((household, _)) = self.bounded() {
            household.bytes.fetch_add(bytes, SeqCst);
            self.counted += bytes;
        }
    }

    pub(super) fn remove(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.count_no_more_than(self.bytes);
    }

    fn bounded(&self) -> Option<(&Household, usize)> {
        self.household.as_deref().zip(self.address_max)
    }

    fn count_no_more_than(&mut self, bytes: usize) {
        if let Some(household) = &self.household
            && self.counted > bytes
        {
            household.give_back(self.counted - bytes);
            self.counted = bytes;
        }
    }
}

/// However a session ends, its neighbours have room for it.
impl Drop for InFlight {
    fn drop(&mut self) {
        self.count_no_more_than(0);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// Sessions of one address, which may have so much in flight.
    fn neighbours(max: usize) -> (InFlight, InFlight) {
        let home = Arc::<Household>::default();
        let one = || {
            let mut one = InFlight::new(Some(Arc::clone(&home)));
            one.follow(Some(max));
            one
        };
        (one(), one())
    }

    #[test]
    fn what_neighbours_have_in_flight_is_in_the_way_until_it_is_answered() {
        let (mut one, mut two) = neighbours(100);
        one.add(60);
        two.add(50);
        assert!(!one.has_room() && !two.has_room());
        // Heard from the moment on at which it was asked for.
        let less = two.less().expect("there is a bound");
        one.remove(20);
        assert_eq!(less.now_or_never(), Some(()));
        assert!(one.has_room() && two.has_room());
        assert_eq!((one.bytes(), two.bytes()), (40, 50));
    }

    #[test]
    fn a_session_that_ends_leaves_nothing_behind() {
        let (mut one, two) = neighbours(1);
        one.add(500);
        assert!(!two.has_room());
        drop(one);
        assert!(two.has_room());
    }

    #[test]
    fn a_bound_that_comes_and_goes_leaves_nothing_behind() {
        let (mut one, mut two) = neighbours(16);
        one.follow(None);
        one.add(10);
        one.follow(Some(16));
        one.add(20);
        one.follow(None);
        one.add(30);
        assert!(one.has_room() && one.less().is_none() && !two.has_room());
        one.remove(45);
        assert!(two.has_room());
        two.follow(Some(15));
        assert!(!two.has_room());
        one.remove(15);
        two.follow(Some(1));
        assert!(two.has_room());
    }

    #[test]
    fn who_is_inside_has_no_neighbours() {
        let mut inside = InFlight::new(None);
        inside.follow(Some(100));
        inside.add(1000);
        assert!(inside.has_room());
        assert!(inside.less().is_none());
    }
}
