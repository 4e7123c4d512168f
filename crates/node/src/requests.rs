//! Requests that survive their session: each is sent again until it is answered.

mod weight;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use leasehold_core::{Rejection, limits::BATCH_MAX, time::millis};
use leasehold_wire::{
    FRAME_BYTES_MAX_DEFAULT, FromNode, Refusal, Request, Response, Welcome, WireError,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout},
};

use weight::payload_bytes;

use crate::{
    Endpoint, NodeOptions, RequestError,
    link::{Inbound, Link, LinkEvent},
};

/// Requests that wait for the task which sends them.
const QUEUED_MAX: usize = 256;

/// Requests under way before a welcome has said how many there may be.
const REQUESTS_MAX_DEFAULT: usize = 1024;

/// Bytes of payload that may be under way.
const BYTES_UNDER_WAY_MAX: usize = 64 * 1024 * 1024;

/// Bytes that may wait for the socket before no more requests are taken.
const BYTES_UNSENT_MAX: usize = 4 * 1024 * 1024;

/// No pause before trying again is shorter, whatever the hub says.
const RETRY_MIN: Duration = Duration::from_millis(10);

/// A response, and whether its request was sent more than once.
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) repeated: bool,
}

type Reply = Result<Answer, RequestError>;

/// A request under way.
pub(crate) struct Asked {
    reply: oneshot::Receiver<Reply>,
    /// Keeps the sending task alive until the answer is here.
    _asks: mpsc::Sender<Ask>,
}

impl Asked {
    pub(crate) async fn answer(self) -> Reply {
        self.reply.await.unwrap_or(Err(RequestError::Ended))
    }
}

struct Ask {
    request: Request,
    /// When a request that waits at the hub is to be answered.
    until: Option<Instant>,
    reply: oneshot::Sender<Reply>,
}

/// The bounds that batches are split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) batch_max: usize,
    pub(crate) frame_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_max: BATCH_MAX,
            frame_bytes_max: FRAME_BYTES_MAX_DEFAULT as usize,
        }
    }
}

impl From<&Welcome> for Limits {
    fn from(welcome: &Welcome) -> Self {
        Self {
            batch_max: (welcome.batch_max as usize).clamp(1, BATCH_MAX),
            frame_bytes_max: welcome.frame_bytes_max as usize,
        }
    }
}

/// A handle on the task that sends requests. When the last one is dropped, that task says bye.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    asks: mpsc::Sender<Ask>,
    limits: watch::Receiver<Option<Limits>>,
    endpoint: Endpoint,
    give_up_after: Option<Duration>,
}

impl Requests {
    /// Must be called within a tokio runtime.
    pub(crate) fn spawn(endpoint: Endpoint, options: &NodeOptions) -> Self {
        let (asks, receiver) = mpsc::channel(QUEUED_MAX);
        let (limits, known) = watch::channel(None);
        let requester = Requester {
            link: Link::new(endpoint.clone(), options),
            asks: receiver,
            limits,
            pending: BTreeMap::new(),
            retries: BTreeSet::new(),
            bytes: 0,
            last_id: 0,
            give_up_after: options.give_up_after,
        };
        tokio::spawn(requester.run());
        Self {
            asks,
            limits: known,
            endpoint,
            give_up_after: options.give_up_after,
        }
    }

    /// Waits for room and hands the request over.
    pub(crate) async fn begin(&self, request: Request, until: Option<Instant>) -> Asked {
        let (reply, receiver) = oneshot::channel();
        let ask = Ask {
            request,
            until,
            reply,
        };
        // Fails only if the task is gone: then the receiver knows.
        let _ = self.asks.send(ask).await;
        Asked {
            reply: receiver,
            _asks: self.asks.clone(),
        }
    }

    pub(crate) async fn ask(&self, request: Request) -> Reply {
        self.begin(request, None).await.answer().await
    }

    pub(crate) const fn give_up_after(&self) -> Option<Duration> {
        self.give_up_after
    }

    /// What the hub said of its limits, once it has.
    pub(crate) async fn limits(&self) -> Result<Limits, RequestError> {
        let mut limits = self.limits.clone();
        let known = async move {
            let known = limits.wait_for(Option::is_some).await;
            known.map_or(Err(RequestError::Ended), |known| {
                Ok(known.unwrap_or_default())
            })
        };
        let Some(patience) = self.give_up_after else {
            return known.await;
        };
        timeout(patience, known).await.unwrap_or_else(|_| {
            Err(RequestError::Unreachable {
                endpoint: self.endpoint.to_string(),
                waited: patience,
                last: "no welcome came".into(),
            })
        })
    }
}

