//! What a node asks, in few words.

use std::{sync::atomic::AtomicU64, sync::atomic::Ordering::Relaxed, time::Duration};

use bytes::Bytes;
use leasehold_core::{LeaseRef, PoolName, Rejection, StateKind, TaskId, time::millis};
use leasehold_wire::{
    CompleteItem, Delivery, EnqueueItem, EnqueuedItem, FailItem, FromHub, PoolStatus, Request,
    Response, Status, TaskDetail,
};

use super::raw::Node;

pub(crate) fn pool(name: &str) -> PoolName {
    PoolName::new(name).expect("a name")
}

/// An id that no other task of this process has.
pub(crate) fn new_id() -> TaskId {
    static IDS: AtomicU64 = AtomicU64::new(1);
    TaskId::from_u128(IDS.fetch_add(1, Relaxed).into())
}

pub(crate) fn item(id: TaskId, payload: impl Into<Bytes>) -> EnqueueItem {
    EnqueueItem {
        id,
        priority: 0,
        attempts_max: None,
        delay_ms: 0,
        payload: payload.into(),
    }
}

pub(crate) fn enqueue(name: &str, tasks: Vec<EnqueueItem>) -> Request {
    Request::Enqueue {
        pool: pool(name),
        tasks,
    }
}

pub(crate) fn claim(name: &str, tasks_max: u32, wait: Duration) -> Request {
    Request::Claim {
        pool: pool(name),
        tasks_max,
        wait_ms: millis(wait),
        lease_ms: None,
    }
}

pub(crate) fn credit(name: &str, tasks: u32) -> Request {
    Request::Credit {
        pool: pool(name),
        tasks,
        lease_ms: None,
    }
}

pub(crate) fn complete(proof: LeaseRef, result: Option<&[u8]>) -> Request {
    let result = result.map(Bytes::copy_from_slice);
    Request::Complete {
        items: vec![CompleteItem { proof, result }],
    }
}

pub(crate) fn fail(proof: LeaseRef, reason: &str) -> Request {
    let reason = reason.to_owned();
    Request::Fail {
        items: vec![FailItem { proof, reason }],
    }
}

pub(crate) fn release(proof: LeaseRef) -> Request {
    let leases = vec![proof];
    Request::Release { leases }
}

pub(crate) fn extend(proof: LeaseRef) -> Request {
    let (leases, lease_ms) = (vec![proof], None);
    Request::Extend { leases, lease_ms }
}

pub(crate) fn await_end(name: &str, task: TaskId, wait: Duration) -> Request {
    Request::Await {
        pool: pool(name),
        task,
        wait_ms: millis(wait),
    }
}

/// A wait that is longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(60);

impl Node {
    pub(crate) async fn enqueue_items(
        &mut self,
        name: &str,
        tasks: Vec<EnqueueItem>,
    ) -> Vec<Result<EnqueuedItem, Rejection>> {
        match self.request(enqueue(name, tasks)).await {
            Response::Enqueued(items) => items,
            other => panic!("not an answer to an enqueue: {other:?}"),
        }
    }

    /// Enqueues a task, which is accepted as new.
    pub(crate) async fn enqueue(&mut self, name: &str, payload: &[u8]) -> TaskId {
        let id = new_id();
        let tasks = vec![item(id, payload.to_vec())];
        let known_as = None;
        let accepted = vec![Ok(EnqueuedItem { id, known_as })];
        assert_eq!(self.enqueue_items(name, tasks).await, accepted);
        id
    }

    /// So many tasks without payload.
    pub(crate) async fn enqueue_many(&mut self, name: &str, count: usize) -> Vec<TaskId> {
        let ids: Vec<TaskId> = (0..count).map(|_| new_id()).collect();
        for ids in ids.chunks(4096) {
            let tasks = ids.iter().map(|id| item(*id, Bytes::new())).collect();
            let answers = self.enqueue_items(name, tasks).await;
            assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        }
        ids
    }

    pub(crate) async fn claim(
        &mut self,
        name: &str,
        tasks_max: u32,
        wait: Duration,
    ) -> Vec<Delivery> {
        let id = self.ask(claim(name, tasks_max, wait)).await;
        self.claimed(id).await
    }

    pub(crate) async fn claimed(&mut self, id: u64) -> Vec<Delivery> {
        match self.answer(id).await {
            Response::Claimed(tasks) => tasks,
            other => panic!("not an answer to a claim: {other:?}"),
        }
    }

    /// Waits for one task, which comes.
    pub(crate) async fn claim_one(&mut self, name: &str) -> Delivery {
        let mut tasks = self.claim(name, 1, LONG).await;
        tasks.pop().expect("a claim that waits is granted a task")
    }

    pub(crate) async fn delivered(&mut self) -> Vec<Delivery> {
        match self.hear().await {
            Some(FromHub::Deliver { tasks, .. }) => tasks,
            other => panic!("not a delivery: {other:?}"),
        }
    }

    /// One answer to a request about one lease or task.
    pub(crate) async fn done(&mut self, request: Request) -> Result<(), Rejection> {
        match self.request(request).await {
            Response::Done(items) if items.len() == 1 => items.into_iter().next().unwrap_or(Ok(())),
            Response::Refused(rejection) => Err(rejection),
            other => panic!("not an answer to one item: {other:?}"),
        }
    }

    pub(crate) async fn complete(&mut self, task: &Delivery) -> Result<(), Rejection> {
        self.done(complete(task.proof, None)).await
    }

    pub(crate) async fn resume(&mut self, leases: &[LeaseRef]) -> Vec<Result<u64, Rejection>> {
        let leases = leases.to_vec();
        match self.request(Request::Resume { leases }).await {
            Response::Extended(items) => items,
            other => panic!("not an answer to a resume: {other:?}"),
        }
    }

    pub(crate) async fn task(&mut self, task: TaskId) -> TaskDetail {
        match self.request(Request::Task { task }).await {
            Response::Task(detail) | Response::TaskMore { detail, .. } => *detail,
            other => panic!("not a task: {other:?}"),
        }
    }

    /// Waits for the task's end.
    pub(crate) async fn ended(&mut self, name: &str, task: TaskId) -> TaskDetail {
        let detail = match self.request(await_end(name, task, LONG)).await {
            Response::Task(detail) | Response::TaskMore { detail, .. } => *detail,
            other => panic!("not a task: {other:?}"),
        };
        assert!(detail.summary.state.is_end(), "{detail:?}");
        detail
    }

    pub(crate) async fn state(&mut self, task: TaskId) -> StateKind {
        self.task(task).await.summary.state
    }

    pub(crate) async fn status(&mut self) -> Status {
        match self.request(Request::Status { pool: None }).await {
            Response::Status(status) => *status,
            other => panic!("not a status: {other:?}"),
        }
    }

    pub(crate) async fn pool_status(&mut self, name: &str) -> PoolStatus {
        let request = Request::Status {
            pool: Some(pool(name)),
        };
        match self.request(request).await {
            Response::Status(mut status) => status.pools.pop().expect("the pool was asked for"),
            other => panic!("not a status: {other:?}"),
        }
    }

    /// Asks again until it is so: for what the protocol has no event.
    pub(crate) async fn until(&mut self, is_so: impl Fn(&Status) -> bool) -> Status {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        let asking = async {
            loop {
                let status = self.status().await;
                if is_so(&status) {
                    return status;
                }
                tick.tick().await;
            }
        };
        super::raw::within(asking).await
    }
}
