//! Keeping, showing and dropping schedules.

use leasehold_core::{Misfire, PoolName, ScheduleName, TaskId, When};
use leasehold_wire::{Request, Response, ScheduleSpec, ScheduleVerb, ScheduleView};

use crate::{Inspector, NewTask, RequestError};

impl NewTask {
    /// A schedule that fires tasks such as this one, each under an id of its own, and due at its
    /// instant: so this one's id, `delay` and `run_at` are not theirs.
    #[must_use]
    pub fn on_schedule(self, name: ScheduleName, when: When) -> ScheduleSpec {
        ScheduleSpec {
            name,
            seed: TaskId::from_bytes(*uuid::Uuid::now_v7().as_bytes()),
            when,
            misfire: Misfire::Once,
            priority: self.priority,
            attempts_max: self.attempts_max,
            wishes: self.wishes,
            payload: self.payload,
            paused: false,
        }
    }
}

impl Inspector {
    /// The schedules of a pool, by name.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::NoSuchPool`];
    /// [`leasehold_core::Rejection::Unsupported`] if the hub speaks version 1 of the protocol; see
    /// [`RequestError`] for the rest.
    pub async fn schedules(&self, pool: &PoolName) -> Result<Vec<ScheduleView>, RequestError> {
        self.schedule(pool, ScheduleVerb::List).await
    }

    /// Keeps a schedule, in place of one of the same name, which then goes on as this one. Answers
    /// with all of the pool, as do the verbs below.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::Invalid`] for what is no cron expression or time zone or never
    /// comes, [`leasehold_core::Rejection::OutOfBounds`] for an interval below a second or above
    /// ten years, a payload above 32 KiB, or more than 256 schedules; as [`Self::schedules`].
    pub async fn put_schedule(
        &self,
        pool: &PoolName,
        schedule: ScheduleSpec,
    ) -> Result<Vec<ScheduleView>, RequestError> {
        let verb = ScheduleVerb::Put(Box::new(schedule));
        self.schedule(pool, verb).await
    }

    /// Drops a schedule. What it fired stays.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::NoSuchSchedule`]; as [`Self::schedules`].
    pub async fn remove_schedule(
        &self,
        pool: &PoolName,
        name: ScheduleName,
    ) -> Result<Vec<ScheduleView>, RequestError> {
        self.schedule(pool, ScheduleVerb::Remove(name)).await
    }

    /// Lets a schedule's instants pass without a task until it is resumed. None of them is made up
    /// then.
    ///
    /// # Errors
    /// As [`Self::remove_schedule`].
    pub async fn pause_schedule(
        &self,
        pool: &PoolName,
        name: ScheduleName,
    ) -> Result<Vec<ScheduleView>, RequestError> {
        self.schedule(pool, ScheduleVerb::Pause(name)).await
    }

    /// Lets a schedule fire again.
    ///
    /// # Errors
    /// As [`Self::remove_schedule`].
    pub async fn resume_schedule(
        &self,
        pool: &PoolName,
        name: ScheduleName,
    ) -> Result<Vec<ScheduleView>, RequestError> {
        self.schedule(pool, ScheduleVerb::Resume(name)).await
    }

    async fn schedule(
        &self,
        pool: &PoolName,
        verb: ScheduleVerb,
    ) -> Result<Vec<ScheduleView>, RequestError> {
        let pool = pool.clone();
        let asked = self.requests.ask(Request::Schedule { pool, verb }).await?;
        if let Response::Schedules(schedules) = asked.response {
            return Ok(schedules);
        }
        Err(RequestError::Unexpected)
    }
}
