//! The books of who is connected.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use leasehold_wire::{Refusal, RefusalCode};
use tokio::sync::oneshot;

use super::{
    Household, Origin,
    notice::{Burst, Notice},
};
use crate::config::HubSection;

#[derive(Debug, Default)]
pub(super) struct Table {
    /// Numbers are given in the order of coming.
    next: u64,
    open: usize,
    silent: usize,
    origins: BTreeMap<Origin, Guests>,
    /// Those who have silent ones: most of them, then the oldest, is last.
    crowds: BTreeSet<Crowd>,
    bursts: BTreeMap<Bound, Burst>,
}

/// So long nobody has to make way for one of the same address: where many nodes of one address come at
/// once, as after a restart of the hub, those that came first shall get in.
const GRACE: Duration = Duration::from_secs(1);

/// The connections of one address.
#[derive(Debug, Default)]
struct Guests {
    open: usize,
    household: Arc<Household>,
    /// Those that have not said hello.
    silent: BTreeMap<u64, Silent>,
}

/// Since when one has not said hello, and how to tell it to make way.
#[derive(Debug)]
struct Silent {
    since: Duration,
    way: oneshot::Sender<Refusal>,
}

/// One that has come, with what it uses together with others, and who had to make way for it.
type Entry = (u64, Option<Arc<Household>>, Option<TurnedAway>);

type Crowd = (usize, Reverse<u64>, Origin);

/// Which bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Sessions,
    Address,
    Handshakes,
}

/// One that is turned away.
#[derive(Debug)]
pub(super) struct TurnedAway {
    bound: Bound,
    max: usize,
    origin: Origin,
    /// It was there, and made way for another.
    made_way: bool,
}

impl Table {
    /// One more, or why not.
    pub(super) fn come(
        &mut self,
        origin: Origin,
        bounds: &HubSection,
        (now, way): (Duration, oneshot::Sender<Refusal>),
    ) -> Result<Entry, TurnedAway> {
        let evicted = self.make_room(origin, bounds, now)?;
        let number = self.next;
        self.next += 1;
        self.open += 1;
        let household = self.change(origin, |guests| {
            guests.open += 1;
            if origin == Origin::Inside {
                return None;
            }
            guests.silent.insert(number, Silent { since: now, way });
            Some(Arc::clone(&guests.household))
        });
        Ok((number, household, evicted))
    }

    /// It has said hello. False if it was told to make way.
    pub(super) fn greet(&mut self, origin: Origin, number: u64) -> bool {
        self.take_silent(origin, number).is_some()
    }

    /// It is no more; who made way had gone already.
    pub(super) fn leave(&mut self, origin: Origin, number: u64, is_in: bool) {
        if is_in || self.take_silent(origin, number).is_some() {
            self.open -= 1;
            self.change(origin, |guests| guests.open -= 1);
        }
    }

    /// What is to be said of it, if it was not lately.
    pub(super) fn notice(&mut self, who: &TurnedAway, now: Duration) -> Option<Notice> {
        let burst = self.bursts.entry(who.bound).or_default();
        burst.count(who.reason(), now)
    }

    fn make_room(
        &mut self,
        origin: Origin,
        bounds: &HubSection,
        now: Duration,
    ) -> Result<Option<TurnedAway>, TurnedAway> {
        let turned_away = |bound, max| TurnedAway {
            bound,
            max,
            origin,
            made_way: false,
        };
        let own = self.origins.get(&origin).map_or(0, |guests| guests.open);
        match bounds.sessions_per_address_max {
            Some(max) if own >= max && origin != Origin::Inside => {
                return Err(turned_away(Bound::Address, max));
            }
            Some(_) | None => {}
        }
        let (bound, max) = if origin != Origin::Inside && self.silent >= bounds.handshakes_max {
            (Bound::Handshakes, bounds.handshakes_max)
        } else if self.open >= bounds.sessions_max {
            (Bound::Sessions, bounds.sessions_max)
        } else {
            return Ok(None);
        };
        let evicted = self.evict(bound, max, (origin, now));
        evicted.map(Some).ok_or(turned_away(bound, max))
    }

    /// The oldest silent one of the address with the most makes way, if there is any.
    fn evict(
        &mut self,
        bound: Bound,
        max: usize,
        (newcomer, now): (Origin, Duration),
    ) -> Option<TurnedAway> {
        let (_, Reverse(oldest), origin) = *self.crowds.last()?;
        let since = self.origins.get(&origin)?.silent.get(&oldest)?.since;
        if origin == newcomer && now < since + GRACE {
            return None;
        }
        let way = self.take_silent(origin, oldest)?.way;
        self.open -= 1;
        self.change(origin, |guests| guests.open -= 1);
        let evicted = TurnedAway {
            bound,
            max,
            origin,
            made_way: true,
        };
        // It may just have gone by itself.
        _ = way.send(evicted.refusal());
        Some(evicted)
    }

    fn take_silent(&mut self, origin: Origin, number: u64) -> Option<Silent> {
        self.change(origin, |guests| guests.silent.remove(&number))
    }

    /// Changes what is known of an address, and all that depends on it.
    fn change<T>(&mut self, origin: Origin, change: impl FnOnce(&mut Guests) -> T) -> T {
        let guests = self.origins.entry(origin).or_default();
        if let Some(crowd) = guests.crowd(origin) {
            self.crowds.remove(&crowd);
        }
        self.silent -= guests.silent.len();
        let changed = change(guests);
        self.silent += guests.silent.len();
        self.crowds.extend(guests.crowd(origin));
        if guests.open == 0 {
            self.origins.remove(&origin);
        }
        changed
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let nothing = (0, 0, 0, 0);
        (
            self.open,
            self.silent,
            self.origins.len(),
            self.crowds.len(),
        ) == nothing
    }
}

impl Guests {
    fn crowd(&self, origin: Origin) -> Option<Crowd> {
        let (oldest, _) = self.silent.first_key_value()?;
        Some((self.silent.len(), Reverse(*oldest), origin))
    }
}

impl TurnedAway {
    pub(super) fn refusal(&self) -> Refusal {
        let (code, reason) = (RefusalCode::SessionsMax, self.reason());
        Refusal { code, reason }
    }

    fn reason(&self) -> String {
        let Self { max, origin, .. } = self;
        match self.bound {
            Bound::Sessions if self.made_way => format!(
                "the hub holds at most {max} sessions (hub.sessions_max), and this connection from \
                 {origin} has not said hello"
            ),
            Bound::Sessions => {
                format!(
                    "the hub holds at most {max} sessions (hub.sessions_max): no more from {origin}"
                )
            }
            Bound::Address => format!(
                "the hub holds at most {max} connections from one address \
                 (hub.sessions_per_address_max), and as many from {origin}"
            ),
            Bound::Handshakes if !self.made_way => format!(
                "the hub waits for at most {max} connections to say hello (hub.handshakes_max), and \
                 most of them are from {origin}"
            ),
            Bound::Handshakes => format!(
                "the hub waits for at most {max} connections to say hello (hub.handshakes_max), and \
                 of those from {origin} this one has waited longest"
            ),
        }
    }
}
