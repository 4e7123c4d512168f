//! One connection: frames in and out, heartbeats, and the patience with both directions.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use leasehold_wire::{FromHub, FromNode, Hello, NodeCodec, Refusal, Welcome, WireError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _},
    time::{Instant, Sleep, sleep_until, timeout},
};
use tokio_util::{
    codec::{Decoder as _, Encoder as _},
    io::poll_read_buf,
};

use crate::{
    endpoint::{BoxStream, Endpoint},
    tls::{self, Verdict},
};

/// How long a connect together with its handshake may take.
const HANDSHAKE_FOR: Duration = Duration::from_secs(5);

/// How long the last bytes of a session may take to leave.
const BYE_FOR: Duration = Duration::from_secs(1);

/// Room made before each read, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// A buffer that grew past this many bytes is given back once it is empty.
const BUFFER_BYTES_KEPT: usize = 256 * 1024;

/// No heartbeat is taken to be shorter, whatever the welcome says.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);

/// How a session ended, or why there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The hub refused it.
    Refused(Refusal),
    /// The hub said bye.
    HubBye {
        reason: String,
        retry_after: Duration,
    },
    /// TLS did not come about, and will not as things stand; for people.
    NoTls(String),
    /// Anything else; for people.
    Failed(String),
}

impl From<WireError> for Ending {
    fn from(error: WireError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Self {
        match tls::verdict(&error) {
            Verdict::Hopeless(why) => Self::NoTls(why),
            Verdict::TryAgain(why) => Self::Failed(why),
        }
    }
}

pub(crate) struct Connection {
    stream: BoxStream,
    codec: NodeCodec,
    welcome: Welcome,
    inbound: BytesMut,
    outbound: BytesMut,
    unflushed: bool,
    /// What came after the last good frame; told once those before it are.
    stumbled: Option<WireError>,
    /// When bytes were last read.
    heard_at: Instant,
    /// When a frame was last queued.
    spoke_at: Instant,
    /// When bytes were last written, or waited to be.
    wrote_at: Instant,
    /// Fires at or before the next moment that matters; moved lazily.
    timer: Pin<Box<Sleep>>,
}

impl Connection {
    pub(crate) async fn open(endpoint: Endpoint, hello: Hello) -> Result<Box<Self>, Ending> {
        timeout(HANDSHAKE_FOR, handshake(endpoint, hello))
            .await
            .unwrap_or_else(|_| Err(Ending::Failed("no welcome came in time".into())))
    }

    pub(crate) const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Bytes that wait to be written.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.outbound.len()
    }

    /// Puts a message into the buffer; [`Self::poll_next`] writes it.
    pub(crate) fn put(&mut self, message: &FromNode) -> Result<(), WireError> {
        let now = Instant::now();
        if self.outbound.is_empty() {
            self.wrote_at = now;
        }
        self.codec.encode(message, &mut self.outbound)?;
        self.spoke_at = now;
        Ok(())
    }

