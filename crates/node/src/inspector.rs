//! Looking at a hub, and the hand of its owner: cancel and revive.

use std::{collections::HashSet, time::Duration};

use leasehold_core::{
    Edit, PoolName, Rejection, StateKind, TaskId, Where, Which, limits::BATCH_MAX, time::millis,
};
use leasehold_wire::{Fact, Request, Response, Status, TaskDetail, TaskSummary};

use crate::{
    Endpoint, NodeOptions, RequestError,
    requests::{Answer, Asked, Requests},
    split::split,
};

/// What was done with each task of a revival.
pub type Revivals = Vec<(TaskId, Result<(), Rejection>)>;

/// Looks at pools and tasks, cancels and revives. Cheap to clone; clones share one connection.
#[derive(Debug, Clone)]
pub struct Inspector {
    pub(crate) requests: Requests,
}

impl Inspector {
    /// An inspector that begins to connect at once and keeps at it. Must be called within a tokio
    /// runtime.
    #[must_use]
    pub fn new(endpoint: Endpoint, options: NodeOptions) -> Self {
        Self {
            requests: Requests::spawn(endpoint, &options),
        }
    }

    /// How things stand: in one pool, or in all.
    ///
    /// # Errors
    /// [`Rejection::NoSuchPool`]; see [`RequestError`] for the rest.
    pub async fn status(&self, pool: Option<PoolName>) -> Result<Status, RequestError> {
        let answer = self.requests.ask(Request::Status { pool }).await?;
        if let Response::Status(status) = answer.response {
            return Ok(*status);
        }
        Err(RequestError::Unexpected)
    }

