//! Making, changing, pausing and deleting pools.

use leasehold_core::PoolName;
use leasehold_wire::{PoolVerb, PoolView, Request, Response, Setting};

use crate::{Inspector, RequestError};

impl Inspector {
    /// How a pool is: every setting with who said so, whether it is paused, and its last changes.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::NoSuchPool`];
    /// [`leasehold_core::Rejection::Unsupported`] if the hub speaks version 1 of the protocol; see
    /// [`RequestError`] for the rest.
    pub async fn pool(&self, pool: &PoolName) -> Result<PoolView, RequestError> {
        self.pool_verb(pool, PoolVerb::Show).await
    }

    /// Makes a pool that is not there, with these settings on top of the hub's own.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::Invalid`] if there is one already, or a setting is unknown, out
    /// of bounds or contradicts another; as [`Self::pool`].
    pub async fn create_pool(
        &self,
        pool: &PoolName,
        settings: Vec<Setting>,
    ) -> Result<PoolView, RequestError> {
        self.pool_verb(pool, PoolVerb::Create(settings)).await
    }

    /// Changes settings, all or none; they hold when this returns, and outlive the hub.
    ///
    /// # Errors
    /// As [`Self::create_pool`]; [`leasehold_core::Rejection::Unsupported`] for a pool in
    /// partitions, which has its settings from the hub's configuration alone.
    pub async fn set_pool(
        &self,
        pool: &PoolName,
        settings: Vec<Setting>,
    ) -> Result<PoolView, RequestError> {
        self.pool_verb(pool, PoolVerb::Set(settings)).await
    }

    /// Lets nothing be granted any more, over restarts; all else goes on. The note is for people,
    /// and cut to 256 bytes.
    ///
    /// # Errors
    /// As [`Self::set_pool`].
    pub async fn pause_pool(
        &self,
        pool: &PoolName,
        note: impl Into<String>,
    ) -> Result<PoolView, RequestError> {
        self.pool_verb(pool, PoolVerb::Pause(note.into())).await
    }

    /// Lets tasks be granted again.
    ///
    /// # Errors
    /// As [`Self::set_pool`].
    pub async fn resume_pool(&self, pool: &PoolName) -> Result<PoolView, RequestError> {
        self.pool_verb(pool, PoolVerb::Resume).await
    }

    /// Drops a pool with all that is in it; with `force` also tasks that have not ended, whose
    /// holders are told. It takes nothing in from here on; that all is gone shows in the status.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::NotEmpty`] without `force`; as [`Self::set_pool`].
    pub async fn delete_pool(
        &self,
        pool: &PoolName,
        force: bool,
    ) -> Result<PoolView, RequestError> {
        self.pool_verb(pool, PoolVerb::Delete { force }).await
    }

    async fn pool_verb(&self, pool: &PoolName, verb: PoolVerb) -> Result<PoolView, RequestError> {
        let pool = pool.clone();
        let asked = self.requests.ask(Request::Pool { pool, verb }).await?;
        if let Response::Pool(view) = asked.response {
            return Ok(*view);
        }
        Err(RequestError::Unexpected)
    }
}
