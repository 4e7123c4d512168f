//! Putting tasks in, and waiting for what becomes of them.

use std::{fmt, pin::Pin, sync::Arc, task, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use leasehold_core::{
    PoolName, Rejection, StateKind, TaskId, Wish, limits, priority, time::millis,
};
use leasehold_wire::{EnqueueItem, EnqueueMoreItem, EnqueuedItem, Request, Response, TaskDetail};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

mod wishes;

use crate::{
    Endpoint, EnqueueError, NodeOptions, RequestError,
    requests::{Asked, Requests, retry_after},
    split::split,
};

/// What an accepted enqueue says: the task's id, and if the id was known before, its state.
pub type Enqueued = EnqueuedItem;

/// A task to be. It is the id that makes an enqueue repeatable: keep it to enqueue the same task
/// again, be it from another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Drawn by [`Self::new`], a UUID of version 7.
    pub id: TaskId,
    /// 0 is the most urgent; the default is [`priority::NORMAL`].
    pub priority: u32,
    /// With so many failures it is dead, 1 to 1000; none leaves it to the pool.
    pub attempts_max: Option<u32>,
    /// How long from now it is not to run; up to a hundred years, in whole milliseconds.
    pub delay: Duration,
    /// Opaque bytes; the hub says how many there may be, at most 4 MiB.
    pub payload: Bytes,
    /// What else there is to it: at most one of each kind. Any at all wants a hub of version 2.
    pub wishes: Vec<Wish>,
}

impl NewTask {
    /// A task of normal priority that may run at once, under a new id.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self {
            id: TaskId::from_bytes(*uuid::Uuid::now_v7().as_bytes()),
            priority: priority::NORMAL,
            attempts_max: None,
            delay: Duration::ZERO,
            payload: payload.into(),
            wishes: Vec::new(),
        }
    }

    /// Sets the id, instead of the one that was drawn.
    #[must_use]
    pub const fn id(mut self, id: TaskId) -> Self {
        self.id = id;
        self
    }

    /// Sets the priority; 0 is the most urgent, and [`priority`] has names for some.
    #[must_use]
    pub const fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the number of attempts, instead of the pool's own.
    #[must_use]
    pub fn attempts_max(mut self, attempts_max: impl Into<Option<u32>>) -> Self {
        self.attempts_max = attempts_max.into();
        self
    }

    /// Sets how long from now it is not to run.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl From<NewTask> for EnqueueMoreItem {
    fn from(mut task: NewTask) -> Self {
        let wishes = std::mem::take(&mut task.wishes);
        let item = task.into();
        Self { item, wishes }
    }
}

impl From<NewTask> for EnqueueItem {
    fn from(task: NewTask) -> Self {
        Self {
            id: task.id,
            priority: task.priority,
            attempts_max: task.attempts_max,
            delay_ms: millis(task.delay),
            payload: task.payload,
        }
    }
}

/// Puts tasks into pools. Cheap to clone; clones share one connection, which says bye when the
/// last of them is gone and nothing is under way.
#[derive(Debug, Clone)]
pub struct Producer {
    requests: Requests,
    waits: Arc<Semaphore>,
    waits_when_full: bool,
}

impl Producer {
    /// A producer that begins to connect at once and keeps at it. Must be called within a tokio
    /// runtime.
    #[must_use]
    pub fn new(endpoint: Endpoint, options: NodeOptions) -> Self {
        Self {
            requests: Requests::spawn(endpoint, &options),
            waits: Arc::new(Semaphore::new(limits::PARKED_MAX)),
            waits_when_full: options.wait_when_full,
        }
    }

    /// Puts a task in. When this returns `Ok`, the task is on the hub's disk. A lost connection
    /// does not fail it: it is sent again under the same id, which makes no second task.
    ///
    /// # Errors
    /// [`RequestError::Rejected`] if the hub does not take it, and see there for the rest. That its
    /// pool is full is such a rejection, unless [`NodeOptions::wait_when_full`] is set.
    pub async fn enqueue(&self, pool: &PoolName, task: NewTask) -> Result<Enqueued, EnqueueError> {
        self.begin_enqueue(pool, task).await.await
    }

