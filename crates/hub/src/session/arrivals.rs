//! Who is connected, by address, and who of them has not said hello yet.
//!
//! A connection costs a descriptor from the moment it is accepted, whatever it says. So strangers
//! who say nothing must not keep out a node that does: where there is no room for one more, the
//! oldest silent one of the address with the most silent ones makes way. A node says hello at once,
//! so it is neither old nor silent. For one of its own address it makes way only after a while: many
//! nodes behind one router that come together do not drive each other out.
//!
//! What is remembered is what is open: at most an entry for each connection.

mod notice;
mod table;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use leasehold_wire::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub(crate) use self::notice::Notice;
use self::table::Table;
use super::{Origin, household::Household};
use crate::config::HubSection;

/// Connections at a time that are heard out after they were turned away.
const LINGERING_MAX: usize = 64;

/// Every connection of a hub.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    table: Arc<Mutex<Table>>,
    lingering: Arc<Semaphore>,
}

/// An open connection, until this is dropped.
#[derive(Debug)]
pub(crate) struct Arrival {
    arrivals: Arrivals,
    number: u64,
    origin: Origin,
    household: Option<Arc<Household>>,
    /// It has said hello.
    is_in: bool,
    evicted: oneshot::Receiver<Refusal>,
}

/// What comes of a connection.
#[derive(Debug)]
#[must_use]
pub(crate) struct Admission {
    /// The way in, or why there is none.
    pub(crate) arrival: Result<Arrival, Refusal>,
    /// What the owner should read of it.
    pub(crate) notice: Option<Notice>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            table: Arc::default(),
            lingering: Arc::new(Semaphore::new(LINGERING_MAX)),
        }
    }
}

impl Arrivals {
    /// One more connection; `now` is since the start of the hub.
    pub(crate) fn come(&self, origin: Origin, bounds: &HubSection, now: Duration) -> Admission {
        let (way, evicted) = oneshot::channel();
        let arrivals = self.clone();
        self.with(|table| match table.come(origin, bounds, (now, way)) {
            Err(refused) => Admission {
                notice: table.notice(&refused, now),
                arrival: Err(refused.refusal()),
            },
            Ok((number, household, made_way)) => Admission {
                notice: made_way.and_then(|refused| table.notice(&refused, now)),
                arrival: Ok(Arrival {
                    arrivals,
                    number,
                    origin,
                    household,
                    is_in: origin == Origin::Inside,
                    evicted,
                }),
            },
        })
    }

    /// May hear out a connection that was turned away; few may at a time.
    pub(super) fn linger(&self) -> Option<OwnedSemaphorePermit> {
        self.lingering.clone().try_acquire_owned().ok()
    }

    fn with<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        work(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Arrival {
    /// Waits until it has to make way, and says why; for ever if it never has to.
    pub(super) async fn evicted(&mut self) -> Refusal {
        if !self.evicted.is_terminated()
            && let Ok(refusal) = (&mut self.evicted).await
        {
            return refusal;
        }
        std::future::pending().await
    }

    /// What it uses with the others of its address, if it has one.
    pub(super) fn household(&self) -> Option<Arc<Household>> {
        self.household.clone()
    }

    /// It has said who it is: it makes way for nobody from here on. False if it had to already.
    pub(super) fn greet(&mut self) -> bool {
        let (origin, number) = (self.origin, self.number);
        let is_in = self.is_in || self.arrivals.with(|table| table.greet(origin, number));
        self.is_in = is_in;
        is_in
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let (origin, number, is_in) = (self.origin, self.number, self.is_in);
        self.arrivals
            .with(|table| table.leave(origin, number, is_in));
    }
}

#[cfg(test)]
mod tests;