    /// Writes what is queued, sends pings, and is ready with all that was read together. To drop
    /// the wait loses nothing.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<FromHub>, Ending>> {
        loop {
            self.poll_write(cx)?;
            let messages = self.decode()?;
            if !messages.is_empty() {
                return Poll::Ready(Ok(messages));
            }
            if self.poll_read(cx)?.is_ready() {
                continue;
            }
            ready!(self.poll_timer(cx))?;
        }
    }

    /// Says bye and waits until that is written, or not.
    pub(crate) async fn bye(mut self) {
        if self.put(&FromNode::Bye).is_err() {
            return;
        }
        let leave = async {
            self.stream.write_all(&self.outbound).await?;
            self.stream.shutdown().await
        };
        // Whoever cannot even take a bye notices the cut.
        let _ = timeout(BYE_FOR, leave).await;
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        while !self.outbound.is_empty() {
            let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, &self.outbound)?
            else {
                return Ok(());
            };
            if written == 0 {
                return Err(Ending::Failed("the connection takes no more".into()));
            }
            self.outbound.advance(written);
            self.wrote_at = Instant::now();
            self.unflushed = true;
        }
        if self.unflushed && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
            self.unflushed = false;
            give_back(&mut self.outbound);
        }
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        self.inbound.reserve(READ_BYTES);
        let read = ready!(poll_read_buf(
            Pin::new(&mut self.stream),
            cx,
            &mut self.inbound
        ))?;
        if read == 0 {
            return Poll::Ready(Err(Ending::Failed("the connection was closed".into())));
        }
        self.heard_at = Instant::now();
        Poll::Ready(Ok(()))
    }

    /// All whole messages that have been read.
    fn decode(&mut self) -> Result<Vec<FromHub>, Ending> {
        if let Some(error) = self.stumbled.take() {
            return Err(error.into());
        }
        let mut messages = Vec::new();
        loop {
            match self.codec.decode(&mut self.inbound) {
                Ok(Some(FromHub::Ping)) => {}
                Ok(Some(message)) => messages.push(message),
                Ok(None) => return Ok(messages),
                Err(error) if messages.is_empty() => return Err(error.into()),
                Err(error) => {
                    self.stumbled = Some(error);
                    return Ok(messages);
                }
            }
        }
    }

    /// Ready when a ping was queued or nothing was due; an error when patience ran out.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        ready!(self.timer.as_mut().poll(cx));
        let now = Instant::now();
        if now >= self.heard_at + self.silence_after() {
            return Poll::Ready(Err(Ending::Failed("nothing was heard of the hub".into())));
        }
        if !self.outbound.is_empty() && now >= self.wrote_at + self.silence_after() {
            return Poll::Ready(Err(Ending::Failed("the hub does not read".into())));
        }
        if now >= self.ping_at() {
            self.put(&FromNode::Ping)?;
        }
        let next = self.next_deadline();
        self.timer.as_mut().reset(next);
        Poll::Ready(Ok(()))
    }

    fn next_deadline(&self) -> Instant {
        let silence = self.heard_at + self.silence_after();
        let stall = self.wrote_at + self.silence_after();
        let next = silence.min(self.ping_at());
        if self.outbound.is_empty() {
            next
        } else {
            next.min(stall)
        }
    }

    /// A little early, for the promise is "at least once every heartbeat". A hub that hears a ping
    /// takes the occasion for its own: two heartbeats for one wake-up of each side.
    fn ping_at(&self) -> Instant {
        self.spoke_at + self.heartbeat() * 7 / 8
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.welcome.heartbeat_ms).max(HEARTBEAT_MIN)
    }

    fn silence_after(&self) -> Duration {
        Duration::from_millis(self.welcome.silence_after_ms).max(2 * self.heartbeat())
    }
}

fn give_back(buffer: &mut BytesMut) {
    if buffer.capacity() > BUFFER_BYTES_KEPT {
        *buffer = BytesMut::new();
    }
}

async fn handshake(endpoint: Endpoint, hello: Hello) -> Result<Box<Connection>, Ending> {
    let mut stream = endpoint.connect().await?;
    let mut codec = NodeCodec::new();
    let mut outbound = BytesMut::new();
    codec.encode(&FromNode::Hello(hello), &mut outbound)?;
    stream.write_all(&outbound).await?;
    stream.flush().await?;
    let mut inbound = BytesMut::with_capacity(READ_BYTES);
    let first = loop {
        if let Some(message) = codec.decode(&mut inbound)? {
            break message;
        }
        if stream.read_buf(&mut inbound).await? == 0 {
            return Err(Ending::Failed("the hub hung up without a welcome".into()));
        }
    };
    let welcome = expect_welcome(first)?;
    codec.set_frame_bytes_max(welcome.frame_bytes_max);
    outbound.clear();
    let now = Instant::now();
    Ok(Box::new(Connection {
        stream,
        codec,
        welcome,
        inbound,
        outbound,
        unflushed: false,
        stumbled: None,
        heard_at: now,
        spoke_at: now,
        wrote_at: now,
        timer: Box::pin(sleep_until(now)),
    }))
}

fn expect_welcome(first: FromHub) -> Result<Welcome, Ending> {
    match first {
        FromHub::Welcome(welcome) => Ok(welcome),
        FromHub::Refused(refusal) => Err(Ending::Refused(refusal)),
        FromHub::Bye {
            reason,
            retry_after_ms,
            ..
        } => Err(Ending::HubBye {
            reason,
            retry_after: Duration::from_millis(retry_after_ms),
        }),
        FromHub::Response { .. }
        | FromHub::Deliver { .. }
        | FromHub::Revoked { .. }
        | FromHub::Ping
        | FromHub::DeliverMore { .. }
        | FromHub::StopAsked { .. } => Err(Ending::Failed(
            "the hub did not begin with a welcome".into(),
        )),
    }
}
