//! A hub that does what a test says, over a pipe.

use std::{io, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _, future::BoxFuture};
use leasehold_node::{
    Endpoint, Epoch, LeaseId, LeaseRef, NodeName, NodeOptions, Outcome, PoolId, PoolName, Refusal,
    RefusalCode, Rejection, Task, TaskId,
};
use leasehold_wire::{
    Delivery, EnqueuedItem, FromHub, FromNode, Hello, HubCodec, Request, Response, Welcome,
};
use tokio::{
    io::{DuplexStream, duplex},
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::codec::Framed;

/// Longer than anything in these tests takes; time is paused.
const PATIENCE: Duration = Duration::from_secs(1000);

pub(crate) struct FakeHub {
    streams: mpsc::UnboundedReceiver<DuplexStream>,
    pub(crate) welcome: Welcome,
}

/// A hub and the way to it.
pub(crate) fn hub() -> (Endpoint, FakeHub) {
    hub_with_pipe(1024 * 1024)
}

pub(crate) fn hub_with_pipe(bytes: usize) -> (Endpoint, FakeHub) {
    let (sender, streams) = mpsc::unbounded_channel();
    let sender = Arc::new(sender);
    let endpoint = Endpoint::over(move || {
        let sender = Arc::clone(&sender);
        async move {
            let (ours, theirs) = duplex(bytes);
            let gone = || io::Error::from(io::ErrorKind::ConnectionRefused);
            sender.send(theirs).map_err(|_| gone())?;
            Ok(ours)
        }
    });
    (
        endpoint,
        FakeHub {
            streams,
            welcome: welcome(),
        },
    )
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        session: 0,
        hub: "fake".into(),
        heartbeat_ms: 3_000,
        silence_after_ms: 3_600_000,
        frame_bytes_max: 1024 * 1024,
        payload_bytes_max: 1024 * 1024,
        result_bytes_max: 1000,
        batch_max: 4096,
        requests_max: 1024,
    }
}

impl FakeHub {
    /// The next session, welcomed.
    pub(crate) async fn accept(&mut self) -> Session {
        let mut session = self.accept_silently().await;
        self.welcome.session += 1;
        session.send(FromHub::Welcome(self.welcome.clone())).await;
        let frame_bytes_max = self.welcome.frame_bytes_max;
        session
            .framed
            .codec_mut()
            .set_frame_bytes_max(frame_bytes_max);
        session
    }

    /// The next connection, its hello read.
    pub(crate) async fn accept_silently(&mut self) -> Session {
        let stream = timeout(PATIENCE, self.streams.recv()).await;
        let stream = stream
            .expect("a node connects in time")
            .expect("the endpoint is alive");
        let mut framed = Framed::new(stream, HubCodec::new());
        match framed.next().await {
            Some(Ok(FromNode::Hello(hello))) => Session { framed, hello },
            other => panic!("a session begins with a hello, not {other:?}"),
        }
    }

    pub(crate) async fn refuse(&mut self, code: RefusalCode) {
        let reason = "as the test wishes".into();
        let mut session = self.accept_silently().await;
        session
            .send(FromHub::Refused(Refusal { code, reason }))
            .await;
    }
}

pub(crate) struct Session {
    pub(crate) framed: Framed<DuplexStream, HubCodec>,
    pub(crate) hello: Hello,
}

impl Session {
    pub(crate) async fn send(&mut self, message: FromHub) {
        self.framed.send(message).await.expect("the node reads");
    }

    pub(crate) async fn respond(&mut self, id: u64, body: Response) {
        self.send(FromHub::Response { id, body }).await;
    }

    /// What the node says next, pings included; none if it closed.
    pub(crate) async fn message(&mut self) -> Option<FromNode> {
        let next = timeout(PATIENCE, self.framed.next()).await;
        next.expect("the node says something in time")
            .map(Result::unwrap)
    }

    /// The next request.
    pub(crate) async fn request(&mut self) -> (u64, Request) {
        loop {
            match self.message().await {
                Some(FromNode::Request { id, body }) => return (id, body),
                Some(FromNode::Ping) => {}
                other => panic!("a request, not {other:?}"),
            }
        }
    }

    /// Reads up to the node's bye.
    pub(crate) async fn expect_bye(&mut self) {
        loop {
            match self.message().await {
                Some(FromNode::Bye) => break,
                Some(FromNode::Ping) => {}
                other => panic!("a bye, not {other:?}"),
            }
        }
        assert_eq!(self.message().await, None);
    }

    /// Answers an enqueue as new; what was in it.
    pub(crate) async fn serve_enqueue(&mut self) -> Vec<TaskId> {
        let (id, tasks) = self.enqueue().await;
        self.respond(id, enqueued(&tasks)).await;
        tasks
    }