struct Pending {
    message: FromNode,
    until: Option<Instant>,
    reply: oneshot::Sender<Reply>,
    bytes: usize,
    sent: u32,
    /// Since when it has waited for a connection, while there is none.
    since: Instant,
    /// Since when the hub has answered that the pool is unavailable.
    unavailable_since: Option<Instant>,
}

impl Pending {
    /// Waits have no payload, and nobody would hear the answer.
    fn is_abandoned_wait(&self) -> bool {
        self.until.is_some() && self.reply.is_closed()
    }
}

struct Requester {
    link: Link,
    asks: mpsc::Receiver<Ask>,
    limits: watch::Sender<Option<Limits>>,
    pending: BTreeMap<u64, Pending>,
    /// What is to be sent once more without a reconnect, and when.
    retries: BTreeSet<(Instant, u64)>,
    bytes: usize,
    last_id: u64,
    give_up_after: Option<Duration>,
}

impl Requester {
    /// Ends once there is no handle: then nobody waits for an answer either.
    async fn run(mut self) {
        let mut asks = Vec::new();
        let mut open = true;
        while open {
            let room = self.room();
            let due = self.next_deadline();
            tokio::select! {
                event = self.link.next() => self.on_event(event),
                taken = self.asks.recv_many(&mut asks, room), if room > 0 => {
                    open = taken > 0;
                    asks.drain(..).for_each(|ask| self.take(ask));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.on_deadline(Instant::now());
                }
            }
        }
        self.link.bye().await;
    }

    /// How many more requests may be under way.
    fn room(&self) -> usize {
        if self.bytes >= BYTES_UNDER_WAY_MAX || self.link.unsent_bytes() >= BYTES_UNSENT_MAX {
            return 0;
        }
        let welcome = self.link.welcome();
        let most = welcome.map_or(REQUESTS_MAX_DEFAULT, |w| w.requests_max.max(1) as usize);
        most.saturating_sub(self.pending.len())
    }

    fn take(&mut self, ask: Ask) {
        self.link.wake();
        self.last_id += 1;
        let id = self.last_id;
        let bytes = payload_bytes(&ask.request);
        self.bytes += bytes;
        let pending = Pending {
            message: FromNode::Request {
                id,
                body: ask.request,
            },
            until: ask.until,
            reply: ask.reply,
            bytes,
            sent: 0,
            since: Instant::now(),
            unavailable_since: None,
        };
        self.pending.insert(id, pending);
        self.send(id);
    }

    fn send(&mut self, id: u64) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        if !self.link.is_open() {
            return;
        }
        let version = self.link.welcome().map_or(0, |welcome| welcome.version);
        if let FromNode::Request { body, .. } = &pending.message
            && body.since() > version
        {
            let what = format!("the hub speaks version {version} of the protocol");
            let rejection = Rejection::Unsupported(what);
            return self.finish(id, Err(rejection.into()));
        }
        pending.sent += 1;
        wait_only_until(pending.until, &mut pending.message);
        match self.link.send(&pending.message) {
            Ok(()) => {}
            Err(error @ WireError::FrameTooLong { .. }) => {
                self.finish(id, Err(RequestError::TooLong(error.to_string())));
            }
            Err(error) => self.link.cut(&error.to_string()),
        }
    }

    fn finish(&mut self, id: u64, reply: Reply) {
        if let Some(pending) = self.pending.remove(&id) {
            self.bytes -= pending.bytes;
            // Whoever does not wait any more does not want to know.
            let _ = pending.reply.send(reply);
        }
    }

    fn on_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected => self.on_connected(),
            LinkEvent::Received(inbound) => inbound.into_iter().for_each(|i| self.on_inbound(i)),
            LinkEvent::Disconnected(_) => self.on_disconnected(),
            LinkEvent::Refused(refusal) => self.on_refused(&refusal),
        }
    }

    fn on_connected(&mut self) {
        let limits = self.link.welcome().map(Limits::from);
        self.limits.send_replace(limits);
        self.retries.clear();
        self.pending
            .retain(|_, pending| !pending.is_abandoned_wait());
        let ids: Vec<u64> = self.pending.keys().copied().collect();
        ids.into_iter().for_each(|id| self.send(id));
    }

    fn on_disconnected(&mut self) {
        let now = Instant::now();
        for pending in self.pending.values_mut() {
            pending.since = now;
        }
    }

    fn on_refused(&mut self, refusal: &Refusal) {
        // Splits can be made without it, and the request will then tell of the refusal.
        self.limits.send_if_modified(|limits| {
            limits.get_or_insert_default();
            true
        });
        for id in self.pending.keys().copied().collect::<Vec<_>>() {
            self.finish(id, Err(RequestError::Refused(refusal.clone())));
        }
    }

    fn on_inbound(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Response { id, body } => self.on_response(id, body),
            // Only workers grant credit and hold leases.
            Inbound::Deliver { .. }
            | Inbound::DeliverMore { .. }
            | Inbound::Revoked { .. }
            | Inbound::StopAsked(_) => {}
        }
    }

    fn on_response(&mut self, id: u64, response: Response) {
        if ended_session(&response) {
            return self.link.cut("the hub ended the session");
        }
        let Response::Refused(rejection) = response else {
            let repeated = self.pending.get(&id).is_some_and(|p| p.sent > 1);
            return self.finish(id, Ok(Answer { response, repeated }));
        };
        if !self.retry_later(id, &rejection) {
            self.finish(id, Err(rejection.into()));
        }
    }

    /// Whether the request will be sent again because its pool is only unavailable just now.
    fn retry_later(&mut self, id: u64, rejection: &Rejection) -> bool {
        let (Some(pending), Some(pause)) = (self.pending.get_mut(&id), retry_after(rejection))
        else {
            return false;
        };
        let at = Instant::now() + pause;
        let since = *pending.unavailable_since.get_or_insert_with(Instant::now);
        if self
            .give_up_after
            .is_some_and(|patience| at > since + patience)
        {
            return false;
        }
        self.retries.insert((at, id));
        true
    }

    fn next_deadline(&self) -> Option<Instant> {
        let retry = self.retries.first().map(|(at, _)| *at);
        retry.into_iter().chain(self.next_give_up()).min()
    }

    /// Requests wait the longer, the older they are.
    fn next_give_up(&self) -> Option<Instant> {
        if self.link.is_open() {
            return None;
        }
        let (_, oldest) = self.pending.first_key_value()?;
        self.give_up_after.map(|patience| oldest.since + patience)
    }

    fn on_deadline(&mut self, now: Instant) {
        while self.next_give_up().is_some_and(|at| at <= now) {
            let Some((&id, oldest)) = self.pending.first_key_value() else {
                break;
            };
            let error = self.link.unreachable(now - oldest.since);
            self.finish(id, Err(error));
        }
        while self.retries.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, id)) = self.retries.pop_first() {
                self.send(id);
            }
        }
    }
}

