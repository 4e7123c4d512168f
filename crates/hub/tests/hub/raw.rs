//! A node made by hand: frames out, frames in, nothing remembered but what came early.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use leasehold_core::{Incarnation, NodeName};
use leasehold_hub::{Engine, Hub, HubConfig};
use leasehold_store::{Faults, FaultyStore, MemoryDisk, MemoryStore};
use leasehold_wire::{FromHub, FromNode, Hello, NodeCodec, Refusal, Request, Response, Welcome};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_util::codec::Framed;

/// How long anything may take that must come.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// A hub on a disk in memory that fails when it is told to.
pub(crate) struct Stage {
    pub(crate) hub: Hub,
    pub(crate) disk: MemoryDisk,
    pub(crate) faults: Faults,
}

/// Everything as it is by default, on a port that is free.
pub(crate) fn config() -> HubConfig {
    let mut config = HubConfig::default();
    config.store.engine = Engine::Memory;
    config.hub.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config
}

impl Stage {
    pub(crate) async fn start(config: HubConfig) -> Self {
        Self::start_on(config, MemoryDisk::default()).await
    }

    pub(crate) async fn start_on(config: HubConfig, disk: MemoryDisk) -> Self {
        let (store, faults) = FaultyStore::new(MemoryStore::on(disk.clone()));
        let hub = Hub::start(config, Box::new(store)).await;
        let hub = hub.expect("a hub starts");
        Self { hub, disk, faults }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.hub.address().expect("the hub listens")
    }

    /// A node over TCP with a session.
    pub(crate) async fn node(&self, name: &str) -> Node {
        Node::over_tcp(self.address(), hello(name)).await
    }

    /// A node inside this process with a session.
    pub(crate) async fn inside(&self, name: &str) -> Node {
        self.inside_as(hello(name)).await
    }

    pub(crate) async fn inside_as(&self, hello: Hello) -> Node {
        let line = self.hub.connect().await.expect("the hub is there");
        Node::greet(Box::new(line), hello).await
    }

    /// A connection on which nothing was said.
    pub(crate) async fn stranger(&self) -> Stranger {
        Stranger::new(Box::new(connect(self.address()).await))
    }

    /// Waits until a commit waits, without holding up the runtime.
    pub(crate) async fn stalled(&self) {
        let faults = self.faults.clone();
        let waiting = tokio::task::spawn_blocking(move || faults.wait_until_stalled());
        within(waiting).await.expect("waiting does not panic");
    }

    /// Waits until so many commits have begun, without holding up the runtime.
    pub(crate) async fn begun(&self, commits: u64) {
        let faults = self.faults.clone();
        let waiting = tokio::task::spawn_blocking(move || faults.wait_until_begun(commits));
        within(waiting).await.expect("waiting does not panic");
    }
}

/// A hello of a node of this name, in a run of its own.
pub(crate) fn hello(name: &str) -> Hello {
    static RUNS: AtomicU64 = AtomicU64::new(1);
    let name = NodeName::new(name).expect("a name");
    Hello::new(name, Incarnation(RUNS.fetch_add(1, Relaxed)))
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = within(TcpStream::connect(address)).await;
    let stream = stream.expect("the hub listens");
    stream.set_nodelay(true).expect("a socket takes that");
    stream
}

/// A connection that is reset when it is dropped.
pub(crate) async fn connect_to_reset(address: SocketAddr) -> TcpStream {
    let stream = connect(address).await;
    let lingering = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    lingering.expect("a socket takes that");
    stream
}

/// What must come comes.
pub(crate) async fn within<F: Future>(event: F) -> F::Output {
    timeout(SOON, event).await.expect("it did not come in time")
}

/// A connection before its session.
pub(crate) struct Stranger {
    frames: Framed<Box<dyn Line>, NodeCodec>,
}

impl Stranger {
    pub(crate) fn new(line: Box<dyn Line>) -> Self {
        Self {
            frames: Framed::new(line, NodeCodec::new()),
        }
    }

    pub(crate) async fn say(&mut self, message: FromNode) {
        within(self.frames.send(message)).await.expect("it is sent");
    }

    /// Says it; false if the connection is no more.
    pub(crate) async fn try_say(&mut self, message: FromNode) -> bool {
        within(self.frames.send(message)).await.is_ok()
    }

    /// The session is open.
    pub(crate) fn welcomed(self, welcome: Welcome) -> Node {
        let mut frames = self.frames;
        let bytes_max = welcome.frame_bytes_max;
        frames.codec_mut().set_frame_bytes_max(bytes_max);
        Node {
            frames,
            welcome,
            requests: 0,
            is_alive: true,
            early: VecDeque::new(),
        }
    }

    /// Bytes that need be no frame.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        use tokio::io::AsyncWriteExt;
        let written = within(self.frames.get_mut().write_all(bytes)).await;
        written.expect("it is sent");
    }

    /// What the hub says next; nothing if it closed.
    pub(crate) async fn hear(&mut self) -> Option<FromHub> {
        // A reset after the last word is an end as well.
        within(self.frames.next()).await.and_then(Result::ok)
    }

    /// The hub refuses, and closes.
    pub(crate) async fn refused(&mut self) -> Refusal {
        let heard = self.hear().await;
        let Some(FromHub::Refused(refusal)) = heard else {
            panic!("a refusal should have come, not {heard:?}");
        };
        assert_eq!(self.hear().await, None, "the hub closes after a refusal");
        refusal
    }
}