    /// Puts a task in without waiting for the answer, so that many may be under way. Returns when
    /// there is room for it: at most as many requests as the hub allows (1024 by default), and at
    /// most 64 MiB of payload. The [`Enqueuing`] is the answer; to drop it does not take the task
    /// back, but then nobody knows whether it arrived.
    pub async fn begin_enqueue(&self, pool: &PoolName, task: NewTask) -> Enqueuing {
        let batch = Batch::begin(self, pool, vec![task]).await;
        Enqueuing(Box::pin(async move {
            let item = batch.finish().await?.pop();
            Ok(item.ok_or(RequestError::Unexpected)??)
        }))
    }

    /// Puts many tasks in, in as few requests as fit; the answers stand in the tasks' order.
    ///
    /// # Errors
    /// [`RequestError`] if any of the requests could not be answered; the others may have taken
    /// effect. To give all the same tasks again is safe.
    pub async fn enqueue_batch(
        &self,
        pool: &PoolName,
        tasks: Vec<NewTask>,
    ) -> Result<Vec<Result<Enqueued, Rejection>>, EnqueueError> {
        self.begin_enqueue_batch(pool, tasks).await?.await
    }

    /// Puts many tasks in without waiting for the answers, which are the future that this returns
    /// when there is room for all of them, as [`Self::begin_enqueue`] does. What is begun first is
    /// put in first.
    ///
    /// # Errors
    /// As [`Self::enqueue_batch`]; none of the tasks was sent then.
    pub async fn begin_enqueue_batch(
        &self,
        pool: &PoolName,
        tasks: Vec<NewTask>,
    ) -> Result<
        impl Future<Output = Result<Vec<Result<Enqueued, Rejection>>, EnqueueError>> + Send + use<>,
        EnqueueError,
    > {
        let limits = self.requests.limits().await?;
        let mut batches = Vec::new();
        for items in split(tasks, limits, payload_bytes) {
            batches.push(Batch::begin(self, pool, items).await);
        }
        Ok(async move {
            let mut answers = Vec::new();
            for batch in batches {
                answers.extend(batch.finish().await?);
            }
            Ok(answers)
        })
    }

    /// Waits until a task has ended, or for so long; the answer says how it stands then. Time
    /// without a connection is not bounded by `wait` but by [`NodeOptions::give_up_after`]. At most
    /// 256 waits of a producer are under way, further ones queue.
    ///
    /// # Errors
    /// [`Rejection::NoSuchTask`] if the pool does not know the task; see [`RequestError`].
    pub async fn wait(
        &self,
        pool: &PoolName,
        task: TaskId,
        wait: Duration,
    ) -> Result<TaskDetail, RequestError> {
        let _permit = self.waits.acquire().await;
        let until = Instant::now() + wait.min(limits::DELAY_MAX);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let step = Instant::now() + left.min(limits::WAIT_MAX);
            let request = Request::Await {
                pool: pool.clone(),
                task,
                wait_ms: millis(left.min(limits::WAIT_MAX)),
            };
            let detail = self
                .requests
                .begin(request, Some(step))
                .await
                .detail()
                .await?;
            if has_ended(detail.summary.state) || Instant::now() >= until {
                return Ok(detail);
            }
        }
    }
}

/// The answer to a [`Producer::begin_enqueue`], to be awaited at leisure.
#[must_use = "the task may not have arrived before this says so"]
pub struct Enqueuing(BoxFuture<'static, Result<Enqueued, EnqueueError>>);

impl Future for Enqueuing {
    type Output = Result<Enqueued, EnqueueError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Enqueuing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enqueuing")
    }
}

/// One enqueue under way, with what is needed to repeat a part of it.
struct Batch {
    requests: Requests,
    pool: PoolName,
    items: Vec<NewTask>,
    asked: Asked,
    began: Instant,
    waits_when_full: bool,
}

impl Batch {
    async fn begin(producer: &Producer, pool: &PoolName, items: Vec<NewTask>) -> Self {
        let asked = producer.requests.begin(enqueue(pool, &items), None).await;
        Self {
            requests: producer.requests.clone(),
            pool: pool.clone(),
            items,
            asked,
            began: Instant::now(),
            waits_when_full: producer.waits_when_full,
        }
    }