/// When to come back, if that is what the hub asks for.
pub(crate) fn retry_after(rejection: &Rejection) -> Option<Duration> {
    match rejection {
        Rejection::Unavailable { retry_after, .. } | Rejection::Full { retry_after, .. } => {
            Some((*retry_after).max(RETRY_MIN))
        }
        Rejection::LeaseLost
        | Rejection::NoSuchTask
        | Rejection::Ended(_)
        | Rejection::NotDead(_)
        | Rejection::PoolFull { .. }
        | Rejection::OutOfBounds { .. }
        | Rejection::SessionEnded
        | Rejection::NoSuchPool(_)
        | Rejection::DiskNearlyFull { .. }
        | Rejection::Unsupported(_)
        | Rejection::UnknownParent(_)
        | Rejection::Cycle(_)
        | Rejection::KeyTaken(_)
        | Rejection::NoSuchSchedule(_)
        | Rejection::NotEmpty { .. }
        | Rejection::Invalid(_)
        | Rejection::Denied(_) => None,
    }
}

/// Whether the hub knows this session no more, and all has to be asked again in a new one.
pub(crate) fn ended_session(response: &Response) -> bool {
    match response {
        Response::Enqueued(items) => any_ended(items),
        Response::Extended(items) => any_ended(items),
        Response::Done(items) => any_ended(items),
        Response::Revived(items) => items.iter().any(|(_, item)| is_ended(item)),
        Response::Refused(rejection) => *rejection == Rejection::SessionEnded,
        Response::Claimed(_)
        | Response::Credited(_)
        | Response::Task(_)
        | Response::Tasks(_)
        | Response::Status(_)
        | Response::ClaimedMore(_)
        | Response::TaskMore { .. }
        | Response::Purged(_)
        | Response::Pool(_)
        | Response::Schedules(_)
        | Response::Authenticated(_)
        | Response::Tokens(_)
        | Response::TokenMade { .. }
        | Response::Backup(_) => false,
    }
}

fn any_ended<T>(items: &[Result<T, Rejection>]) -> bool {
    items.iter().any(is_ended)
}

fn is_ended<T>(item: &Result<T, Rejection>) -> bool {
    matches!(item, Err(Rejection::SessionEnded))
}

/// A wait that is sent again does not begin anew.
fn wait_only_until(until: Option<Instant>, message: &mut FromNode) {
    let Some(until) = until else { return };
    if let FromNode::Request {
        body: Request::Await { wait_ms, .. },
        ..
    } = message
    {
        *wait_ms = millis(until.saturating_duration_since(Instant::now()));
    }
}