/// A connection with a session.
pub(crate) struct Node {
    frames: Framed<Box<dyn Line>, NodeCodec>,
    pub(crate) welcome: Welcome,
    requests: u64,
    /// Whether it lets itself be heard when the hub does.
    pub(crate) is_alive: bool,
    /// What came while something else was waited for.
    early: VecDeque<FromHub>,
}

impl Node {
    pub(crate) async fn over_tcp(address: SocketAddr, hello: Hello) -> Self {
        Self::greet(Box::new(connect(address).await), hello).await
    }

    pub(crate) async fn greet(line: Box<dyn Line>, hello: Hello) -> Self {
        let mut stranger = Stranger::new(line);
        stranger.say(FromNode::Hello(hello)).await;
        let heard = stranger.hear().await;
        let Some(FromHub::Welcome(welcome)) = heard else {
            panic!("a welcome should have come, not {heard:?}");
        };
        stranger.welcomed(welcome)
    }

    pub(crate) fn session(&self) -> u64 {
        self.welcome.session
    }

    pub(crate) async fn say(&mut self, message: FromNode) {
        within(self.frames.send(message)).await.expect("it is sent");
    }

    /// Sends a request and does not wait.
    pub(crate) async fn ask(&mut self, body: Request) -> u64 {
        self.requests += 1;
        let id = self.requests;
        self.say(FromNode::Request { id, body }).await;
        id
    }

    /// Sends a request and does not wait; false once the connection is no more.
    pub(crate) async fn try_ask(&mut self, body: Request) -> bool {
        self.requests += 1;
        let id = self.requests;
        self.frames
            .send(FromNode::Request { id, body })
            .await
            .is_ok()
    }

    /// Puts a request into the buffer; [`Node::flush`] sends it.
    pub(crate) async fn feed(&mut self, body: Request) -> u64 {
        self.requests += 1;
        let id = self.requests;
        let fed = within(self.frames.feed(FromNode::Request { id, body })).await;
        fed.expect("it is sent");
        id
    }

    pub(crate) async fn flush(&mut self) {
        let flushed = SinkExt::<FromNode>::flush(&mut self.frames);
        within(flushed).await.expect("it is sent");
    }

    /// The response to a request, whatever else comes before it.
    pub(crate) async fn answer(&mut self, wanted: u64) -> Response {
        let is_it =
            |heard: &FromHub| matches!(heard, FromHub::Response { id, .. } if *id == wanted);
        if let Some(at) = self.early.iter().position(is_it)
            && let Some(FromHub::Response { body, .. }) = self.early.remove(at)
        {
            return body;
        }
        loop {
            match self.hear_new().await {
                Some(FromHub::Response { id, body }) if id == wanted => return body,
                Some(other) => self.early.push_back(other),
                None => panic!("the session ended before the response; {:?}", self.early),
            }
        }
    }

    pub(crate) async fn request(&mut self, body: Request) -> Response {
        let id = self.ask(body).await;
        self.answer(id).await
    }

    /// What the hub says next, pings aside; nothing if the connection ended.
    pub(crate) async fn hear(&mut self) -> Option<FromHub> {
        match self.early.pop_front() {
            Some(early) => Some(early),
            None => self.hear_new().await,
        }
    }

    async fn hear_new(&mut self) -> Option<FromHub> {
        loop {
            match within(self.frames.next()).await {
                Some(Ok(FromHub::Ping)) if self.is_alive => {
                    // If it cannot be sent, the end is the next thing to be heard.
                    _ = self.frames.send(FromNode::Ping).await;
                }
                Some(Ok(FromHub::Ping)) => {}
                Some(Ok(heard)) => return Some(heard),
                // A reset after the last word is an end as well.
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// What the hub says next, pings too.
    pub(crate) async fn hear_even_pings(&mut self) -> Option<FromHub> {
        within(self.frames.next()).await.and_then(Result::ok)
    }

    /// The hub refuses this session, and closes.
    pub(crate) async fn refused(&mut self) -> Refusal {
        let heard = self.hear().await;
        let Some(FromHub::Refused(refusal)) = heard else {
            panic!("a refusal should have come, not {heard:?}");
        };
        assert_eq!(self.hear().await, None, "the hub closes after a refusal");
        refusal
    }

    /// The hub says bye, and closes: the reason, and when to come back.
    pub(crate) async fn dismissed(&mut self) -> (String, u64) {
        let heard = self.hear().await;
        let Some(FromHub::Bye {
            reason,
            retry_after_ms,
            ..
        }) = heard
        else {
            panic!("a bye should have come, not {heard:?}");
        };
        assert_eq!(self.hear().await, None, "the hub closes after its bye");
        (reason, retry_after_ms)
    }

    /// The connection, to do with it what no node would.
    pub(crate) fn into_line(self) -> Box<dyn Line> {
        self.frames.into_inner()
    }
}