    /// The answers, item by item. Items that find the pool unavailable are asked for again.
    async fn finish(self) -> Result<Vec<Result<Enqueued, Rejection>>, EnqueueError> {
        let (mut answers, mut is_last) = enqueued(self.asked, self.items.len()).await?;
        loop {
            let (again, pause) = unavailable(&answers, self.waits_when_full);
            let Some(pause) = pause.filter(|_| !is_last) else {
                return Ok(answers);
            };
            let patience = self.requests.give_up_after();
            if patience.is_some_and(|patience| self.began.elapsed() + pause > patience) {
                return Ok(answers);
            }
            sleep(pause).await;
            let items: Vec<_> = again.iter().map(|&i| self.items[i].clone()).collect();
            let asked = self.requests.begin(enqueue(&self.pool, &items), None).await;
            let renewed;
            (renewed, is_last) = enqueued(asked, items.len()).await?;
            for (i, answer) in again.into_iter().zip(renewed) {
                answers[i] = answer;
            }
        }
    }
}

/// Before another try at a pool that is full and does not say when it will not be.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// A batch of plain tasks goes as it always did.
fn enqueue(pool: &PoolName, items: &[NewTask]) -> Request {
    let (pool, tasks) = (pool.clone(), items.iter().cloned());
    if items.iter().all(|task| task.wishes.is_empty()) {
        let tasks = tasks.map(EnqueueItem::from).collect();
        return Request::Enqueue { pool, tasks };
    }
    let tasks = tasks.map(EnqueueMoreItem::from).collect();
    Request::EnqueueMore { pool, tasks }
}

/// What a wish takes in a frame beside its text, at most.
const WISH_BYTES: usize = 64;

fn payload_bytes(task: &NewTask) -> usize {
    let wishes = task.wishes.iter().map(|wish| match wish {
        Wish::Key { key: text, .. } | Wish::Group(text) | Wish::Trace(text) => text.len(),
        Wish::After { tasks, .. } => tasks.len() * size_of::<TaskId>(),
        Wish::RunAt(_)
        | Wish::ExpiresAfter(_)
        | Wish::MaxRuntime(_)
        | Wish::BackOff { .. }
        | Wish::LossesMax(_)
        | Wish::InterruptionsMax(_) => 0,
    });
    task.payload.len() + wishes.map(|bytes| WISH_BYTES + bytes).sum::<usize>()
}

/// The answers, and whether they are the last word: a request that was rejected as a whole was
/// rejected for each of its items, and patience with it has run out already.
async fn enqueued(
    asked: Asked,
    items: usize,
) -> Result<(Vec<Result<Enqueued, Rejection>>, bool), EnqueueError> {
    let response = match asked.answer().await {
        Ok(answer) => answer.response,
        Err(RequestError::Rejected(rejection)) => return Ok((vec![Err(rejection); items], true)),
        Err(error) => return Err(error),
    };
    if let Response::Enqueued(answers) = response
        && answers.len() == items
    {
        return Ok((answers, false));
    }
    Err(RequestError::Unexpected)
}

/// Which items are to be asked for again, and after how long.
fn unavailable(
    answers: &[Result<Enqueued, Rejection>],
    waits_when_full: bool,
) -> (Vec<usize>, Option<Duration>) {
    let pause_of = |answer: &Result<_, Rejection>| {
        let refusal = answer.as_ref().err()?;
        // Hubs of version 1 say that it is full, and no more.
        let is_full_for_long = matches!(refusal, Rejection::PoolFull { .. });
        let is_full = is_full_for_long || matches!(refusal, Rejection::Full { .. });
        if is_full && !waits_when_full {
            return None;
        }
        let pause = is_full_for_long.then_some(FULL_PAUSE);
        pause.or_else(|| retry_after(refusal))
    };
    let again = (0..answers.len()).filter(|&i| pause_of(&answers[i]).is_some());
    (again.collect(), answers.iter().filter_map(pause_of).max())
}

const fn has_ended(state: StateKind) -> bool {
    match state {
        StateKind::Completed | StateKind::Cancelled | StateKind::Dead => true,
        StateKind::Scheduled | StateKind::Ready | StateKind::Claimed => false,
    }
}
