//! What one session may do.

use std::{sync::Arc, time::Duration};

use leasehold_core::{PoolId, PoolName};
use leasehold_wire::{Identity, Request};

use super::{
    Auth,
    grant::Grant,
    rules::{self, Denial},
};

/// What a session may do. A session that may do nothing is none.
#[derive(Debug)]
pub(crate) enum Standing {
    /// All.
    Free,
    /// What this says.
    Known(Known),
}

impl Standing {
    /// Whether what is asked of every pool is asked of this one.
    pub(crate) fn reaches(&self, pool: &PoolName) -> bool {
        match self {
            Self::Free => true,
            Self::Known(known) => known.grant.reaches(pool),
        }
    }

    /// Whether the sessions of others are shown to it.
    pub(crate) fn sees_all(&self) -> bool {
        match self {
            Self::Free => true,
            Self::Known(known) => known.grant.sees_all(),
        }
    }

    /// Who it is, for people.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Free => super::NOBODY,
            Self::Known(known) => known.grant.name(),
        }
    }

    /// How long it stays so, if that is bounded.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        match self {
            Self::Free => None,
            Self::Known(known) => known.time_left(),
        }
    }
}

/// A session whose node has said who it is; dropped with it.
#[derive(Debug)]
pub(crate) struct Known {
    auth: Auth,
    /// Among those that end when their token is revoked.
    entry: Option<u64>,
    grant: Arc<Grant>,
}

/// Why something is not done.
pub(crate) enum Refused {
    /// The session is over.
    Session(String),
    /// It goes on.
    Request(Denial),
}

impl Known {
    pub(super) const fn new(auth: Auth, entry: Option<u64>, grant: Arc<Grant>) -> Self {
        Self { auth, entry, grant }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.grant.identity().clone()
    }

    /// Whether it may do that, now.
    pub(crate) fn check(
        &self,
        request: &Request,
        name_of: impl Fn(PoolId) -> Option<PoolName>,
    ) -> Result<(), Refused> {
        if let Some(why) = self.ended() {
            return Err(Refused::Session(why));
        }
        rules::check(&self.grant, request, name_of).map_err(Refused::Request)
    }

    /// Why it may do nothing any more, if so.
    pub(crate) fn ended(&self) -> Option<String> {
        let why = self.grant.ended(|| self.auth.0.clock.now())?;
        Some(format!("the token \"{}\" {why}", self.grant.name()))
    }

    fn time_left(&self) -> Option<Duration> {
        let ends_at = self.grant.ends_at()?;
        Some(ends_at.since(self.auth.0.clock.now()))
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        if let Some(entry) = self.entry {
            self.auth.leave(entry);
        }
    }
}