    /// Tasks of a pool by id, only those in `state` if that is given, beginning after the id
    /// `after`, at most `max`. Asks as many times as that takes.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn tasks(
        &self,
        pool: &PoolName,
        state: Option<StateKind>,
        after: Option<TaskId>,
        max: usize,
    ) -> Result<Vec<TaskSummary>, RequestError> {
        let page = |after, tasks_max| Request::Tasks {
            pool: pool.clone(),
            state,
            after,
            tasks_max,
        };
        self.pages(page, after, max).await
    }

    /// As [`Self::tasks`], those for which all of `which` holds.
    ///
    /// # Errors
    /// [`Rejection::Unsupported`] if the hub speaks version 1 of the protocol,
    /// [`Rejection::OutOfBounds`] if there are more than eight conditions; see [`RequestError`].
    pub async fn tasks_where(
        &self,
        pool: &PoolName,
        which: Vec<Where>,
        after: Option<TaskId>,
        max: usize,
    ) -> Result<Vec<TaskSummary>, RequestError> {
        let page = |after, tasks_max| Request::TasksWhere {
            pool: pool.clone(),
            which: which.clone(),
            after,
            tasks_max,
        };
        self.pages(page, after, max).await
    }

    async fn pages(
        &self,
        page_after: impl Fn(Option<TaskId>, u32) -> Request,
        after: Option<TaskId>,
        max: usize,
    ) -> Result<Vec<TaskSummary>, RequestError> {
        let page_max = self.requests.limits().await?.batch_max;
        let mut found: Vec<TaskSummary> = Vec::new();
        loop {
            let wanted = page_max.min(max - found.len());
            let after = found.last().map(|task| task.id).or(after);
            let tasks_max = u32::try_from(wanted).unwrap_or(u32::MAX);
            let request = page_after(after, tasks_max);
            let Response::Tasks(page) = self.requests.ask(request).await?.response else {
                return Err(RequestError::Unexpected);
            };
            let is_last = page.len() < wanted;
            found.extend(page);
            if is_last || found.len() >= max {
                return Ok(found);
            }
        }
    }

    /// All that is known of a task, in whatever pool it is.
    ///
    /// # Errors
    /// [`Rejection::NoSuchTask`]; see [`RequestError`] for the rest.
    pub async fn task(&self, task: TaskId) -> Result<TaskDetail, RequestError> {
        let request = Request::Task { task };
        self.requests.begin(request, None).await.detail().await
    }

    /// As [`Self::task`], with what only some tasks have: progress, a stop, a time to live.
    ///
    /// # Errors
    /// As [`Self::task`].
    pub async fn task_with_facts(
        &self,
        task: TaskId,
    ) -> Result<(TaskDetail, Vec<Fact>), RequestError> {
        let response = self.requests.ask(Request::Task { task }).await?.response;
        if let Response::TaskMore { detail, facts } = response {
            return Ok((*detail, facts));
        }
        if let Response::Task(detail) = response {
            return Ok((*detail, Vec::new()));
        }
        Err(RequestError::Unexpected)
    }

    /// Calls tasks off, in whatever pools they are; answers stand in the ids' order. A task that
    /// runs is told so at its node.
    ///
    /// # Errors
    /// See [`RequestError`]; some of the tasks may have been cancelled then.
    pub async fn cancel(
        &self,
        tasks: Vec<TaskId>,
    ) -> Result<Vec<Result<(), Rejection>>, RequestError> {
        self.cancel_each(tasks, |tasks| Request::Cancel { tasks })
            .await
    }

    /// As [`Self::cancel`], but a task that runs is called off only after `grace`, at most an hour;
    /// none leaves it to its pool. Its node is told at once, and has until then to end it.
    ///
    /// # Errors
    /// [`Rejection::Unsupported`] if the hub speaks version 1 of the protocol; as
    /// [`Self::cancel`].
    pub async fn cancel_within(
        &self,
        tasks: Vec<TaskId>,
        grace: Option<Duration>,
    ) -> Result<Vec<Result<(), Rejection>>, RequestError> {
        let grace_ms = grace.map(millis);
        self.cancel_each(tasks, |tasks| Request::CancelWithin { tasks, grace_ms })
            .await
    }

    async fn cancel_each(
        &self,
        tasks: Vec<TaskId>,
        request: impl Fn(Vec<TaskId>) -> Request,
    ) -> Result<Vec<Result<(), Rejection>>, RequestError> {
        let limits = self.requests.limits().await?;
        let mut answers = Vec::with_capacity(tasks.len());
        for tasks in split(tasks, limits, |_| 0) {
            let asked = tasks.len();
            let answer = self.requests.ask(request(tasks)).await?;
            let Response::Done(items) = answer.response else {
                return Err(RequestError::Unexpected);
            };
            if items.len() != asked {
                return Err(RequestError::Unexpected);
            }
            answers.extend(items);
        }
        Ok(answers)
    }

    /// Brings dead tasks back: these, or if none are given all of the pool, with one answer each.
    ///
    /// # Errors
    /// See [`RequestError`]; some of the tasks may have been revived then.
    pub async fn revive(
        &self,
        pool: &PoolName,
        tasks: Option<Vec<TaskId>>,
    ) -> Result<Revivals, RequestError> {
        match tasks {
            Some(tasks) => self.revive_these(pool, tasks).await,
            None => self.revive_all(pool).await,
        }
    }

    /// Brings dead tasks back for which all of `which` holds, each with these changes: at most one
    /// of a kind.
    ///
    /// # Errors
    /// [`Rejection::Unsupported`] if the hub speaks version 1 of the protocol,
    /// [`Rejection::OutOfBounds`] and [`Rejection::Invalid`] for what cannot be; see
    /// [`RequestError`]. Some of the tasks may have been revived then.
    pub async fn revive_with(
        &self,
        pool: &PoolName,
        which: Which,
        edits: Vec<Edit>,
    ) -> Result<Revivals, RequestError> {
        let Which::Tasks(tasks) = which else {
            let (mut seen, mut revived) = (HashSet::new(), Vec::new());
            loop {
                let (which, edits) = (which.clone(), edits.clone());
                let mut found = self.revive_where(pool, which, edits).await?;
                found.retain(|(task, _)| seen.insert(*task));
                if found.is_empty() {
                    return Ok(revived);
                }
                revived.extend(found);
            }
        };
        let limits = self.requests.limits().await?;
        let mut revived = Vec::with_capacity(tasks.len());
        for tasks in split(tasks, limits, |_| 0) {
            let found = self.revive_where(pool, Which::Tasks(tasks), edits.clone());
            revived.extend(found.await?);
        }
        Ok(revived)
    }

    /// Forgets ended tasks of a pool for which all of `which` holds, with their payloads and
    /// results, and says how many they were. One that was asked for in two sessions, because the
    /// first was lost, may have been counted by nobody.
    ///
    /// # Errors
    /// [`Rejection::Unsupported`] if the hub speaks version 1 of the protocol,
    /// [`Rejection::Invalid`] if only tasks are meant that have not ended; see [`RequestError`].
    pub async fn purge(&self, pool: &PoolName, which: Vec<Where>) -> Result<u64, RequestError> {
        let mut purged = 0;
        loop {
            let request = Request::Purge {
                pool: pool.clone(),
                which: which.clone(),
                tasks_max: u32::try_from(BATCH_MAX).unwrap_or(u32::MAX),
            };
            let Response::Purged(tasks) = self.requests.ask(request).await?.response else {
                return Err(RequestError::Unexpected);
            };
            purged += tasks;
            if tasks == 0 {
                return Ok(purged);
            }
        }
    }

    async fn revive_where(
        &self,
        pool: &PoolName,
        which: Which,
        edits: Vec<Edit>,
    ) -> Result<Revivals, RequestError> {
        let pool = pool.clone();
        let request = Request::ReviveWhere { pool, which, edits };
        revivals(self.requests.ask(request).await?)
    }

    async fn revive_these(
        &self,
        pool: &PoolName,
        tasks: Vec<TaskId>,
    ) -> Result<Revivals, RequestError> {
        let limits = self.requests.limits().await?;
        let mut revived = Vec::with_capacity(tasks.len());
        for tasks in split(tasks, limits, |_| 0) {
            revived.extend(self.revive_once(pool, Some(tasks)).await?);
        }
        Ok(revived)
    }

    /// Until none is left, or only those that have died again in the meantime.
    async fn revive_all(&self, pool: &PoolName) -> Result<Revivals, RequestError> {
        let mut seen = HashSet::new();
        let mut revived = Vec::new();
        loop {
            let mut found = self.revive_once(pool, None).await?;
            found.retain(|(task, _)| seen.insert(*task));
            if found.is_empty() {
                return Ok(revived);
            }
            revived.extend(found);
        }
    }

    async fn revive_once(
        &self,
        pool: &PoolName,
        tasks: Option<Vec<TaskId>>,
    ) -> Result<Revivals, RequestError> {
        let pool = pool.clone();
        revivals(self.requests.ask(Request::Revive { pool, tasks }).await?)
    }
}

fn revivals(answer: Answer) -> Result<Revivals, RequestError> {
    let Answer { response, repeated } = answer;
    let Response::Revived(mut items) = response else {
        return Err(RequestError::Unexpected);
    };
    if repeated {
        items
            .iter_mut()
            .for_each(|(_, item)| forgive_repeated_revival(item));
    }
    Ok(items)
}

/// The first time round it may have been this very request that did it.
fn forgive_repeated_revival(item: &mut Result<(), Rejection>) {
    if matches!(item, Err(Rejection::NotDead(_))) {
        *item = Ok(());
    }
}

impl Asked {
    /// The answer to a look at one task.
    pub(crate) async fn detail(self) -> Result<TaskDetail, RequestError> {
        let response = self.answer().await?.response;
        if let Response::Task(detail) | Response::TaskMore { detail, .. } = response {
            return Ok(*detail);
        }
        Err(RequestError::Unexpected)
    }
}