    pub(crate) async fn enqueue(&mut self) -> (u64, Vec<TaskId>) {
        match self.request().await {
            (id, Request::Enqueue { tasks, .. }) => (id, tasks.iter().map(|t| t.id).collect()),
            (_, other) => panic!("an enqueue, not {other:?}"),
        }
    }

    /// Answers credit; the pool and how much.
    pub(crate) async fn credit(&mut self) -> (PoolName, u32) {
        match self.request().await {
            (id, Request::Credit { pool, tasks, .. }) => {
                self.respond(id, Response::Credited(tasks)).await;
                (pool, tasks)
            }
            (_, other) => panic!("credit, not {other:?}"),
        }
    }

    pub(crate) async fn deliver(&mut self, pool: &str, leases: impl IntoIterator<Item = u64>) {
        let tasks = leases.into_iter().map(delivery).collect();
        let pool = pool_name(pool);
        self.send(FromHub::Deliver { pool, tasks }).await;
    }

    /// A resume; its leases in order.
    pub(crate) async fn resume(&mut self) -> (u64, Vec<LeaseRef>) {
        match self.request().await {
            (id, Request::Resume { mut leases }) => {
                leases.sort();
                (id, leases)
            }
            (_, other) => panic!("a resume, not {other:?}"),
        }
    }

    /// Answers a resume with success.
    pub(crate) async fn serve_resume(&mut self) -> Vec<LeaseRef> {
        let (id, leases) = self.resume().await;
        let items = leases.iter().map(|_| Ok(LEASE_MS)).collect();
        self.respond(id, Response::Extended(items)).await;
        leases
    }

    /// A completion, a failure or a release of one lease, unanswered.
    pub(crate) async fn answer(&mut self) -> (u64, LeaseRef, Outcome) {
        match self.request().await {
            (id, Request::Complete { items }) => {
                assert_eq!(items.len(), 1);
                (
                    id,
                    items[0].proof,
                    Outcome::Complete(items[0].result.clone()),
                )
            }
            (id, Request::Fail { items }) => {
                assert_eq!(items.len(), 1);
                (id, items[0].proof, Outcome::Fail(items[0].reason.clone()))
            }
            (id, Request::Release { leases }) => {
                assert_eq!(leases.len(), 1);
                (id, leases[0], Outcome::Release)
            }
            (_, other) => panic!("an answer, not {other:?}"),
        }
    }

    /// Takes an answer.
    pub(crate) async fn serve_answer(&mut self) -> (LeaseRef, Outcome) {
        let (id, proof, outcome) = self.answer().await;
        self.respond(id, Response::Done(vec![Ok(())])).await;
        (proof, outcome)
    }
}

pub(crate) fn enqueued(tasks: &[TaskId]) -> Response {
    let item = |id: &TaskId| {
        Ok(EnqueuedItem {
            id: *id,
            known_as: None,
        })
    };
    Response::Enqueued(tasks.iter().map(item).collect())
}

pub(crate) fn unavailable(millis: u64) -> Rejection {
    Rejection::Unavailable {
        reason: "as the test wishes".into(),
        retry_after: Duration::from_millis(millis),
    }
}

pub(crate) fn options() -> NodeOptions {
    NodeOptions::default().name(NodeName::new("crane-1").expect("a name"))
}

pub(crate) fn pool_name(name: &str) -> PoolName {
    PoolName::new(name).expect("a name")
}

/// How long the leases of these tests run.
pub(crate) const LEASE_MS: u64 = 30_000;

/// The lease of this number, on the task of the same number.
pub(crate) fn proof(number: u64) -> LeaseRef {
    LeaseRef {
        task: TaskId::from_u128(number.into()),
        lease: LeaseId {
            pool: PoolId(1),
            epoch: Epoch(1),
            number,
        },
    }
}

pub(crate) fn delivery(number: u64) -> Delivery {
    Delivery {
        proof: proof(number),
        attempt: 1,
        lease_ms: LEASE_MS,
        priority: 0,
        enqueued_at_ms: 0,
        payload: number.to_string().into(),
    }
}

/// A handler that runs until the test says what comes of it, and what it was started with.
pub(crate) type Runs = mpsc::UnboundedReceiver<(Task, oneshot::Sender<Outcome>)>;

pub(crate) fn handler() -> (impl Fn(Task) -> BoxFuture<'static, Outcome>, Runs) {
    let (started, runs) = mpsc::unbounded_channel();
    let handler = move |task: Task| -> BoxFuture<'static, Outcome> {
        let (sender, outcome) = oneshot::channel();
        started.send((task, sender)).expect("the test is there");
        Box::pin(async move { outcome.await.unwrap_or(Outcome::Release) })
    };
    (handler, runs)
}
