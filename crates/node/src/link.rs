//! A connection that comes back: what producers, inspectors and workers stand on.

use std::{future::pending, future::poll_fn, time::Duration};

use futures_util::future::BoxFuture;
use leasehold_core::{LeaseRef, PoolName, Revocation};
use leasehold_wire::{
    Delivery, DeliveryMore, FromHub, FromNode, Hello, Refusal, RefusalCode, Response, Welcome,
    WireError,
};
use tokio::time::{Instant, sleep};

use crate::{
    Endpoint, NodeOptions, RequestError,
    back_off::BackOff,
    connection::{Connection, Ending},
    doubt::Doubt,
};

/// What a hub says within a session.
#[derive(Debug)]
pub(crate) enum Inbound {
    Response {
        id: u64,
        body: Response,
    },
    Deliver {
        pool: PoolName,
        tasks: Vec<Delivery>,
    },
    DeliverMore {
        pool: PoolName,
        tasks: Vec<DeliveryMore>,
    },
    Revoked {
        proof: LeaseRef,
        why: Revocation,
    },
    /// The task of this lease is to end.
    StopAsked(LeaseRef),
}

#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A session is open; nothing was sent in it yet.
    Connected,
    /// All that was read together.
    Received(Vec<Inbound>),
    /// The session ended; the next one is on its way.
    Disconnected(String),
    /// The hub refuses this node; the link rests until [`Link::wake`].
    Refused(Refusal),
}

enum State {
    Resting,
    Connecting(BoxFuture<'static, Result<Box<Connection>, Ending>>),
    Open(Box<Connection>),
}

/// Connects, and connects again. The future of [`Link::next`] drives everything, and to drop it
/// loses nothing.
pub(crate) struct Link {
    endpoint: Endpoint,
    hello: Hello,
    back_off: BackOff,
    state: State,
    /// The session has ended, but what was read before the end has yet to be handled.
    ending: Option<Ending>,
    /// Since when there is, or is not, a session.
    since: Instant,
    /// The hub answered or sent something in this session.
    is_of_use: bool,
    doubt: Doubt,
    last_failure: String,
}

impl Link {
    pub(crate) fn new(endpoint: Endpoint, options: &NodeOptions) -> Self {
        let mut link = Self {
            endpoint,
            hello: options.hello(),
            back_off: BackOff::new(options),
            state: State::Resting,
            ending: None,
            since: Instant::now(),
            is_of_use: false,
            doubt: Doubt::default(),
            last_failure: "not connected yet".into(),
        };
        link.wake();
        link
    }

    /// Begins to connect if the link rests after a refusal.
    pub(crate) fn wake(&mut self) {
        if matches!(self.state, State::Resting) {
            self.connect_after(Duration::ZERO);
        }
    }

    /// The parameters of the session, while one is open.
    pub(crate) fn welcome(&self) -> Option<&Welcome> {
        self.open().map(Connection::welcome)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open().is_some()
    }

    pub(crate) fn unsent_bytes(&self) -> usize {
        self.open().map_or(0, Connection::unsent_bytes)
    }

    /// Queues a message; without a session it is dropped.
    pub(crate) fn send(&mut self, message: &FromNode) -> Result<(), WireError> {
        match &mut self.state {
            State::Open(connection) => connection.put(message),
            State::Resting | State::Connecting(_) => Ok(()),
        }
    }

    /// Since when there is no session, if there is none.
    pub(crate) fn down_since(&self) -> Option<Instant> {
        (!self.is_open()).then_some(self.since)
    }

    /// What the last attempt to connect failed with, or how the last session ended.
    pub(crate) fn last_failure(&self) -> &str {
        &self.last_failure
    }

    /// What a request fails with that waited for a session for so long.
    pub(crate) fn unreachable(&self, waited: Duration) -> RequestError {
        RequestError::Unreachable {
            endpoint: self.endpoint.to_string(),
            waited,
            last: self.last_failure.clone(),
        }
    }

    /// Ends the session by this side's wish to begin a new one; [`Self::next`] tells of it.
    pub(crate) fn cut(&mut self, reason: &str) {
        if self.is_open() {
            self.ending.get_or_insert(Ending::Failed(reason.into()));
        }
    }

    pub(crate) async fn next(&mut self) -> LinkEvent {
        loop {
            if let Some(ending) = self.ending.take() {
                return self.closed(ending);
            }
            match &mut self.state {
                State::Resting => pending().await,
                State::Connecting(connecting) => match connecting.await {
                    Ok(connection) => return self.opened(connection),
                    Err(Ending::Refused(refusal)) if self.is_final(refusal.code) => {
                        return self.rest(refusal);
                    }
                    Err(ending) => self.connect_again(ending),
                },
                State::Open(connection) => match poll_fn(|cx| connection.poll_next(cx)).await {
                    Ok(messages) => {
                        let inbound = self.sort(messages);
                        if !inbound.is_empty() {
                            return LinkEvent::Received(inbound);
                        }
                    }
                    Err(ending) => return self.closed(ending),
                },
            }
        }
    }

