//! What somebody may do, once it is known who he is.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use leasehold_core::{PoolName, Timestamp};
use leasehold_wire::{Identity, Role};

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles(u8);

impl Roles {
    /// Whoever enqueues.
    pub(super) const PRODUCER: Self = Self(1);
    /// Whoever works.
    pub(super) const NODE: Self = Self(2);
    /// Whoever owns.
    pub(super) const ADMIN: Self = Self(4);

    pub(super) fn of(roles: &[Role]) -> Self {
        roles.iter().fold(Self(0), |all, role| {
            all.and(match role {
                Role::Producer => Self::PRODUCER,
                Role::Node => Self::NODE,
                Role::Admin => Self::ADMIN,
            })
        })
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// As people write them.
    pub(super) fn words(self) -> Vec<&'static str> {
        let words = [
            (Self::PRODUCER, "producer"),
            (Self::NODE, "node"),
            (Self::ADMIN, "admin"),
        ];
        let held = words.into_iter().filter(|(role, _)| self.meets(*role));
        held.map(|(_, word)| word).collect()
    }

    /// Whether they have one in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// As people write them.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(", "))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a token, or a certificate, is good for. All sessions under it have the same one.
#[derive(Debug)]
pub(crate) struct Grant {
    identity: Identity,
    roles: Roles,
    /// By the hub's clock; none: until it is revoked.
    ends_at: Option<Timestamp>,
    is_revoked: AtomicBool,
}

impl Grant {
    pub(super) fn new(identity: Identity, ends_at: Option<Timestamp>) -> Self {
        Self {
            roles: Roles::of(&identity.roles),
            identity,
            ends_at,
            is_revoked: AtomicBool::new(false),
        }
    }

    /// As others are told.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn name(&self) -> &str {
        &self.identity.name
    }

    pub(super) const fn roles(&self) -> Roles {
        self.roles
    }

    /// Whether it is good in every pool there is and may be.
    pub(super) const fn is_of_all_pools(&self) -> bool {
        self.identity.pools.is_empty()
    }

    /// Whether it is good in this pool, or in the pool that this is a partition of.
    pub(crate) fn reaches(&self, pool: &PoolName) -> bool {
        let of = |known: &PoolName| {
            let whole = || pool.parts().is_some_and(|(whole, _)| whole == *known);
            known == pool || whole()
        };
        self.is_of_all_pools() || self.identity.pools.iter().any(of)
    }

    /// Whether it may look at all that there is, sessions of others too.
    pub(crate) const fn sees_all(&self) -> bool {
        self.roles.meets(Roles::ADMIN) && self.is_of_all_pools()
    }

    pub(crate) const fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at
    }

    /// Nothing is done under it from here on.
    pub(super) fn revoke(&self) {
        self.is_revoked.store(true, Relaxed);
    }

    /// Why it is good no more, if so.
    pub(crate) fn ended(&self, now: impl FnOnce() -> Timestamp) -> Option<&'static str> {
        if self.is_revoked.load(Relaxed) {
            return Some("was revoked");
        }
        let ends_at = self.ends_at?;
        (now() >= ends_at).then_some("has expired")
    }
}