    /// Says bye, if a session is open, and is done.
    pub(crate) async fn bye(self) {
        match self.state {
            State::Open(connection) => connection.bye().await,
            State::Resting | State::Connecting(_) => {}
        }
    }

    fn open(&self) -> Option<&Connection> {
        match &self.state {
            State::Open(connection) => Some(connection),
            State::Resting | State::Connecting(_) => None,
        }
    }

    fn opened(&mut self, connection: Box<Connection>) -> LinkEvent {
        let welcome = connection.welcome();
        tracing::debug!(endpoint = %self.endpoint, session = welcome.session, "connected");
        self.state = State::Open(connection);
        self.is_of_use = false;
        self.since = Instant::now();
        LinkEvent::Connected
    }

    fn closed(&mut self, ending: Ending) -> LinkEvent {
        let lived = self.since.elapsed();
        self.back_off.session_lived(lived, self.is_of_use);
        self.since = Instant::now();
        match ending {
            Ending::Refused(refusal) if self.is_final(refusal.code) => self.rest(refusal),
            ending @ (Ending::Refused(_) | Ending::HubBye { .. } | Ending::Failed(_)) => {
                self.connect_again(ending);
                LinkEvent::Disconnected(self.last_failure.clone())
            }
        }
    }

    fn is_final(&mut self, code: RefusalCode) -> bool {
        self.doubt.is_final(code, Instant::now())
    }

    fn rest(&mut self, refusal: Refusal) -> LinkEvent {
        self.last_failure.clone_from(&refusal.reason);
        self.state = State::Resting;
        LinkEvent::Refused(refusal)
    }

    fn connect_again(&mut self, ending: Ending) {
        let pause = match &ending {
            Ending::Refused(refusal) => match refusal.code {
                RefusalCode::SessionsMax | RefusalCode::Superseded => self.back_off.pause_away(),
                RefusalCode::Malformed
                | RefusalCode::Version
                | RefusalCode::FrameTooLong
                | RefusalCode::Denied
                | RefusalCode::HandshakeTimeout
                | RefusalCode::Silence => self.back_off.pause(),
            },
            Ending::HubBye { retry_after, .. } => self.back_off.pause_for(*retry_after),
            Ending::Failed(_) => self.back_off.pause(),
        };
        self.last_failure = match ending {
            Ending::Refused(refusal) => refusal.reason,
            Ending::HubBye { reason, .. } => format!("the hub said bye: {reason}"),
            Ending::Failed(reason) => reason,
        };
        tracing::debug!(endpoint = %self.endpoint, reason = self.last_failure, ?pause, "connecting again");
        self.connect_after(pause);
    }

    fn connect_after(&mut self, pause: Duration) {
        let (endpoint, hello) = (self.endpoint.clone(), self.hello.clone());
        self.state = State::Connecting(Box::pin(async move {
            sleep(pause).await;
            Connection::open(endpoint, hello).await
        }));
    }

    /// What is for the layer above; an end of the session is kept for later.
    fn sort(&mut self, messages: Vec<FromHub>) -> Vec<Inbound> {
        let mut inbound = Vec::with_capacity(messages.len());
        for message in messages {
            match message {
                FromHub::Response { id, body } => inbound.push(Inbound::Response { id, body }),
                FromHub::Deliver { pool, tasks } => inbound.push(Inbound::Deliver { pool, tasks }),
                FromHub::Revoked { proof, why } => inbound.push(Inbound::Revoked { proof, why }),
                FromHub::DeliverMore { pool, tasks } => {
                    inbound.push(Inbound::DeliverMore { pool, tasks });
                }
                FromHub::StopAsked { proof, .. } => inbound.push(Inbound::StopAsked(proof)),
                FromHub::Ping => {}
                FromHub::Refused(refusal) => self.ending = Some(Ending::Refused(refusal)),
                FromHub::Bye {
                    reason,
                    retry_after_ms,
                    ..
                } => {
                    let retry_after = Duration::from_millis(retry_after_ms);
                    self.ending = Some(Ending::HubBye {
                        reason,
                        retry_after,
                    });
                }
                FromHub::Welcome(_) => {
                    self.ending = Some(Ending::Failed("a second welcome came".into()));
                }
            }
        }
        if !inbound.is_empty() {
            self.is_of_use = true;
            self.doubt.was_understood();
        }
        inbound
    }
}
